//! A zone whose data changes: a country with summer time, one that gives it up, one that moves its dates.

use std::sync::Arc;

use freezerd::schedule::{Segment, Zone};

/// How many there are.
pub const COUNT: usize = 4;

const DAY: i64 = 86_400;
const HOUR: i32 = 3_600;

/// The n-th data of the zone, from 2026 to 2034.
pub fn data(number: usize) -> Arc<Zone> {
    let summer = |spring: i64, autumn: i64| {
        let year = |year: i64| {
            // 2026-01-01 and each year after it; a leap day more or less changes nothing here.
            let begins = 1_767_225_600 + year * 365 * DAY;
            [
                Segment {
                    start: begins + spring * DAY + i64::from(HOUR),
                    offset: 2 * HOUR,
                },
                Segment {
                    start: begins + autumn * DAY + i64::from(HOUR),
                    offset: HOUR,
                },
            ]
        };
        (0..9).flat_map(year).collect::<Vec<_>>()
    };
    Arc::new(match number {
        0 => Zone::utc(),
        1 => Zone::new("Here", HOUR, &summer(87, 297)),
        2 => Zone::new("Here", HOUR, &summer(66, 304)),
        _ => Zone::new("Here", HOUR, &[]),
    })
}
