//! The plans that the ledger knows, for the commands that tell of the past.

use std::sync::Arc;

use super::plans::did_you_mean;
use super::{Failure, Shell};
use crate::config::Settings;
use crate::ledger::{KnownPlan, Ledger, Reader};
use crate::plan::{self, Plan, Problem};
use crate::planner::Policy;
use crate::schedule::Zone;

/// Most plans of one name that are listed.
const NAMESAKES: usize = 20;
/// Most plans among whose names and ids the one is looked for that may have been meant.
const LOOKED_THROUGH: usize = 10_000;

/// A plan that the ledger knows, and its zone.
#[derive(Debug)]
pub(super) struct Known {
    /// As the ledger has it.
    pub plan: KnownPlan,
    /// What its document says.
    pub document: Document,
    /// Its zone, by the rules in force now; of a plan whose document cannot be read, the default.
    pub zone: Arc<Zone>,
}

/// What a plan's document says.
#[derive(Debug)]
pub(super) enum Document {
    /// The plan is gone from its source, and its document with it.
    Gone,
    /// It cannot be used, and this is why.
    Broken(Vec<Problem>),
    /// This.
    Usable(Box<Plan>),
}

/// Opens the ledger of these settings, beside a daemon or without one.
pub(super) fn ledger(settings: &Settings) -> Result<Reader, Failure> {
    Ok(Ledger::open_reader(&settings.state_dir.join("ledger.db"))?)
}

impl Known {
    /// With its document understood.
    pub(super) fn new(plan: KnownPlan, policy: &Policy) -> Self {
        let document = match &plan.document {
            None => Document::Gone,
            Some(text) => match plan::parse(text, plan.job.as_str()) {
                Ok(parsed) => Document::Usable(Box::new(parsed.plan)),
                Err(problems) => Document::Broken(problems),
            },
        };
        let zone = match &document {
            Document::Usable(plan) => policy.zone_of(&**plan),
            Document::Gone | Document::Broken(_) => Arc::clone(&policy.zone),
        };
        Self { plan, document, zone }
    }

    /// The one plan that a user means by its id, or by a name that no other living plan has.
    pub(super) fn find(
        reader: &Reader,
        wanted: &str,
        policy: &Policy,
        shell: &mut Shell<'_>,
    ) -> Result<Self, Failure> {
        let mut found = reader.plans(Some(wanted), NAMESAKES + 1)?;
        let lives = |plan: &KnownPlan| plan.document.is_some();
        let mut living = found.iter().enumerate().filter(|(_, plan)| lives(plan));
        let by_id = found.iter().position(|plan| plan.job.as_str() == wanted);
        let meant = match (by_id, living.next(), living.next(), found.len()) {
            (Some(index), ..) | (None, Some((index, _)), None, _) => index,
            (None, None, None, 1) => 0,
            (None, _, _, 0) => return Err(unknown(reader, wanted)?),
            (None, ..) => return Err(ambiguous(wanted, &found)),
        };
        let plan = found.remove(meant);
        if by_id.is_none() && !found.is_empty() {
            let ids: Vec<&str> = found.iter().map(|other| other.job.as_str()).collect();
            shell.note(&format!(
                "plans of this name that are gone, by their ids: {}",
                ids.join(", ")
            ));
        }
        Ok(Self::new(plan, policy))
    }
}

fn unknown(reader: &Reader, wanted: &str) -> Result<Failure, Failure> {
    let all = reader.plans(None, LOOKED_THROUGH)?;
    let names = all
        .iter()
        .flat_map(|plan| [plan.name.as_str(), plan.job.as_str()]);
    let mut hint = did_you_mean(wanted, names);
    if hint.is_empty() {
        hint = " (one whose document could never be used is named by `freezerd check`)".to_owned();
    }
    Ok(Failure::failed(format!(
        "the ledger knows no plan with the id or name {wanted:?}{hint}"
    )))
}

fn ambiguous(wanted: &str, found: &[KnownPlan]) -> Failure {
    let mut lines = vec![format!(
        "several plans are called {wanted:?}; give the id of one:"
    )];
    for plan in found.iter().take(NAMESAKES) {
        let mut line = format!("  {}", plan.job);
        if let Some(project) = &plan.project {
            line.push_str(&format!("  project {project}"));
        }
        if plan.document.is_none() {
            line.push_str("  (gone)");
        }
        lines.push(line);
    }
    if found.len() > NAMESAKES {
        lines.push("  and more".to_owned());
    }
    Failure::failed(lines.join("\n"))
}
