//! Plans that are seen for the first time: on whose word they are taken in, and how many there may be.
//!
//! A plan is taken in with its page, before its listing is complete. A listing that breaks off proves nothing; one that
//! breaks off at every poll could bring other plans each time, without end, for only a complete one tells what is
//! gone. So after one that brought new plans and broke off, what is new in the next one waits until that is complete.
//! What waits is held; beyond what may be held it is left out, and read with the listing after.

use std::sync::Arc;

use crate::plan::{self, Plan};

use super::Planner;

/// Most plans that are known at a time: more than one node carries, and few enough to fit into its memory.
pub const MOST_PLANS: usize = 2_000_000;
/// Bytes of documents that are held until their listing is complete.
const WAITING_BYTES: usize = 32 << 20;

/// Who is new, and what became of them.
#[derive(Debug)]
pub(super) struct Newcomers {
    most: usize,
    /// Some were taken in since the last complete listing.
    taken: bool,
    /// A listing that brought some broke off, and none was complete since.
    doubted: bool,
    /// The documents of those that wait until their listing is complete, and their bytes. (Read, they may need forty times
    /// as much.)
    waiting: Vec<Arc<str>>,
    bytes: usize,
    /// So many of this listing could not even wait.
    left_out: usize,
    /// So many of it are more than there may be.
    turned_away: usize,
}

impl Default for Newcomers {
    fn default() -> Self {
        Self {
            most: MOST_PLANS,
            taken: false,
            doubted: false,
            waiting: Vec::new(),
            bytes: 0,
            left_out: 0,
            turned_away: 0,
        }
    }
}

impl Newcomers {
    /// The listing that is being read broke off.
    pub(super) fn broken_off(&mut self) {
        *self = Self {
            most: self.most,
            doubted: self.doubted || self.taken,
            ..Self::default()
        };
    }

    /// It is complete. Gives those that waited for that, one after another.
    pub(super) fn proven(&mut self) -> impl Iterator<Item = Plan> + use<> {
        self.doubted = false;
        self.bytes = 0;
        let waited = std::mem::take(&mut self.waiting).into_iter();
        // They were read once; they are again.
        waited.filter_map(|document| Some(plan::parse(&document, "").ok()?.plan))
    }

    /// It is taken in. Tells whether all of it was.
    pub(super) fn over(&mut self) -> bool {
        let all = self.left_out == 0;
        *self = Self {
            most: self.most,
            ..Self::default()
        };
        all
    }
}

impl Planner {
    /// A plan that is not known: given back if it is to be taken in now.
    pub(super) fn admit(&mut self, plan: Plan) -> Option<Plan> {
        if self.aside.contains_key(&plan.id) {
            return Some(plan);
        }
        let new = &mut self.newcomers;
        if self.slots.len() + new.waiting.len() >= new.most {
            new.turned_away += 1;
            return None;
        }
        if !new.doubted {
            new.taken = true;
            return Some(plan);
        }
        let bytes = new.bytes.saturating_add(plan.document.len());
        if bytes > WAITING_BYTES {
            new.left_out += 1;
        } else {
            new.bytes = bytes;
            new.waiting.push(plan.document);
        }
        None
    }

    /// How many plans of the listing that is being read were not taken in, because there are [`MOST_PLANS`].
    #[must_use]
    pub fn turned_away(&self) -> usize {
        self.newcomers.turned_away
    }
}

#[cfg(test)]
impl Newcomers {
    pub(super) fn at_most(&mut self, most: usize) {
        self.most = most;
    }
}
