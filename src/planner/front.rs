//! The fronts of the slots: what is looked at when a due time comes, and nothing else.
//!
//! When a hundred thousand plans of a million are due at one second, what it costs is to fetch what is known of them: a slot
//! lies in two or three lines of memory that no other plan shares, on a page that few share. So what a verdict on plans that
//! are alike looks at, and changes, stands in the roster side by side, apart from the slots.

use std::num::NonZeroU64;
use std::sync::Arc;

use crate::schedule::{DueTime, Timetable};

use super::Reason;

/// The front of a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Front {
    /// Every due time up to and including this one has its verdict.
    pub(super) covered: DueTime,
    /// The due time it is on the clock with.
    pub(super) armed: Option<DueTime>,
    /// What is worked out of the slot; `None`: it may have changed since. The roster sees to that.
    pub(super) likeness: Option<Likeness>,
}

impl Front {
    /// Of a plan that is not on the clock yet.
    pub(super) const fn new(covered: DueTime) -> Self {
        Self {
            covered,
            armed: None,
            likeness: None,
        }
    }

    /// Whether its run waits together with others: it has none of its own, and is for the due time up to which all is decided.
    pub(super) fn waits(&self) -> bool {
        self.likeness == Some(Likeness::WAITS)
    }
}

/// All that a verdict looks at, of a plan that has nothing of its own for it: its timetable (where that is), and what
/// hinders it. In eight bytes: the address, which leaves the uppermost eight bits free, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Likeness(NonZeroU64);

/// Bits of the reason.
const OF_REASON: u32 = 8;

impl Likeness {
    /// It has something of its own: no address is so low.
    pub(super) const NONE: Self = Self(NonZeroU64::MIN);
    /// Its run waits together with others: nor is any so low.
    pub(super) const WAITS: Self = Self(NonZeroU64::MIN.saturating_add(1));

    /// Of a plan that has this timetable, and keeps it for as long as this likeness is held to be its own.
    pub(super) fn new(timetable: &Arc<Timetable>, hindrance: Option<Reason>) -> Self {
        let reason = hindrance.map_or(0, |reason| 1 + u64::from(reason as u8));
        let place = u64::try_from(Arc::as_ptr(timetable).addr()).unwrap_or(u64::MAX);
        let fits = place >> (u64::BITS - OF_REASON) == 0;
        let packed = NonZeroU64::new(place << OF_REASON | reason).filter(|_| fits);
        packed.map_or(Self::NONE, Self)
    }
}
