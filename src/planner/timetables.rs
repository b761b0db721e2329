//! Plans with equal schedules in one zone have one timetable, unless it counts from when a plan was made.

use std::collections::HashMap;
use std::sync::Arc;

use crate::plan::Plan;
use crate::schedule::{DueTime, Schedule, Timetable, Zone};

use super::Policy;
use super::brief::anchor;

/// The timetables of plans, each once.
#[derive(Debug, Default)]
pub struct Timetables {
    /// Of schedules that need no anchor; a node has few zones.
    of_zones: Vec<(Arc<Zone>, OfZone)>,
}

type OfZone = HashMap<Arc<Schedule>, Arc<Timetable>, foldhash::quality::RandomState>;

impl Timetables {
    /// The timetable of `plan`, first seen at `first_seen`.
    pub fn of(&mut self, plan: &Plan, policy: &Policy, first_seen: DueTime) -> Arc<Timetable> {
        let created = plan.created.map(DueTime::floor);
        let anchor = anchor(plan.schedule.kind(), created, first_seen);
        self.shared(&plan.schedule, &policy.zone_of(plan), anchor)
    }

    /// The one that all have whose schedule equals `schedule`, unless it needs its anchor.
    pub(super) fn shared(
        &mut self,
        schedule: &Arc<Schedule>,
        zone: &Arc<Zone>,
        anchor: DueTime,
    ) -> Arc<Timetable> {
        let bind =
            |zone: &Arc<Zone>| Arc::new(Timetable::new(Arc::clone(schedule), Arc::clone(zone), anchor));
        if schedule.wants_anchor() {
            return bind(zone);
        }
        let known = self
            .of_zones
            .iter()
            .position(|(known, _)| Arc::ptr_eq(known, zone));
        let at = known.unwrap_or_else(|| {
            self.of_zones.push((Arc::clone(zone), OfZone::default()));
            self.of_zones.len() - 1
        });
        let Some((zone, timetables)) = self.of_zones.get_mut(at) else {
            return bind(zone);
        };
        if let Some(shared) = timetables.get(schedule) {
            return Arc::clone(shared);
        }
        let timetable = bind(zone);
        timetables.insert(Arc::clone(schedule), Arc::clone(&timetable));
        timetable
    }

    /// Forgets those that nobody has any more.
    pub(super) fn tidy(&mut self) {
        for (_, timetables) in &mut self.of_zones {
            timetables.retain(|_, timetable| Arc::strong_count(timetable) > 1);
        }
        self.of_zones.retain(|(_, timetables)| !timetables.is_empty());
    }

    /// How many are shared.
    pub(super) fn len(&self) -> usize {
        self.of_zones.iter().map(|(_, timetables)| timetables.len()).sum()
    }
}
