//! What will run: every scheduled plan's due times, merged into one stream.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::run_line::{RunLine, Scheduled, each_once};
use super::runs::Runs;
use super::span::Span;
use crate::cli::Failure;
use crate::cli::plans::{Rest, no_such_plan};
use crate::plan::{JobId, Plan, Problem, ProjectId};
use crate::planner::{Policy, Reason, Unsupported, has_run, hindrance, timetable};
use crate::schedule::{DueTime, Kind, Schedule, Timetable, Zone};

/// A plan that will not run by itself.
#[derive(Debug, Serialize)]
pub(super) struct NotScheduled {
    pub job_id: JobId,
    pub name: String,
    pub project_id: Option<ProjectId>,
    pub reason: Cow<'static, str>,
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
    pub zone: Arc<Zone>,
    /// In order of their ids.
    pub scheduled: Vec<Scheduled>,
    /// In order of their ids.
    pub not_scheduled: Vec<NotScheduled>,
    /// In the listing's order.
    pub problems: Vec<Problem>,
}

/// A forecast that is being made: it is given plan after plan, and keeps of each what will be said of it.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    forecast: Forecast,
    policy: &'a Policy,
    only: Only<'a>,
    /// Names and ids of all plans, if some were asked for: they may have been misspelt.
    names: Vec<String>,
    /// Plans with equal schedules share one.
    schedules: HashSet<Arc<Schedule>>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(policy: &'a Policy, span: Span, only: Only<'a>) -> Self {
        let forecast = Forecast {
            span,
            zone: Arc::clone(&policy.zone),
            scheduled: Vec::new(),
            not_scheduled: Vec::new(),
            problems: Vec::new(),
        };
        Self {
            forecast,
            policy,
            only,
            names: Vec::new(),
            schedules: HashSet::new(),
        }
    }

    pub(super) fn take(&mut self, mut plan: Plan) {
        if !self.only.plans.is_empty() {
            self.names
                .extend([plan.name.clone(), plan.id.as_str().to_owned()]);
        }
        if self.only.takes(&plan) {
            if let Some(shared) = self.schedules.get(&plan.schedule) {
                plan.schedule = Arc::clone(shared);
            } else {
                self.schedules.insert(Arc::clone(&plan.schedule));
            }
            match scheduled(plan, self.policy, self.forecast.span.from) {
                Ok(scheduled) => self.forecast.scheduled.push(scheduled),
                Err(not) => self.forecast.not_scheduled.push(not),
            }
        }
    }

    /// A plan that was asked for and is not there is a mistake, and an empty list would hide it.
    pub(super) fn end(self, rest: Rest) -> Result<Forecast, Failure> {
        let Self {
            mut forecast,
            only,
            names,
            ..
        } = self;
        for wanted in only.plans {
            let known =
                names.contains(wanted) || rest.problems.iter().any(|problem| is_about(problem, wanted));
            if !known {
                return Err(no_such_plan(
                    wanted,
                    names.iter().map(String::as_str),
                    rest.others,
                ));
            }
        }
        forecast.problems = rest.problems;
        forecast.problems.retain(|problem| only.concerns(problem));
        forecast.scheduled.sort_by(|left, right| left.id.cmp(&right.id));
        forecast
            .not_scheduled
            .sort_by(|left, right| left.job_id.cmp(&right.job_id));
        Ok(forecast)
    }
}

impl Forecast {
    /// The runs, ordered by due time, then by job_id.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunLine<'_>> {
        Runs::new(&self.scheduled, self.span)
            .map(|(scheduled, occurrence)| RunLine::new(scheduled, occurrence))
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
        self.plans.is_empty() || self.plans.iter().any(|wanted| is_about(problem, wanted))
    }
}

fn is_about(problem: &Problem, wanted: &String) -> bool {
    *wanted == problem.job_id || problem.name.as_ref() == Some(wanted)
}

fn scheduled(plan: Plan, policy: &Policy, from: DueTime) -> Result<Scheduled, NotScheduled> {
    // A daemon that meets a plan counts from then; here that is the start of the list.
    let timetable = timetable(&plan, policy, from);
    let hindrance = hindrance(&plan, policy);
    let reason = match policy.capabilities.unsupported(&plan) {
        // The other reasons to be unsupported are problems of the document, and listed as such.
        Some(values @ Unsupported::Values(_)) if hindrance == Some(Reason::Unsupported) => {
            Some(Cow::Owned(values.to_string()))
        }
        _ => why_not(&plan, &timetable, hindrance, from).map(Cow::Borrowed),
    };
    if let Some(reason) = reason {
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
    match hindrance {
        Some(Reason::ExecDenied) => remarks.push("exec is not allowed: will be skipped"),
        Some(Reason::Unsupported) => remarks.push("has no actions: will be skipped"),
        Some(_) => remarks.push("will be skipped"),
        None => {}
    }
    if plan.created.is_none() && plan.schedule.wants_anchor() {
        remarks.push("its interval is counted from the start of this list: it has no created_at");
    }
    let does = |key: &str| each_once(plan.actions.iter().map(|action| action.text(key)));
    Ok(Scheduled {
        action: does("action"),
        mode: does("mode"),
        window: policy.window_of(&plan),
        timetable,
        remarks,
        id: plan.id,
        name: plan.name,
        project: plan.project,
    })
}

/// Why a plan has no due times to print.
fn why_not(
    plan: &Plan,
    timetable: &Timetable,
    hindrance: Option<Reason>,
    from: DueTime,
) -> Option<&'static str> {
    match (hindrance, plan.schedule.kind()) {
        (Some(Reason::Stopped), _) => Some("stopped by its user"),
        (Some(Reason::Disabled), _) => Some("disabled by its user"),
        (Some(Reason::NoTrust), _) => {
            Some("came without a trust, which a central client needs (api.central): will be skipped")
        }
        (_, Kind::Manual) => Some("has no schedule: runs only when it is started by hand"),
        (_, Kind::Once) if has_run(plan) => Some("runs once, and has run"),
        (_, Kind::Once) => Some("runs once, as soon as the daemon sees it"),
        (_, Kind::Continuous) => Some("runs again one second after each run ends"),
        (_, Kind::Date) if has_run(plan) && !dated_anew(plan, timetable, from) => {
            Some("runs once, and has run")
        }
        (_, Kind::Calendar | Kind::Interval | Kind::Date) => timetable
            .next(from)
            .is_none()
            .then_some("has no due time after the start of this list"),
    }
}

/// Whether the one date of a plan that has run is a later one than that run's.
fn dated_anew(plan: &Plan, timetable: &Timetable, from: DueTime) -> bool {
    let ended = plan.reported.ended.map(DueTime::floor);
    timetable
        .next(from)
        .is_some_and(|date| ended.is_some_and(|ended| ended < date.due))
}
