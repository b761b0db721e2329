//! The outbox: takes reports and records of backups from the ledger to the API, until the API took them.
//!
//! Records of backups go first, so that who reads `success` finds the backup. Sleeps while there is nothing. A failed delivery waits with back-off, and holds up no other plan's report:
//! the ledger gives those that were tried least often first. Nor does one sort hold up the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock;
use crate::freezer::{Api, ApiError, Delivered};
use crate::ledger::{Ledger, LedgerError, PendingReport};
use crate::observe::metrics::Metrics;

use super::listing::{Polling, Source};

/// Reports delivered between two looks at the ledger.
const BATCH: usize = 64;
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the main loop and the outbox meet.
#[derive(Debug, Default)]
pub struct Bell {
    /// There is something new.
    pub ring: Notify,
    /// There is nothing left.
    pub empty: Notify,
}

/// What delivering needs.
pub struct Outbox {
    /// Where they wait.
    pub ledger: Arc<Mutex<Ledger>>,
    /// Where to.
    pub polling: watch::Receiver<Polling>,
    /// When.
    pub bell: Arc<Bell>,
    /// Who is told of the backlog.
    pub metrics: Arc<Metrics>,
}

/// How a round ended.
pub(super) enum Round {
    /// Nothing waits.
    Empty,
    /// All that was tried was taken.
    Taken,
    /// Something was not taken; after `after`, if the API named a time.
    Failed { after: Option<Duration> },
}

impl Round {
    /// Two rounds as one: it fails if either failed, and is empty if both are.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed { after: one }, Self::Failed { after: two }) => {
                Self::Failed { after: one.max(two) }
            }
            (failed @ Self::Failed { .. }, _) | (_, failed @ Self::Failed { .. }) => failed,
            (Self::Empty, Self::Empty) => Self::Empty,
            _ => Self::Taken,
        }
    }
}

impl Outbox {
    /// Delivers for ever.
    pub async fn forever(self) {
        let mut pause = PAUSE;
        loop {
            let round = match self.round().await {
                Ok(round) => round,
                Err(error) => {
                    tracing::error!("the outbox cannot be read or written: {error}");
                    self.metrics.ledger_error();
                    Round::Failed { after: None }
                }
            };
            match round {
                Round::Empty => {
                    self.bell.empty.notify_one();
                    self.bell.ring.notified().await;
                }
                Round::Taken => pause = PAUSE,
                Round::Failed { after } => {
                    clock::pause(after.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        tokio::task::block_in_place(|| work(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn round(&self) -> Result<Round, LedgerError> {
        let Source::Api(api) = self.polling.borrow().source.clone() else {
            return Ok(Round::Empty);
        };
        let backlog = self.with(|ledger| {
            let reader = ledger.reader();
            Ok::<_, LedgerError>(reader.report_backlog()?.saturating_add(reader.backup_backlog()?))
        })?;
        self.metrics.set_backlog(backlog, None);
        let backups = self.backups(&api).await?;
        Ok(backups.and(self.reports(&api).await?))
    }

    async fn reports(&self, api: &Api) -> Result<Round, LedgerError> {
        let pending = self.with(|ledger| ledger.reader().pending_reports(BATCH))?;
        if pending.is_empty() {
            return Ok(Round::Empty);
        }
        let mut round = Round::Taken;
        for report in pending {
            if let Err(error) = self.deliver(api, &report).await? {
                round = Round::Failed {
                    after: error.retry_after(),
                };
                if error.is_transient() {
                    // The API is away or overloaded: the others would fare no better.
                    break;
                }
            }
        }
        Ok(round)
    }

    /// Delivers one; the inner error is the API's.
    async fn deliver(&self, api: &Api, pending: &PendingReport) -> Result<Result<(), ApiError>, LedgerError> {
        let job_id = &pending.job;
        match api.report(job_id, &pending.report).await {
            Ok(delivered) => {
                self.with(|ledger| ledger.delivered(pending.id))?;
                let (status, result) = (&pending.report.status, pending.report.result.as_deref());
                match delivered {
                    Delivered::Written => tracing::debug!(%job_id, status, result, "reported"),
                    Delivered::Gone => tracing::info!(%job_id, "not reported: the plan is gone from the API"),
                    Delivered::NotWanted => {
                        tracing::debug!(%job_id, "not reported: the API wants no reports")
                    }
                }
                Ok(Ok(()))
            }
            Err(error) if error.is_final() => {
                tracing::error!(%job_id, "a report is given up, the API will never take it: {error}");
                self.with(|ledger| ledger.delivered(pending.id))?;
                Ok(Ok(()))
            }
            Err(error) => {
                let tries = pending.attempts.saturating_add(1);
                tracing::warn!(%job_id, tries, "a report waits in the ledger: {error}");
                self.with(|ledger| ledger.delivery_failed(pending.id, &error.to_string()))?;
                Ok(Err(error))
            }
        }
    }
}
