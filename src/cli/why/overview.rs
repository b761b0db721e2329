//! The plan in short: what it is, when it is due next, and when it was last well.

use std::borrow::Cow;
use std::sync::Arc;

use crate::cli::known::{Document, Known};
use crate::cli::plans;
use crate::ledger::{LedgerError, Reader};
use crate::plan::{Digester, Plan};
use crate::planner::{
    Brief, LastRun, LedgerPlan, Past, PlanView, Planner, Policy, Quiet, Reason, RunRecord, RunState,
    Timetables, Unsupported, Window, hindrance,
};
use crate::schedule::{DueTime, Kind, Occurrence, Timetable, Zone};

/// An open run is among a plan's latest: nothing of a plan runs beside it.
const LATEST: usize = 10;

/// The plan, what is to come of it, and its last success.
#[derive(Debug)]
pub(super) struct Overview {
    pub known: Known,
    /// What is still to come; `None`: its document cannot say.
    pub coming: Option<Coming>,
    /// Its success with the latest due time.
    pub success: Option<RunRecord>,
}

/// What is still to come of a plan, as the planner sees it.
#[derive(Debug)]
pub(super) struct Coming {
    timetable: Arc<Timetable>,
    /// Why it will not run as things stand, whatever its schedule says.
    pub hindrance: Option<Reason>,
    unsupported: Option<Unsupported>,
    /// When it may start.
    pub window: Option<Window>,
    /// As the daemon has it.
    pub view: PlanView,
    /// A run of it is queued, starting or running.
    pub open: bool,
    covered: DueTime,
}

impl Overview {
    pub(super) fn new(reader: &Reader, known: Known, policy: &Policy) -> Result<Self, LedgerError> {
        let success = reader.last_success(&known.plan.job)?;
        let coming = match &known.document {
            Document::Usable(plan) => Coming::new(reader, plan, &known, success.as_ref(), policy)?,
            Document::Gone | Document::Broken(_) => None,
        };
        Ok(Self {
            known,
            coming,
            success,
        })
    }

    pub(super) fn zone(&self) -> &Arc<Zone> {
        &self.known.zone
    }

    /// How the plan stands, in one word.
    pub(super) fn standing_word(&self) -> &'static str {
        match (&self.known.document, &self.coming) {
            (Document::Gone, _) => "gone",
            (Document::Broken(_), _) => "broken",
            (Document::Usable(_), Some(coming)) => coming.hindrance.map_or("active", Reason::word),
            (Document::Usable(_), None) => "active",
        }
    }

    /// How the plan stands, in as many words as it takes.
    pub(super) fn standing(&self) -> String {
        match &self.known.document {
            Document::Gone => "gone from its source; only its history is kept".to_owned(),
            Document::Broken(problems) => {
                let all: Vec<String> = problems.iter().map(plans::describe).collect();
                format!(
                    "not due: its document cannot be used until it is mended: {}",
                    all.join("; ")
                )
            }
            Document::Usable(_) => {
                let hindered = self.coming.as_ref().and_then(Coming::hindered);
                hindered.unwrap_or(Cow::Borrowed("active")).into_owned()
            }
        }
    }

    /// The schedule in the document's own terms: `hour 2, minute 30`.
    pub(super) fn schedule(&self) -> Option<String> {
        let Document::Usable(plan) = &self.known.document else {
            return None;
        };
        let texts = plan.schedule.render();
        let fields = texts.iter().map(|(key, text)| {
            let name = key.strip_prefix("schedule_").unwrap_or(key).replace('_', " ");
            format!("{name} {text}")
        });
        let fields: Vec<String> = fields.collect();
        Some(match plan.schedule.kind() {
            Kind::Once => [vec!["once, as soon as it is seen".to_owned()], fields]
                .concat()
                .join(", "),
            Kind::Manual => "none".to_owned(),
            _ => fields.join(", "),
        })
    }
}

impl Coming {
    fn new(
        reader: &Reader,
        plan: &Plan,
        known: &Known,
        success: Option<&RunRecord>,
        policy: &Policy,
    ) -> Result<Option<Self>, LedgerError> {
        let open: Vec<RunRecord> = reader
            .runs(Some(&known.plan.job), LATEST)?
            .into_iter()
            .filter(|run| !matches!(run.state, RunState::Done(_)))
            .collect();
        let is_open = !open.is_empty();
        let (first_seen, covered) = (known.plan.first_seen, known.plan.covered);
        let past = Past {
            plans: vec![LedgerPlan {
                plan: Brief::of(plan, &Digester::default()),
                first_seen,
                since: known.plan.since,
                covered,
                last: None,
                success: success.map(LastRun::from),
            }],
            open,
            ..Past::default()
        };
        let view = Planner::restore(policy.clone(), past).plans(1).pop();
        Ok(view.map(|view| Self {
            timetable: Timetables::default().of(plan, policy, first_seen),
            hindrance: hindrance(plan, policy),
            unsupported: policy.capabilities.unsupported(plan),
            window: policy.window_of(plan),
            view,
            open: is_open,
            covered,
        }))
    }

    pub(super) fn kind(&self) -> Kind {
        self.timetable.schedule().kind()
    }

    /// Why the plan does not run as things stand, as its standing.
    pub(super) fn hindered(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match (self.hindrance?, &self.unsupported) {
            (Reason::Stopped, _) => "stopped by its user",
            (Reason::Disabled, _) => "disabled by its user",
            (Reason::Unsupported, Some(unsupported)) => {
                return Some(Cow::Owned(format!("unsupported: {unsupported}")));
            }
            (Reason::ExecDenied, _) => "exec-denied: it has an exec action, which this node does not allow",
            (Reason::NoTrust, _) => "no-trust: this node is a central client, and it came without a trust",
            (other, _) => other.word(),
        }))
    }

    /// Whether its due times follow from its schedule alone.
    fn foreseeable(&self) -> bool {
        matches!(self.kind(), Kind::Calendar | Kind::Interval | Kind::Date)
    }

    /// `due` as the schedule has it, with what the clocks did to it; `None`: it does not name that time.
    pub(super) fn occurrence(&self, due: DueTime) -> Option<Occurrence> {
        let found = self.timetable.next(due.plus(-1));
        found.filter(|found| self.foreseeable() && found.due == due)
    }

    /// The first due time after `after` that is still to be decided.
    pub(super) fn after(&self, after: DueTime) -> Option<DueTime> {
        if self.foreseeable() {
            let next = self.timetable.next(after.max(self.covered));
            return next.map(|occurrence| occurrence.due);
        }
        self.view.next.ok().filter(|due| *due > after)
    }

    /// The last due time before `before` that is still to be decided.
    pub(super) fn before(&self, before: DueTime) -> Option<DueTime> {
        if self.foreseeable() {
            let missed = self.timetable.missed(self.covered, before.plus(-1));
            return missed.map(|missed| missed.last);
        }
        self.view.next.ok().filter(|due| *due < before)
    }

    /// Why there is no next due time.
    pub(super) fn quiet(&self, quiet: Quiet) -> String {
        match quiet {
            Quiet::Hindered(reason) => {
                let hindered = self.hindered().unwrap_or(Cow::Borrowed(reason.word()));
                format!("none that would run: {hindered}")
            }
            Quiet::Broken => "none until its document is mended".to_owned(),
            Quiet::Manual => "none: it has no schedule, and runs only when it is started by hand".to_owned(),
            Quiet::Over if self.open && self.kind() == Kind::Continuous => {
                "one second after the run under way ends".to_owned()
            }
            Quiet::Over => "none: its schedule names no further due time".to_owned(),
        }
    }
}
