//! What users ask of a plan through the API (start, stop, abort), and what they are answered.
//!
//! A user's event stands in the document until we answer it, so none is lost: one that is posted during a
//! run is still there at the next poll. It is cleared with the report that answers it, and only if it is
//! still the same by then.

use crate::plan::{JobId, Plan};
use crate::schedule::DueTime;

use super::slot::Slot;
use super::{Decision, Order, Planner, Record, Report, RunRecord, RunState, report};

impl Planner {
    /// Does what the document of `job` asks for, and says what its plan is now.
    pub(super) fn answer(&self, job: &JobId, out: &mut Decision) {
        let Some(slot) = self.slots.get(job) else { return };
        let event = &*slot.plan.common.event;
        if let Some(run) = self.under_way(&slot) {
            match event {
                "abort" if !self.policy.shadow => out.orders.push(Order::Abort(run.id.clone())),
                "start" => self.say(&slot, report::running(run), out),
                // Whoever edits a job writes its job_schedule anew, and with it goes what we said of the run.
                "" if run.state == RunState::Running && *slot.plan.common.status != *"running" => {
                    self.say(&slot, report::running(run), out);
                }
                // Stop, remove: it runs to its end, and that is when they are answered.
                _ => {}
            }
            return;
        }
        match event {
            "stop" | "abort" => self.tell(&slot, "stop", out),
            "remove" => self.tell(&slot, "removed", out),
            _ if slot.hindrance.is_some() || slot.broken => {}
            // A new event, a new plan, or what a scheduler before us left as `running`.
            "" if *slot.plan.common.status == *"scheduled" => {}
            _ if slot.front.armed.is_some() || slot.has_open_run() => self.tell(&slot, "scheduled", out),
            "start" => self.tell(&slot, "completed", out),
            _ => {}
        }
    }

    /// The run of this plan that is starting or running.
    fn under_way(&self, slot: &Slot) -> Option<&RunRecord> {
        let run = self.open.get(slot.open.as_ref()?)?;
        (run.state != RunState::Queued).then_some(run)
    }

    fn tell(&self, slot: &Slot, status: &str, out: &mut Decision) {
        let report = Report {
            status: status.to_owned(),
            result: None,
            time_started: None,
            time_ended: None,
            current_pid: None,
            answers_event: None,
            session: None,
        };
        self.say(slot, report, out);
    }

    /// Reports, and answers the event that waits.
    fn say(&self, slot: &Slot, report: Report, out: &mut Decision) {
        if !self.policy.reports_all(&slot.plan.common) {
            return;
        }
        let event = &slot.plan.common.event;
        let report = Report {
            answers_event: (!event.is_empty()).then(|| event.to_string()),
            ..report
        };
        out.records.push(Record::Report {
            job: slot.plan.id.clone(),
            run: None,
            report,
        });
    }
}

/// Whether `new` asks for a start that `old` did not ask for. The same word may be a second wish: when a run
/// ended and was reported in between, the first one was answered with it.
pub(super) fn asks_to_start(old: &Slot, new: &Plan) -> bool {
    let before = &old.plan;
    new.reported.event == "start"
        && (*before.common.event != *"start" || before.ended != new.reported.ended.map(DueTime::floor))
}
