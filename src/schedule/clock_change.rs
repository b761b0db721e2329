//! From civil time to instants: what happens to a calendar when the clocks change.
//!
//! Two rules, and the hours of the calendar decide which (never how its text was written):
//! - every hour is allowed: **real time**. Whenever the clock on the wall shows a match, it is due.
//!   So nothing is added for what a gap skips, and both passes of a fold run.
//! - otherwise **once per wall-clock time**. Each civil second has one place among instants
//!   ([`Zone::place`]): the first time the clock shows it, or the end of the gap that skips it. Places
//!   never decrease, so the next due time is the place of the next match.

use super::calendar::Calendar;
use super::civil::LAST;
use super::due::{DueTime, Occurrence, Shift};
use super::zone::{Place, Zone};

/// A longer gap is a date that was skipped; it moves nothing. In seconds.
const LONGEST_GAP: i64 = 3 * 3600;

/// The first due time of `calendar` in `zone`, from the instant `from` on.
#[inline(always)]
pub(super) fn due_from(calendar: &Calendar, zone: &Zone, from: i64) -> Option<Occurrence> {
    // Mostly the clocks change neither around `from` nor until the next due time. Then both rules agree, and there
    // is nothing to decide.
    let (here, next) = zone.stretches_from(from);
    let civil = here.segment().read(from);
    let found = calendar.at_or_after(civil);
    let read_in = match found {
        Some(found) if here.is_calm(civil, found) => here,
        // They change on the way, and far from both ends of it: that concerns none but real time.
        Some(found) if here.is_under_way(civil) && next.alone(found) && !calendar.times().every_hour() => {
            next
        }
        _ => return decided_from(calendar, zone, from, (civil, found)),
    };
    found.map(|found| unmoved(read_in.segment().when(found)))
}

/// The same, by the rules. `searched`: a civil second, and the first match from it on. (Rare, and kept apart: it
/// would crowd the registers of what is asked always.)
#[inline(never)]
fn decided_from(
    calendar: &Calendar,
    zone: &Zone,
    from: i64,
    searched: (i64, Option<i64>),
) -> Option<Occurrence> {
    if calendar.times().every_hour() {
        return shown_from(calendar, zone, from).map(unmoved);
    }
    let first = zone.first_civil_from(from);
    let found = match searched {
        (civil, found) if civil == first => found,
        _ => calendar.at_or_after(first),
    };
    once_from(calendar, zone, found?)
}

fn unmoved(instant: i64) -> Occurrence {
    Occurrence {
        due: DueTime::from_epoch(instant),
        shift: Shift::None,
    }
}

/// Real time: the first instant, from `from` on, at which the clock on the wall shows a match.
pub(super) fn shown_from(calendar: &Calendar, zone: &Zone, from: i64) -> Option<i64> {
    let mut index = zone.index_at(from);
    let mut searched = zone.segment(index).read(from);
    let mut found = calendar.at_or_after(searched);
    loop {
        let segment = zone.segment(index);
        let end = zone.end_of(index);
        match found.map(|civil| segment.when(civil)) {
            Some(instant) if instant < end => return Some(instant),
            _ if end > LAST => return None,
            _ => {}
        }
        index += 1;
        let begins = zone.segment(index).read(end);
        // What was found still stands unless the clock went back behind where the search began, or
        // jumped beyond what it found.
        if begins < searched || found.is_some_and(|civil| civil < begins) {
            searched = begins;
            found = calendar.at_or_after(searched);
        }
    }
}

/// Once per wall-clock time: the due time of the first match, `civil`, or of the next one if that is skipped.
fn once_from(calendar: &Calendar, zone: &Zone, mut civil: i64) -> Option<Occurrence> {
    loop {
        match zone.place(civil) {
            Place::Read { instant, again } => {
                let shift = if again { Shift::FirstOfTwo } else { Shift::None };
                return Some(Occurrence {
                    due: DueTime::from_epoch(instant),
                    shift,
                });
            }
            Place::Skipped { ends, length, .. } if length <= LONGEST_GAP => {
                let shift = moved_from(civil);
                return Some(Occurrence {
                    due: DueTime::from_epoch(ends),
                    shift,
                });
            }
            Place::Skipped { resumes, .. } => civil = calendar.at_or_after(resumes)?,
        }
    }
}

/// That a run was moved from a civil time which the clock skips.
pub(super) fn moved_from(civil: i64) -> Shift {
    Shift::MovedFromGap(DueTime::from_epoch(civil).instant().naive_utc())
}

/// How many due times lie in `from <= due <= until`.
pub(super) fn count(calendar: &Calendar, zone: &Zone, from: i64, until: i64) -> u64 {
    if from > until {
        return 0;
    }
    let real_time = calendar.times().every_hour();
    (zone.index_at(from)..=zone.index_at(until))
        .map(|index| {
            let segment = zone.segment(index);
            let begins = segment.read(segment.start);
            let first = segment.read(segment.start.max(from));
            let end = segment.read(zone.end_of(index).min(until.saturating_add(1)));
            if real_time {
                return calendar.count(first, end);
            }
            let reached = zone.reached_before(index);
            let gap = begins.saturating_sub(reached);
            let moved = from <= segment.start
                && (1..=LONGEST_GAP).contains(&gap)
                && calendar.at_or_after(reached).is_some_and(|civil| civil < begins)
                && !calendar.contains(begins);
            calendar.count(first.max(reached), end) + u64::from(moved)
        })
        .sum()
}

/// The last due time in `from <= due <= until`, given that one lies there.
///
/// It looks back from `until` in strides that double until one is met, then halves what is left: some
/// thirty searches, however many due times there are.
pub(super) fn last_until(calendar: &Calendar, zone: &Zone, from: i64, until: i64) -> Option<DueTime> {
    let met = |since: i64| {
        let found = due_from(calendar, zone, since)?.due;
        (found.epoch() <= until).then_some(found)
    };
    let mut stride = 1;
    // Always: something is due at `last` and nothing from `none` on.
    let mut none = until.saturating_add(1);
    let mut last = loop {
        let since = until.saturating_sub(stride).max(from);
        if let Some(found) = met(since) {
            break found;
        }
        if since <= from {
            return None;
        }
        none = since;
        stride = stride.saturating_mul(2);
    };
    while last.epoch() + 1 < none {
        let middle = last.epoch() + (none - last.epoch()) / 2;
        match met(middle) {
            Some(found) => last = found,
            None => none = middle,
        }
    }
    Some(last)
}
