//! One plan's due times against the runs that were seen: which run belongs to which due time, and what a due time
//! without one means.
//!
//! A run belongs to the latest due time before its start. Where several belong to one, the first is its run and
//! the others are told as runs when nothing was due. PURE.

use chrono::{DateTime, Utc};

use crate::planner::{Reason, Sighting};
use crate::schedule::DueTime;

/// A due time counts as missing when it was seen this many seconds after it that nothing had run.
pub(super) const MISSING_AFTER: i64 = 60;

/// What freezerd would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Would {
    /// Run it.
    Run,
    /// Take it together with a later due time: freezerd itself was away.
    Coalesce,
    /// Not run it.
    Skip(Reason),
    /// Nothing: it was not in shadow, and ran plans itself.
    Itself,
}

/// Due times with one verdict: one, or several from `first` to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decided {
    pub first: DueTime,
    pub last: DueTime,
    pub count: u64,
    pub would: Would,
}

/// What the other scheduler did about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did<'a> {
    /// This.
    Ran(&'a Sighting),
    /// Of several due times, it ran so many times.
    RanTimes(usize),
    /// Nothing, as far as the listings show.
    Missing,
    /// It cannot be known: a listing came only after a later run had taken this one's place in the document.
    Unknown,
    /// It is too early to say: no listing came since.
    Pending,
}

/// A line of the comparison; without `decided`, a run when nothing was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared<'a> {
    pub decided: Option<Decided>,
    pub did: Did<'a>,
}

impl Compared<'_> {
    /// Whether the two did the same; `None`: that is not known, or freezerd was away.
    pub(super) fn same(&self) -> Option<bool> {
        match (self.decided.map(|decided| decided.would), self.did) {
            (_, Did::Unknown | Did::Pending) | (Some(Would::Coalesce | Would::Itself), _) => None,
            (Some(Would::Run), did) => Some(matches!(did, Did::Ran(_))),
            (Some(Would::Skip(_)), did) => Some(matches!(did, Did::Missing)),
            (None, _) => Some(false),
        }
    }
}

/// Compares. `decided` and `runs` are in their order; `polled`: when the last complete listing was asked for.
/// `early`: a run may have begun before its due time, because that is when freezerd first saw the plan.
pub(super) fn compare<'a>(
    decided: &[Decided],
    runs: &'a [Sighting],
    polled: Option<DateTime<Utc>>,
    early: bool,
) -> Vec<Compared<'a>> {
    let mut lines = Vec::new();
    let place = |run: &Sighting| decided.partition_point(|due| due.first <= run.started);
    let mut rest = runs;
    let mut take = |to: usize| {
        let length = rest.partition_point(|run| place(run) <= to);
        let (taken, left) = rest.split_at(length);
        rest = left;
        (taken, left.first())
    };
    // Nothing was due before these.
    let (before, _) = if early && !decided.is_empty() {
        (&[] as &[Sighting], None)
    } else {
        take(0)
    };
    lines.extend(before.iter().map(undue));
    for (index, due) in decided.iter().enumerate() {
        let (taken, next) = take(index + 1);
        let did = match taken {
            [] => absent(due, next, polled),
            [first, ..] if due.count == 1 => Did::Ran(first),
            several => Did::RanTimes(several.len()),
        };
        lines.push(Compared {
            decided: Some(*due),
            did,
        });
        if due.count == 1 {
            lines.extend(taken.iter().skip(1).map(undue));
        }
    }
    lines
}

fn undue(run: &Sighting) -> Compared<'_> {
    Compared {
        decided: None,
        did: Did::Ran(run),
    }
}

/// What it means that no run is known of this due time. `next`: the run that was seen next.
fn absent<'a>(due: &Decided, next: Option<&Sighting>, polled: Option<DateTime<Utc>>) -> Did<'a> {
    let sure = |listing: Option<DateTime<Utc>>| {
        listing.is_some_and(|listing| DueTime::floor(listing).since(due.last) >= MISSING_AFTER)
    };
    match next {
        Some(run) if sure(run.unseen) => Did::Missing,
        Some(_) => Did::Unknown,
        None if sure(polled) => Did::Missing,
        None => Did::Pending,
    }
}
