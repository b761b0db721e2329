//! Equal schedules, kept once.

use std::collections::HashSet;
use std::sync::Arc;

use super::Schedule;

/// Shares equal schedules: most plans of a cloud are "daily at some full hour", so a million plans have some thousand
/// schedules. What a plan then keeps of its schedule is a pointer, and plans with the same schedule have the same one.
#[derive(Debug, Default)]
pub struct Schedules {
    known: HashSet<Arc<Schedule>>,
    /// When so many are known, those that nobody else has are dropped.
    tidy_at: usize,
}

/// Below so many, nothing is dropped.
const FEW: usize = 1024;

impl Schedules {
    /// None are known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The one schedule that is equal to this one.
    ///
    /// One that no plan has any more goes some time later, by itself: each time the number of known ones has doubled
    /// they are looked through, so that this costs next to nothing and never keeps more than twice what is in use.
    #[must_use]
    pub fn share(&mut self, schedule: Schedule) -> Arc<Schedule> {
        if let Some(known) = self.known.get(&schedule) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.tidy_at {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.known.shrink_to(FEW);
            self.tidy_at = FEW.max(2 * self.known.len());
        }
        let new = Arc::new(schedule);
        self.known.insert(Arc::clone(&new));
        new
    }

    /// How many different ones are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Spec, Unscheduled, compile};
    use super::*;

    fn daily(hour: usize, minute: usize) -> Schedule {
        let (hour, minute) = (hour.to_string(), minute.to_string());
        let spec = Spec {
            hour: Some(&hour),
            minute: Some(&minute),
            ..Spec::default()
        };
        compile(&spec, Unscheduled::Once).unwrap()
    }

    #[test]
    fn equal_schedules_are_one() {
        let mut schedules = Schedules::new();
        let (one, same, other) = (
            schedules.share(daily(2, 0)),
            schedules.share(daily(2, 0)),
            schedules.share(daily(3, 0)),
        );
        assert!(Arc::ptr_eq(&one, &same));
        assert_ne!(one, other);
        assert_eq!(schedules.len(), 2);
    }

    #[test]
    fn what_no_plan_has_any_more_goes() {
        let mut schedules = Schedules::new();
        let kept = schedules.share(daily(23, 59));
        for round in 0..5 {
            for minute in 0..1000 {
                let spec = format!("{},{}", round + 1, minute / 60 + 6);
                let minute = (minute % 60).to_string();
                let spec = Spec {
                    hour: Some(&spec),
                    minute: Some(&minute),
                    ..Spec::default()
                };
                drop(schedules.share(compile(&spec, Unscheduled::Once).unwrap()));
            }
        }
        assert!(schedules.len() <= 2 * FEW, "{}", schedules.len());
        assert!(Arc::ptr_eq(&kept, &schedules.share(daily(23, 59))));
    }
}
