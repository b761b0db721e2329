//! The plans a command looks at.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::config::{Settings, Source};
use crate::daemon::reading::Understood;
use crate::freezer::{Api, ApiError};
use crate::plan::{Plan, Problem, TrustId};
use crate::source::{self, Limits, Listing};

use super::Failure;

/// A listing, understood.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// In order of their ids.
    pub plans: Vec<Plan>,
    /// What cannot be used, and what is odd about what can; in the listing's order.
    pub problems: Vec<Problem>,
    /// Plans of other clients, which the API showed too.
    pub others: usize,
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
        Source::Api => runtime()?.block_on(async { Ok(listed(settings).await?.0) }),
    }
}

/// The same, and what is wrong with the trusts that plans of the API came with.
pub(super) fn with_trusts(settings: &Settings) -> Result<(Plans, Vec<Problem>), Failure> {
    match &settings.source {
        Source::Folder { path } | Source::File { path } => Ok((saved(path)?, Vec::new())),
        Source::Api => runtime()?.block_on(async {
            let (plans, api) = listed(settings).await?;
            let problems = refused_trusts(&plans.plans, &api).await;
            Ok((plans, problems))
        }),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

/// Asks Keystone for a token by each trust, once. One that cannot be told now ends the asking.
async fn refused_trusts(plans: &[Plan], api: &Api) -> Vec<Problem> {
    let mut told: BTreeMap<&TrustId, Option<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    for plan in plans {
        let Some(trust) = &plan.trust else { continue };
        if !told.contains_key(trust) {
            let error = api.try_trust(trust).await.err();
            let away = error.as_ref().is_some_and(|error| !error.is_refused_trust());
            told.insert(trust, error.map(|error| error.to_string()));
            if away {
                problems.extend(problem_of(plan, told.get(trust)));
                return problems;
            }
        }
        problems.extend(problem_of(plan, told.get(trust)));
    }
    problems
}

fn problem_of(plan: &Plan, told: Option<&Option<String>>) -> Option<Problem> {
    let error = told?.as_ref()?;
    let problem = Problem::new(plan.id.as_str(), "user_credentials.trust_id", "", error);
    Some(problem.named(Some(&plan.name)))
}

/// Takes one listing from the API.
async fn listed(settings: &Settings) -> Result<(Plans, Api), Failure> {
    let access = settings
        .access
        .clone()
        .map_err(|error| Failure::configuration(error.to_string()))?;
    let failed = |error: ApiError| Failure::failed(error.to_string());
    let api = Api::connect(access, Arc::new(SystemClock::new())).map_err(|error| match error {
        ApiError::Setting { .. } | ApiError::CaFile { .. } => Failure::configuration(error.to_string()),
        other => failed(other),
    })?;
    let listing = api.list().await.map_err(failed)?;
    let mut plans = Plans::of(Listing {
        documents: listing.documents,
        problems: Vec::new(),
    });
    plans.others = listing.others;
    Ok((plans, api))
}

impl Plans {
    /// Read as the daemon reads it.
    fn of(listing: Listing) -> Self {
        let Understood {
            mut plans,
            mut problems,
            ..
        } = Understood::of(&listing.documents);
        problems.extend(listing.problems);
        plans.sort_by(|left, right| left.id.cmp(&right.id));
        Self {
            plans,
            problems,
            others: 0,
        }
    }

    /// What to say of a plan nobody knows.
    pub(super) fn no_such_plan(&self, wanted: &str) -> Failure {
        let names = self
            .plans
            .iter()
            .flat_map(|plan| [plan.name.as_str(), plan.id.as_str()]);
        let hint = did_you_mean(wanted, names);
        let hint = match (hint.is_empty(), self.others) {
            (true, others @ 1..) => {
                format!("; plans of other clients are left out (see `client_id` in [api]): {others}")
            }
            _ => hint,
        };
        Failure::failed(format!("no plan has the id or name {wanted:?}{hint}"))
    }
}

/// `; did you mean "nightly"?`, or nothing.
pub(super) fn did_you_mean<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> String {
    match crate::config::nearest(wanted, names) {
        Some(near) => format!("; did you mean {near:?}?"),
        None => String::new(),
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
    // Most errors quote what they are about.
    if !problem.text.is_empty() && !problem.error.contains(&problem.text) {
        line.push_str(&format!(": \"{}\"", problem.text));
    }
    format!("{line}: {}", problem.error)
}
