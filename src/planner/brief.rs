//! What waiting needs of a plan: a brief in place of its document, which stays in the ledger until a run starts.
//!
//! Most of a brief is what many plans have in common: it is kept once ([`super::shared`]).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::plan::{Dialect, Digest, Digester, JobId, Plan, ProjectId, Session, Standing};
use crate::schedule::{DueTime, Kind, Schedule};

use super::Needs;

/// A plan, as far as waiting needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// Its id.
    pub id: JobId,
    /// Its project.
    pub project: Option<ProjectId>,
    /// Its name, fit to be printed.
    pub name: Box<str>,
    /// What it may have in common with others.
    pub common: Arc<Common>,
    /// Which session it belongs to, if one.
    pub session: Option<Box<Session>>,
    /// When it was made.
    pub created: Option<DueTime>,
    /// When its last run started, as its document says.
    pub started: Option<DueTime>,
    /// When its last run ended, as its document says.
    pub ended: Option<DueTime>,
    /// Of its document.
    pub digest: Digest,
}

/// A million of them fit into a node: what is added here is added a million times.
const _: () = assert!(size_of::<Brief>() <= 96);

/// What plans may have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Common {
    /// Which API it speaks.
    pub dialect: Dialect,
    /// Whether it may run by itself.
    pub standing: Standing,
    /// When it is due.
    pub schedule: Arc<Schedule>,
    /// What it takes to run it.
    pub needs: Needs,
    /// It came with a trust.
    pub trusted: bool,
    /// `status`, as its document says; empty when absent.
    pub status: Box<str>,
    /// `result`, likewise.
    pub result: Box<str>,
    /// `event`, likewise.
    pub event: Box<str>,
}

impl Brief {
    /// Of a plan.
    #[must_use]
    pub fn of(plan: &Plan, digester: &Digester) -> Self {
        let second = |instant: Option<DateTime<Utc>>| instant.map(DueTime::floor);
        Self {
            id: plan.id.clone(),
            project: plan.project.clone(),
            name: plan.name.as_str().into(),
            common: Arc::new(Common::of(plan)),
            session: plan.session.clone(),
            created: second(plan.created),
            started: second(plan.reported.started),
            ended: second(plan.reported.ended),
            digest: digester.digest(&plan.document),
        }
    }

    /// Whether the document of a one-shot says that it has had its run.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.common.has_run(self.ended.is_some())
    }
}

impl Common {
    /// Of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let reported = &plan.reported;
        Self {
            dialect: plan.dialect,
            standing: plan.standing,
            schedule: Arc::clone(&plan.schedule),
            needs: Needs::of(&plan.actions),
            trusted: plan.trust.is_some(),
            status: reported.status.as_str().into(),
            result: reported.result.as_str().into(),
            event: reported.event.as_str().into(),
        }
    }

    /// Whether the document of a one-shot says that it has had its run. `ended`: it tells when that ended.
    #[must_use]
    pub fn has_run(&self, ended: bool) -> bool {
        let over = *self.status == *"completed" || !self.result.is_empty() || ended;
        over && *self.event != *"start"
    }

    /// Upstream's `completed` on a plan that would recur: stopped or aborted during a run. Its clients start
    /// it again by an event.
    #[must_use]
    pub fn ended_by_its_user(&self) -> bool {
        let recurs = !matches!(self.schedule.kind(), Kind::Once | Kind::Date | Kind::Manual);
        let completed = *self.status == *"completed" && *self.event != *"start";
        self.dialect == Dialect::Upstream && recurs && completed
    }
}

/// Where a schedule of this kind counts from.
pub(super) fn anchor(kind: Kind, created: Option<DueTime>, first_seen: DueTime) -> DueTime {
    match kind {
        Kind::Once => first_seen,
        _ => created.unwrap_or(first_seen),
    }
}
