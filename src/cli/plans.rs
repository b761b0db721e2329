//! The plans a command looks at.

use std::path::Path;

use crate::config::{Settings, Source};
use crate::plan::{self, Plan, Problem};
use crate::source::{self, Limits, Listing};

use super::Failure;

/// A listing, understood.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// In order of their ids.
    pub plans: Vec<Plan>,
    /// What cannot be used, and what is odd about what can; in the listing's order.
    pub problems: Vec<Problem>,
}

/// Reads a saved listing, a folder of job documents, or (`-`) standard input.
pub(super) fn saved(jobs: &Path) -> Result<Plans, Failure> {
    let path = if jobs == Path::new("-") {
        Path::new("/dev/stdin")
    } else {
        jobs
    };
    let listing =
        source::read(path, &Limits::default()).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Plans::of(listing))
}

/// Reads what the configuration names.
pub(super) fn configured(settings: &Settings) -> Result<Plans, Failure> {
    match &settings.source {
        Source::Folder { path } | Source::File { path } => saved(path),
        Source::Api => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
            runtime.block_on(listed(settings)).map(Plans::of)
        }
    }
}

/// Takes one listing from the API.
#[expect(clippy::unused_async, reason = "the API's client comes with `freezer`")]
async fn listed(settings: &Settings) -> Result<Listing, Failure> {
    let _credentials = settings
        .credentials
        .as_ref()
        .map_err(|error| Failure::configuration(error.to_string()))?;
    Err(Failure::failed(
        "this version cannot ask the API yet; give a saved listing with --jobs",
    ))
}

impl Plans {
    fn of(listing: Listing) -> Self {
        let mut all = Self {
            plans: Vec::with_capacity(listing.documents.len()),
            problems: Vec::new(),
        };
        for document in listing.documents {
            match plan::parse(document.text.get(), &document.place) {
                Ok(parsed) => {
                    all.plans.push(parsed.plan);
                    all.problems.extend(parsed.warnings);
                }
                Err(problems) => all.problems.extend(problems),
            }
        }
        all.problems.extend(listing.problems);
        all.plans.sort_by(|left, right| left.id.cmp(&right.id));
        all
    }

    /// What to say of a plan nobody knows.
    pub(super) fn no_such_plan(&self, wanted: &str) -> Failure {
        let names = self
            .plans
            .iter()
            .flat_map(|plan| [plan.name.as_str(), plan.id.as_str()]);
        let hint = match crate::config::nearest(wanted, names) {
            Some(near) => format!("; did you mean {near:?}?"),
            None => String::new(),
        };
        Failure::failed(format!("no plan has the id or name {wanted:?}{hint}"))
    }
}

/// One problem in one line.
pub(super) fn describe(problem: &Problem) -> String {
    let mut line = problem.job_id.clone();
    if let Some(name) = problem.name.as_ref().filter(|name| **name != problem.job_id) {
        line.push_str(&format!(" ({name})"));
    }
    if !problem.field.is_empty() {
        line.push_str(&format!(": {}", problem.field));
    }
    if !problem.text.is_empty() {
        line.push_str(&format!(": {:?}", problem.text));
    }
    format!("{line}: {}", problem.error)
}
