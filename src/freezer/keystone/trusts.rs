//! The places of tokens by plans' trusts: one a trust, however many plans came with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::slot::Slot;
use crate::plan::TrustId;

/// Trusts whose tokens are kept. With more in use at a time some tokens are got more often, and nothing breaks.
const KEPT: usize = 1024;

#[derive(Debug)]
struct Place {
    slot: Arc<Slot>,
    /// When it was last asked for, on the monotonic clock.
    used: Duration,
}

/// The places, at most [`KEPT`]: the one that was asked for longest ago makes room.
#[derive(Debug, Default)]
pub(super) struct Trusts(Mutex<HashMap<TrustId, Place>>);

impl Trusts {
    /// The place of this trust's token.
    pub fn slot(&self, trust: &TrustId, now: Duration) -> Arc<Slot> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get_mut(trust) {
            place.used = now;
            return Arc::clone(&place.slot);
        }
        if places.len() >= KEPT {
            let oldest = places.iter().min_by_key(|(_, place)| place.used);
            if let Some(oldest) = oldest.map(|(trust, _)| trust.clone()) {
                places.remove(&oldest);
            }
        }
        let slot = Arc::<Slot>::default();
        let place = Place {
            slot: Arc::clone(&slot),
            used: now,
        };
        places.insert(trust.clone(), place);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_a_trust_and_a_bounded_number_of_them() {
        let trusts = Trusts::default();
        let slot = |number: usize, at: usize| {
            let trust = TrustId::new(&format!("t{number}"));
            trusts.slot(&trust, Duration::from_secs(at as u64))
        };
        let first = slot(0, 0);
        assert!(Arc::ptr_eq(&first, &slot(0, 1)));
        for number in 1..KEPT {
            slot(number, 2);
        }
        assert!(Arc::ptr_eq(&first, &slot(0, 3)), "there is room for all of these");
        slot(KEPT, 4);
        assert!(Arc::ptr_eq(&first, &slot(0, 5)), "another one made room");
        assert_eq!(trusts.0.lock().expect("no panic").len(), KEPT);
    }
}
