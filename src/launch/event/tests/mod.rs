//! The event launcher without an API. (tests/virtuozzo has one.)

mod bed;
mod courses;
mod following;
