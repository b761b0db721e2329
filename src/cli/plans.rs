//! The plans a command looks at.

use std::collections::BTreeMap;
use std::convert::identity;
use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::clock::SystemClock;
use crate::config::{Settings, Source};
use crate::freezer::{Api, ApiError};
use crate::plan::{Plan, Problem, TrustId};
use crate::source::{self, Ids, Limits};

use super::Failure;
use super::readers::{Read, Readers};

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

/// What a listing holds beside plans that can be used; as in [`Plans`].
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub problems: Vec<Problem>,
    pub others: usize,
}

/// Reads a saved listing, a folder of job documents, or (`-`) standard input: plan after plan. `take` is given what `look`
/// makes of each, in the listing's order; `look` itself is asked in several threads, in any order.
/// After a failure, what was given counts for nothing.
pub(super) fn each_saved<P: Send>(
    jobs: &Path,
    look: &(impl Fn(Plan) -> P + Sync),
    mut take: impl FnMut(P),
) -> Result<Rest, Failure> {
    let (mut rest, mut ids, limits) = (Rest::default(), Ids::default(), Limits::default());
    let mut each_read = |read: Read<P>| match ids.admit(&read.place, read.id.as_ref()) {
        Ok(()) => rest.add(read, &mut take),
        Err(problem) => rest.problems.push(problem),
    };
    let problems = std::thread::scope(|scope| {
        let mut readers = Readers::new(scope, look, &mut each_read);
        let mut each = |place: String, text: &RawValue| readers.give(place, text.get());
        let problems = if jobs == Path::new("-") {
            // As it is: to open /dev/stdin anew may be forbidden, and of a socket it cannot be done.
            source::each_from(std::io::stdin(), Path::new("standard input"), &limits, &mut each)
                .map(|()| Vec::new())
        } else {
            source::each(jobs, &limits, &mut each)
        };
        readers.end();
        problems
    });
    let problems = problems.map_err(|error| Failure::failed(error.to_string()))?;
    rest.problems.extend(problems);
    Ok(rest)
}

/// Reads what the configuration names, likewise.
pub(super) fn each_configured<P: Send>(
    settings: &Settings,
    look: &(impl Fn(Plan) -> P + Sync),
    mut take: impl FnMut(P),
) -> Result<Rest, Failure> {
    match &settings.source {
        Source::Folder { path } | Source::File { path } => each_saved(path, look, take),
        Source::Api => runtime()?.block_on(async { Ok(listed(settings, |plan| take(look(plan))).await?.0) }),
    }
}

/// Reads all that the configuration names, and tells what is wrong with the trusts that plans of the API came with.
pub(super) fn with_trusts(settings: &Settings) -> Result<(Plans, Vec<Problem>), Failure> {
    match &settings.source {
        Source::Folder { path } | Source::File { path } => {
            let mut plans = Vec::new();
            let rest = each_saved(path, &identity, |plan| plans.push(plan))?;
            Ok((Plans::sorted(plans, rest), Vec::new()))
        }
        Source::Api => runtime()?.block_on(async {
            let mut plans = Vec::new();
            let (rest, api) = listed(settings, |plan| plans.push(plan)).await?;
            let plans = Plans::sorted(plans, rest);
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
async fn listed(settings: &Settings, mut take: impl FnMut(Plan)) -> Result<(Rest, Api), Failure> {
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
    let mut rest = Rest {
        others: listing.others,
        ..Rest::default()
    };
    for document in listing.documents {
        rest.add(
            Read::of(document.text.get(), document.place, &identity),
            &mut take,
        );
    }
    Ok((rest, api))
}

impl Rest {
    /// One document.
    fn add<P>(&mut self, read: Read<P>, take: &mut impl FnMut(P)) {
        if let Some(plan) = read.plan {
            take(plan);
        }
        self.problems.extend(read.problems);
    }
}

impl Plans {
    fn sorted(mut plans: Vec<Plan>, rest: Rest) -> Self {
        plans.sort_by(|left, right| left.id.cmp(&right.id));
        let Rest { problems, others } = rest;
        Self {
            plans,
            problems,
            others,
        }
    }
}

/// What to say of a plan nobody knows; `names`: names and ids of those that are known, `others`: how many of other
/// clients are not looked at.
pub(super) fn no_such_plan<'a>(wanted: &str, names: impl Iterator<Item = &'a str>, others: usize) -> Failure {
    let hint = match (did_you_mean(wanted, names), others) {
        (hint, 1..) if hint.is_empty() => {
            format!("; plans of other clients are left out (see `client_id` in [api]): {others}")
        }
        (hint, _) => hint,
    };
    Failure::failed(format!("no plan has the id or name {wanted:?}{hint}"))
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
