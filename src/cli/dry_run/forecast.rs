//! What will run: every scheduled plan's due times, merged into one stream.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use serde::Serialize;

use super::run_line::RunLine;
use super::span::Span;
use crate::cli::Failure;
use crate::cli::plans::{Plans, ZoneBook, named};
use crate::config::{Outside, Settings};
use crate::plan::{JobId, Plan, Problem, ProjectId, Standing};
use crate::schedule::{DueTime, Kind, Occurrence, Shift, Timetable, Windows, Zone};

/// A plan whose due times are printed.
#[derive(Debug)]
pub(super) struct Scheduled {
    pub plan: Plan,
    pub timetable: Timetable,
    pub window: Option<(Windows, Outside)>,
    /// True of every run of it.
    pub remarks: Vec<&'static str>,
}

/// A plan that will not run by itself.
#[derive(Debug, Serialize)]
pub(super) struct NotScheduled {
    pub job_id: JobId,
    pub name: String,
    pub project_id: Option<ProjectId>,
    pub reason: &'static str,
}

/// Which plans were asked for; empty lists: all.
#[derive(Debug)]
pub(super) struct Only<'a> {
    pub plans: &'a [String],
    pub projects: &'a [String],
}

/// All that is printed.
#[derive(Debug)]
pub(super) struct Forecast {
    pub span: Span,
    /// The default zone.
    pub zone: std::sync::Arc<Zone>,
    /// In order of their ids.
    pub scheduled: Vec<Scheduled>,
    /// In order of their ids.
    pub not_scheduled: Vec<NotScheduled>,
    /// In the listing's order.
    pub problems: Vec<Problem>,
}

impl Forecast {
    pub(super) fn new(
        listed: Plans,
        settings: &Settings,
        zones: &ZoneBook,
        span: Span,
        only: &Only<'_>,
    ) -> Result<Self, Failure> {
        only.must_know(&listed)?;
        let zone = zones.default().clone();
        let mut forecast = Self {
            span,
            zone,
            scheduled: Vec::new(),
            not_scheduled: Vec::new(),
            problems: listed
                .problems
                .into_iter()
                .filter(|problem| only.concerns(problem))
                .collect(),
        };
        for plan in listed.plans.into_iter().filter(|plan| only.takes(plan)) {
            let zone = zones.of(settings, &plan);
            match scheduled(plan, settings, zone, span.from) {
                Ok(scheduled) => forecast.scheduled.push(scheduled),
                Err(not) => forecast.not_scheduled.push(not),
            }
        }
        Ok(forecast)
    }

    /// The runs, ordered by due time, then by job_id.
    pub(super) fn runs(&self) -> Runs<'_> {
        let mut runs = Runs {
            forecast: self,
            heap: BinaryHeap::with_capacity(self.scheduled.len()),
        };
        for index in 0..self.scheduled.len() {
            runs.push(index, self.span.from);
        }
        runs
    }
}

/// The stream of runs: one waiting due time a plan.
pub(super) struct Runs<'a> {
    forecast: &'a Forecast,
    heap: BinaryHeap<Reverse<Waiting>>,
}

/// Ordered by due time, then by the plan's place (plans are in order of their ids).
#[derive(PartialEq, Eq)]
struct Waiting {
    due: DueTime,
    index: usize,
    shift: Shift,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.index).cmp(&(other.due, other.index))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Runs<'_> {
    fn push(&mut self, index: usize, after: DueTime) {
        let next = self
            .forecast
            .scheduled
            .get(index)
            .and_then(|plan| plan.timetable.next(after));
        if let Some(Occurrence { due, shift }) = next.filter(|next| next.due <= self.forecast.span.until) {
            self.heap.push(Reverse(Waiting { due, index, shift }));
        }
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = RunLine<'a>;

    fn next(&mut self) -> Option<RunLine<'a>> {
        let Reverse(Waiting { due, index, shift }) = self.heap.pop()?;
        self.push(index, due);
        let scheduled = self.forecast.scheduled.get(index)?;
        Some(RunLine::new(scheduled, Occurrence { due, shift }))
    }
}

impl Only<'_> {
    fn takes(&self, plan: &Plan) -> bool {
        let is = |wanted: &String| wanted == plan.id.as_str() || *wanted == plan.name;
        let of = |wanted: &String| {
            plan.project
                .as_ref()
                .is_some_and(|project| wanted == project.as_str())
        };
        (self.plans.is_empty() || self.plans.iter().any(is))
            && (self.projects.is_empty() || self.projects.iter().any(of))
    }

    /// A problem's project is not known, so `--project` leaves all of them in.
    fn concerns(&self, problem: &Problem) -> bool {
        let is = |wanted: &String| *wanted == problem.job_id || problem.name.as_ref() == Some(wanted);
        self.plans.is_empty() || self.plans.iter().any(is)
    }

    /// A plan that was asked for and is not there is a mistake, and an empty list would hide it.
    fn must_know(&self, listed: &Plans) -> Result<(), Failure> {
        for wanted in self.plans {
            let alone = Only {
                plans: std::slice::from_ref(wanted),
                projects: &[],
            };
            let known = listed.plans.iter().any(|plan| alone.takes(plan))
                || listed.problems.iter().any(|problem| alone.concerns(problem));
            if !known {
                return Err(listed.no_such_plan(wanted));
            }
        }
        Ok(())
    }
}

fn scheduled(
    plan: Plan,
    settings: &Settings,
    zone: std::sync::Arc<Zone>,
    from: DueTime,
) -> Result<Scheduled, NotScheduled> {
    let anchor = plan.created.map_or(from, DueTime::floor);
    let timetable = Timetable::new(plan.schedule.clone(), zone, anchor);
    if let Some(reason) = why_not(&plan, &timetable, from) {
        let Plan {
            id, name, project, ..
        } = plan;
        return Err(NotScheduled {
            job_id: id,
            name,
            project_id: project,
            reason,
        });
    }
    let mut remarks = Vec::new();
    if plan.actions.is_empty() {
        remarks.push("has no actions: will be skipped");
    }
    if !settings.dispatch.allow_exec && plan.actions.iter().any(|action| action.text("action") == "exec") {
        remarks.push("exec is not allowed: will be skipped");
    }
    if plan.created.is_none() && plan.schedule.wants_anchor() {
        remarks.push("its interval is counted from the start of this list: it has no created_at");
    }
    Ok(Scheduled {
        window: settings.window_for(named(&plan)),
        timetable,
        remarks,
        plan,
    })
}

/// Why a plan has no due times to print.
fn why_not(plan: &Plan, timetable: &Timetable, from: DueTime) -> Option<&'static str> {
    let ran = plan.reported.status == "completed"
        || !plan.reported.result.is_empty()
        || plan.reported.ended.is_some();
    match (plan.standing, plan.schedule.kind()) {
        (Standing::Stopped, _) => Some("stopped by its user"),
        (Standing::Disabled, _) => Some("disabled by its user"),
        (_, Kind::Manual) => Some("has no schedule: runs only when it is started by hand"),
        (_, Kind::Once) if ran => Some("runs once, and has run"),
        (_, Kind::Once) => Some("runs once, as soon as the daemon sees it"),
        (_, Kind::Continuous) => Some("runs again one second after each run ends"),
        (_, Kind::Date) if plan.reported.status == "completed" => Some("runs once, and has run"),
        (_, Kind::Calendar | Kind::Interval | Kind::Date) => timetable
            .next(from)
            .is_none()
            .then_some("has no due time after the start of this list"),
    }
}
