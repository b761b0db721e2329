//! What is special about a due time: the clocks moved it, or its window is shut.

use super::times::clock;
use crate::planner::{Outside, Window};
use crate::schedule::{DueTime, Occurrence, Shift, Zone};

/// `moved: 02:30 does not exist on this date`
pub(super) fn shift_note(occurrence: Occurrence, zone: &Zone) -> Option<String> {
    match occurrence.shift {
        Shift::None => None,
        Shift::MovedFromGap(civil) => Some(format!("moved: {} does not exist on this date", clock(civil))),
        Shift::FirstOfTwo => Some(format!("first of two {}", clock(zone.civil(occurrence.due)))),
    }
}

/// `waits for its window until 20:00`; nothing while the window is open.
pub(super) fn window_note(
    window: Option<&Window>,
    due: DueTime,
    zone: &std::sync::Arc<Zone>,
) -> Option<String> {
    let Window { windows, outside } = window?;
    if windows.open_at(due, zone) {
        return None;
    }
    if *outside == Outside::Skip {
        return Some("outside its window: will be skipped".to_owned());
    }
    Some(match windows.opens(due, zone) {
        None => "outside its window, which does not open within 400 days".to_owned(),
        Some(opens) => {
            let (due, opens) = (zone.civil(due), zone.civil(opens));
            let day = if due.date() == opens.date() {
                String::new()
            } else {
                opens.format("%a %-d %b ").to_string()
            };
            format!("waits for its window until {day}{}", clock(opens))
        }
    })
}
