//! Schedules against the world: vectors, oracles, audits. Unit tests stand by the code.

mod agreement;
mod audit;
mod bench;
mod kinds;
mod model;
mod properties;
mod rejections;
mod vectors;
mod windows;
