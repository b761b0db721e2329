//! The zones that are built in: chrono-tz's, as the build script (`tabulate.rs`) wrote them down.

use crate::schedule::{Segment, Zone};

include!(concat!(env!("OUT_DIR"), "/zones.rs"));

/// The zone called `name`; `None` if chrono-tz does not know it.
pub(super) fn load(name: &str) -> Option<Zone> {
    let place = ZONES.binary_search_by_key(&name, |zone| zone.0).ok()?;
    let (name, first, from, count) = *ZONES.get(place)?;
    let changes = CHANGES.get(from..)?.get(..count)?;
    let segments: Vec<Segment> = changes
        .iter()
        .map(|&(start, offset)| Segment { start, offset })
        .collect();
    Some(Zone::new(name, first, &segments))
}

/// The names of all of them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ZONES.iter().map(|zone| zone.0)
}
