//! The event launcher without an API. (tests/virtuozzo has one.)

mod courses;
mod following;
