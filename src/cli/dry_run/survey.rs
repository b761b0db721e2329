//! From plans to a forecast: who runs at all, and what is kept of each.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::forecast::{Forecast, NotScheduled};
use super::run_line::{Scheduled, each_once};
use super::span::Span;
use crate::cli::Failure;
use crate::cli::plans::{Rest, no_such_plan};
use crate::plan::{Plan, Problem, ProjectId};
use crate::planner::{Policy, Reason, Timetables, Unsupported, has_run, hindrance};
use crate::schedule::{DueTime, Kind, Timetable};

/// Which plans were asked for; empty lists: all.
#[derive(Debug)]
pub(super) struct Only<'a> {
    pub plans: &'a [String],
    pub projects: &'a [String],
}

/// How plans are looked at; from several threads at once.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    policy: &'a Policy,
    span: Span,
    only: Only<'a>,
    shared: Mutex<Shared>,
}

/// What plans have in common, each once.
#[derive(Debug, Default)]
struct Shared {
    timetables: Timetables,
    projects: HashSet<ProjectId, foldhash::quality::RandomState>,
    texts: HashSet<Arc<str>, foldhash::quality::RandomState>,
}

/// What is kept of a plan.
#[derive(Debug)]
pub(super) struct Looked {
    /// Its name and id, if some were asked for: they may have been misspelt.
    names: Option<[String; 2]>,
    /// `None`: it was not asked for.
    found: Option<Result<Scheduled, NotScheduled>>,
}

/// A forecast that is being made: it is given what is kept of plan after plan.
#[derive(Debug, Default)]
pub(super) struct Surveyed {
    scheduled: Vec<Scheduled>,
    not_scheduled: Vec<NotScheduled>,
    names: Vec<String>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(policy: &'a Policy, span: Span, only: Only<'a>) -> Self {
        Self {
            policy,
            span,
            only,
            shared: Mutex::default(),
        }
    }

    /// Looks at one plan.
    pub(super) fn look(&self, plan: Plan) -> Looked {
        let asked_for = !self.only.plans.is_empty();
        Looked {
            names: asked_for.then(|| [plan.name.clone(), plan.id.as_str().to_owned()]),
            found: self.only.takes(&plan).then(|| self.scheduled(plan)),
        }
    }

    fn scheduled(&self, mut plan: Plan) -> Result<Scheduled, NotScheduled> {
        let does = |key: &str| each_once(plan.actions.iter().map(|action| action.text(key)));
        let (action, mode) = (does("action"), does("mode"));
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        // A daemon that meets a plan counts from then; here that is the start of the list.
        let timetable = shared.timetables.of(&plan, self.policy, self.span.from);
        plan.project = plan.project.map(|project| shared.project(project));
        let (action, mode) = (shared.text(action), shared.text(mode));
        drop(shared);
        let hindrance = hindrance(&plan, self.policy);
        let values = (hindrance == Some(Reason::Unsupported))
            .then(|| self.policy.capabilities.unsupported(&plan))
            .flatten();
        let reason = match values {
            Some(values @ Unsupported::Values(_)) => Some(Cow::Owned(values.to_string())),
            // The other reasons to be unsupported are problems of the document, and listed as such.
            _ => why_not(&plan, &timetable, hindrance, self.span.from).map(Cow::Borrowed),
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
        Ok(Scheduled {
            action,
            mode,
            window: self.policy.window_of(&plan),
            timetable,
            remarks,
            id: plan.id,
            name: plan.name,
            project: plan.project,
        })
    }

    /// A plan that was asked for and is not there is a mistake, and an empty list would hide it.
    pub(super) fn end(&self, surveyed: Surveyed, rest: Rest) -> Result<Forecast, Failure> {
        let Surveyed {
            mut scheduled,
            mut not_scheduled,
            names,
        } = surveyed;
        for wanted in self.only.plans {
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
        let mut problems = rest.problems;
        problems.retain(|problem| self.only.concerns(problem));
        scheduled.sort_by(|left, right| left.id.cmp(&right.id));
        not_scheduled.sort_by(|left, right| left.job_id.cmp(&right.job_id));
        Ok(Forecast {
            span: self.span,
            zone: Arc::clone(&self.policy.zone),
            scheduled,
            not_scheduled,
            problems,
        })
    }
}

impl Shared {
    fn text(&mut self, text: String) -> Arc<str> {
        if let Some(shared) = self.texts.get(text.as_str()) {
            return Arc::clone(shared);
        }
        let text = Arc::from(text);
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn project(&mut self, project: ProjectId) -> ProjectId {
        if let Some(shared) = self.projects.get(&project) {
            return shared.clone();
        }
        self.projects.insert(project.clone());
        project
    }
}

impl Surveyed {
    /// Keeps it.
    pub(super) fn add(&mut self, looked: Looked) {
        self.names.extend(looked.names.into_iter().flatten());
        match looked.found {
            Some(Ok(scheduled)) => self.scheduled.push(scheduled),
            Some(Err(not)) => self.not_scheduled.push(not),
            None => {}
        }
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
