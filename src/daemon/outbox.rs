//! The outbox: takes reports and records of backups from the ledger to the API, until the API took them.
//!
//! Records of backups go first, so that who reads `success` finds the backup. Sleeps while there is nothing. A failed delivery waits with back-off, and holds up no other plan's report:
//! the ledger gives those that were tried least often first. Nor does one sort hold up the other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock;
use crate::freezer::{Api, ApiError, Delivered};
use crate::ledger::{LedgerError, PendingReport};
use crate::observe::metrics::Metrics;

use super::backups;
use super::listing::{Polling, Source};
use super::witness::Shelf;

/// Reports delivered between two looks at the ledger.
const REPORTS: usize = 64;
/// Records of backups likewise: each may be a mebibyte.
const BACKUPS: usize = 16;
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the main loop and the outbox meet.
#[derive(Debug)]
pub struct Bell {
    /// There is something new.
    pub ring: Notify,
    /// Counts how often there were none left.
    pub empty: watch::Sender<u64>,
}

impl Default for Bell {
    fn default() -> Self {
        Self {
            ring: Notify::new(),
            empty: watch::Sender::new(0),
        }
    }
}

/// What delivering needs.
pub struct Outbox {
    /// Where they wait.
    pub(super) ledger: Shelf,
    /// Where to.
    pub polling: watch::Receiver<Polling>,
    /// When.
    pub bell: Arc<Bell>,
    /// Who is told of the backlog.
    pub metrics: Arc<Metrics>,
}

/// How a round ended.
enum Round {
    /// Nothing waits.
    Empty,
    /// All that was tried was taken.
    Taken,
    /// Something was not taken.
    Failed {
        /// When the API asked us to come back, if it did.
        after: Option<Duration>,
        /// It is away or overloaded: what is new would fare no better.
        away: bool,
    },
}

impl Round {
    fn begin(empty: bool) -> Self {
        if empty { Self::Empty } else { Self::Taken }
    }

    /// What the API said to one of them. Whether the others of this round would fare no better.
    fn heard(&mut self, said: Result<(), ApiError>) -> bool {
        let Err(error) = said else { return false };
        let (after, away) = (error.retry_after(), error.is_transient());
        *self = Self::Failed { after, away };
        away
    }

    /// Two rounds as one.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Failed { after, away },
                Self::Failed {
                    after: more,
                    away: too,
                },
            ) => Self::Failed {
                after: after.max(more),
                away: away && too,
            },
            (Self::Failed { after, .. }, Self::Taken) | (Self::Taken, Self::Failed { after, .. }) => {
                Self::Failed { after, away: false }
            }
            (failed @ Self::Failed { .. }, Self::Empty) | (Self::Empty, failed @ Self::Failed { .. }) => {
                failed
            }
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
                    Round::Failed {
                        after: None,
                        away: true,
                    }
                }
            };
            match round {
                Round::Empty => {
                    self.bell
                        .empty
                        .send_modify(|times| *times = times.wrapping_add(1));
                    self.bell.ring.notified().await;
                }
                Round::Taken => pause = PAUSE,
                Round::Failed { after, away } => {
                    let wait = after.unwrap_or(pause).min(LONGEST_PAUSE);
                    if away {
                        clock::pause(wait).await;
                    } else {
                        // What is new need not wait because something else is refused.
                        let _ = tokio::time::timeout(wait, self.bell.ring.notified()).await;
                    }
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn round(&self) -> Result<Round, LedgerError> {
        let Source::Api(api) = self.polling.borrow().source.clone() else {
            return Ok(Round::Empty);
        };
        let backlog = self.ledger.with(|ledger| {
            let reader = ledger.reader();
            Ok::<_, LedgerError>(reader.report_backlog()?.saturating_add(reader.backup_backlog()?))
        })?;
        self.metrics.set_backlog(backlog, None);
        let backups = self.backups(&api).await?;
        Ok(backups.and(self.reports(&api).await?))
    }

    async fn backups(&self, api: &Api) -> Result<Round, LedgerError> {
        let pending = self
            .ledger
            .with(|ledger| ledger.reader().pending_backups(BACKUPS))?;
        let mut round = Round::begin(pending.is_empty());
        for backup in &pending {
            if round.heard(backups::keep(&self.ledger, api, backup).await?) {
                break;
            }
        }
        Ok(round)
    }

    async fn reports(&self, api: &Api) -> Result<Round, LedgerError> {
        let pending = self
            .ledger
            .with(|ledger| ledger.reader().pending_reports(REPORTS))?;
        let mut round = Round::begin(pending.is_empty());
        for report in &pending {
            if round.heard(self.deliver(api, report).await?) {
                break;
            }
        }
        Ok(round)
    }

    /// Delivers one; the inner error is the API's.
    async fn deliver(&self, api: &Api, pending: &PendingReport) -> Result<Result<(), ApiError>, LedgerError> {
        let job_id = &pending.job;
        match api.report(job_id, &pending.report).await {
            Ok(delivered) => {
                self.ledger.with(|ledger| ledger.delivered(pending.id))?;
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
                self.ledger.with(|ledger| ledger.delivered(pending.id))?;
                Ok(Ok(()))
            }
            Err(error) => {
                let tries = pending.attempts.saturating_add(1);
                tracing::warn!(%job_id, tries, "a report waits in the ledger: {error}");
                self.ledger
                    .with(|ledger| ledger.delivery_failed(pending.id, &error.to_string()))?;
                Ok(Err(error))
            }
        }
    }
}
