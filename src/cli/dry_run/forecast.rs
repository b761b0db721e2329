//! What will run: every scheduled plan's due times, merged into one stream.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::run_line::{RunLine, Scheduled};
use super::runs::Runs;
use super::span::Span;
use crate::plan::{JobId, Problem, ProjectId};
use crate::schedule::Zone;

/// A plan that will not run by itself.
#[derive(Debug, Serialize)]
pub(super) struct NotScheduled {
    pub job_id: JobId,
    pub name: String,
    pub project_id: Option<ProjectId>,
    pub reason: Cow<'static, str>,
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

impl Forecast {
    /// The runs, ordered by due time, then by job_id.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunLine<'_>> {
        Runs::new(&self.scheduled, self.span)
            .map(|(scheduled, occurrence)| RunLine::new(scheduled, occurrence))
    }
}
