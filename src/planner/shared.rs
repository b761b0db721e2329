//! What plans have in common is kept once, for as long as one of them has it.
//!
//! A million plans of a cloud have some hundred schedules, some thousand projects, and a handful of states.

use std::collections::HashSet;
use std::sync::Arc;

use crate::plan::ProjectId;
use crate::schedule::{DueTime, Timetable};

use super::brief::{Brief, Common, anchor};
use super::timetables::Timetables;
use super::{Policy, Window};

/// Looked through for what nobody has any more when there is twice as much as after the last time, and at least
/// this much.
const TIDY_FROM: usize = 1024;

/// The one of each that all who have an equal one share.
#[derive(Debug, Default)]
pub struct Shared {
    commons: HashSet<Arc<Common>, foldhash::quality::RandomState>,
    /// Where these are: one of them is told without looking into it.
    addresses: HashSet<usize, foldhash::fast::RandomState>,
    projects: HashSet<ProjectId, foldhash::quality::RandomState>,
    timetables: Timetables,
    windows: Vec<Arc<Window>>,
    tidied: usize,
}

impl Shared {
    /// The same brief, with what it has in common shared.
    #[must_use]
    pub fn brief(&mut self, mut brief: Brief) -> Brief {
        brief.common = self.common(brief.common);
        if let Some(project) = &mut brief.project {
            match self.projects.get(project) {
                Some(shared) => project.clone_from(shared),
                None => {
                    self.projects.insert(project.clone());
                }
            }
        }
        brief
    }

    /// The one that equals this one.
    pub(super) fn common(&mut self, common: Arc<Common>) -> Arc<Common> {
        // So it is of nearly all plans of a ledger, when it is read.
        if self.addresses.contains(&Arc::as_ptr(&common).addr()) {
            return common;
        }
        if let Some(shared) = self.commons.get(&common) {
            return Arc::clone(shared);
        }
        self.addresses.insert(Arc::as_ptr(&common).addr());
        self.commons.insert(Arc::clone(&common));
        common
    }

    /// The timetable of a plan, first seen at `first_seen`.
    pub(super) fn timetable(
        &mut self,
        brief: &Brief,
        policy: &Policy,
        first_seen: DueTime,
    ) -> Arc<Timetable> {
        let (schedule, zone) = (&brief.common.schedule, policy.zone_of(brief));
        let anchor = anchor(schedule.kind(), brief.created, first_seen);
        self.timetables.shared(schedule, &zone, anchor)
    }

    /// When a plan may start; `None`: at any time.
    pub(super) fn window(&mut self, brief: &Brief, policy: &Policy) -> Option<Arc<Window>> {
        let window = policy.window_of(brief)?;
        if let Some(shared) = self.windows.iter().find(|shared| ***shared == window) {
            return Some(Arc::clone(shared));
        }
        let window = Arc::new(window);
        self.windows.push(Arc::clone(&window));
        Some(window)
    }

    /// Forgets what nobody has any more, now and then.
    pub(super) fn tidy(&mut self) {
        if self.size() < TIDY_FROM.max(self.tidied.saturating_mul(2)) {
            return;
        }
        self.timetables.tidy();
        self.commons.retain(|common| Arc::strong_count(common) > 1);
        let kept = self.commons.iter().map(|common| Arc::as_ptr(common).addr());
        self.addresses = kept.collect();
        self.windows.retain(|window| Arc::strong_count(window) > 1);
        self.projects.retain(ProjectId::is_shared);
        self.tidied = self.size();
    }

    fn size(&self) -> usize {
        self.timetables.len() + self.commons.len() + self.windows.len() + self.projects.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{brief, document, due, hourly, plan, policy};
    use super::*;
    use crate::plan::Plan;
    use serde_json::json;

    #[test]
    fn equal_ones_are_one_and_what_nobody_has_is_forgotten() {
        let mut shared = Shared::default();
        let (one, other) = (
            shared.brief(brief(&hourly("a"))),
            shared.brief(brief(&hourly("b"))),
        );
        assert!(Arc::ptr_eq(&one.common, &other.common));
        let bind = |shared: &mut Shared, brief: &Brief| {
            shared.timetable(brief, &policy(), due("2026-03-01T00:00:00Z"))
        };
        let rules = policy();
        let first = shared.timetable(&one, &rules, due("2026-03-01T00:00:00Z"));
        let second = shared.timetable(&other, &rules, due("2026-03-02T00:00:00Z"));
        assert!(Arc::ptr_eq(&first, &second));
        // One that counts from when it was made is its own.
        let every = |id| shared_brief(&plan(id, json!({"schedule_interval": "6 hours"})));
        let (one, other) = (every("c"), every("d"));
        assert!(!Arc::ptr_eq(&bind(&mut shared, &one), &bind(&mut shared, &other)));
        for number in 0..TIDY_FROM {
            let passing = json!({"job_id": "e", "project_id": number.to_string(), "job_actions": []});
            drop(shared.brief(brief(&document(passing))));
        }
        shared.tidy();
        assert_eq!(shared.projects.len(), 1, "the one that a and b have");
        assert_eq!(shared.commons.len(), 1);
    }

    fn shared_brief(plan: &Plan) -> Brief {
        Shared::default().brief(brief(plan))
    }
}
