//! What a run must find at the API before it starts: a trust that is good, and records of those backups whose agent
//! hands the record's id on.
//!
//! For so long and no longer ([`PATIENCE`]): an API that is away keeps no backup from being made. Without its record
//! it runs all the same, and the record is made afterwards, as any other backup's. Only a trust that Keystone
//! refuses keeps a run from starting: its agent would be refused too, and could say less of it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::failpoint::{self, Failpoint};
use crate::freezer::{Api, Draft};
use crate::ledger::DraftSent;
use crate::plan::{Action, Plan, TrustId};
use crate::planner::{RunId, RunRecord};

use super::account::Account;
use super::engine::Prepared;
use super::listing::Source;
use super::live::Daemon;
use super::recipes::Drafts;
use super::witness::Shelf;

/// How long a run waits for the API.
const PATIENCE: Duration = Duration::from_secs(30);

/// A run, and what it is prepared with.
pub struct Preparation<A> {
    /// Which.
    pub run: RunRecord,
    /// Of this plan.
    pub plan: Arc<Plan>,
    /// The trust by which it acts.
    pub trust: Option<TrustId>,
    /// Where it is written down.
    pub account: A,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Daemon {
    /// Prepares a run beside the loop, which takes the answer.
    pub(super) fn prepare(&self, run: RunId) {
        let Some((record, plan)) = self.main_loop.engine.preparing(&run) else {
            return;
        };
        let preparation = Preparation {
            run: record.clone(),
            plan: Arc::clone(plan),
            trust: self.main_loop.engine.recipes().trust(plan).cloned(),
            account: Shelf(Arc::clone(&self.ledger)),
            clock: Arc::clone(&self.clock),
        };
        let source = self.polling.borrow().source.clone();
        let prepare = self.prepare.clone();
        tokio::spawn(async move {
            // The loop may be gone by now; then nothing is launched any more.
            let _ = prepare.send((run, preparation.in_time(&source).await));
        });
    }
}

impl Preparation<Shelf> {
    /// Gets ready what can be got ready in time.
    async fn in_time(self, source: &Source) -> Prepared {
        let Source::Api(api) = source else {
            return Ok(Drafts::new());
        };
        let mut drafts = Drafts::new();
        let done = tokio::time::timeout(PATIENCE, self.carry_out(api, &mut drafts)).await;
        match done {
            Ok(Err(refused)) => return Err(refused),
            Ok(Ok(())) => {}
            Err(_) => {
                let (job_id, run) = (&self.run.job, &self.run.id);
                tracing::warn!(%job_id, %run, "the API does not answer; it starts without what was to be prepared");
            }
        }
        Ok(drafts)
    }
}

impl<A: Account> Preparation<A> {
    /// Gets ready what can be got ready, the records of its backups among them: `drafts`.
    ///
    /// # Errors
    /// Why it must not start.
    pub async fn carry_out(&self, api: &Api, drafts: &mut Drafts) -> Result<(), String> {
        if let Some(trust) = &self.trust {
            match api.try_trust(trust).await {
                Err(error) if error.is_refused_trust() => {
                    return Err(format!("plan {} ({}): {error}", self.plan.name, self.plan.id));
                }
                Err(error) => {
                    let (job_id, run) = (&self.run.job, &self.run.id);
                    tracing::warn!(%job_id, %run, %trust, "no token by its trust, it starts all the same: {error}");
                }
                Ok(()) => {}
            }
        }
        for (step, action) in (0..).zip(&self.plan.actions) {
            if action.is_recorded_first() {
                match self.record(api, step, action).await {
                    Ok(id) => drafts.extend(id.map(|id| (step, id))),
                    Err(error) => {
                        let (job_id, run) = (&self.run.job, &self.run.id);
                        tracing::error!(%job_id, %run, "no record is made before the backup: {error}");
                    }
                }
            }
        }
        Ok(())
    }

    /// The record of one step's backup; `None`: there is none yet, and it does without.
    async fn record(&self, api: &Api, step: u32, action: &Action) -> Result<Option<String>, A::Error> {
        let (job_id, run) = (&self.run.job, &self.run.id);
        // On the disk before anything is sent: whatever dies from here on, the record is found again.
        failpoint::reach(Failpoint::DraftNote);
        let in_doubt = match self.account.draft_sending(&self.run, step)? {
            DraftSent::Made(id) => return Ok(Some(id)),
            DraftSent::InDoubt => true,
            DraftSent::First => false,
        };
        failpoint::reach(Failpoint::DraftNoted);
        let draft = Draft {
            job: job_id,
            project: self.run.project.as_ref(),
            trust: self.trust.as_ref(),
            run,
            step,
        };
        match api.draft_backup(draft, action, self.clock.now(), in_doubt).await {
            Ok(id) => {
                failpoint::reach(Failpoint::DraftSent);
                self.account.draft_made(run, step, &id)?;
                failpoint::reach(Failpoint::DraftRecorded);
                tracing::debug!(%job_id, %run, step, backup_id = id, "the record of the backup is made before it");
                Ok(Some(id))
            }
            Err(failed) => {
                failpoint::reach(Failpoint::DraftFailed);
                if !failed.in_doubt {
                    self.account.draft_not_made(run, step)?;
                }
                tracing::warn!(%job_id, %run, step, "the record of the backup is made after it: {failed}");
                Ok(None)
            }
        }
    }
}
