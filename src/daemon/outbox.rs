//! The outbox: takes reports, records of backups and ends for sessions from the ledger to the API, until the API took them.
//!
//! Records of backups go first, so that who reads `success` finds the backup. Sleeps while there is nothing. A failed delivery waits with back-off, and holds up no other plan's report:
//! the ledger gives those that were tried least often first. Nor does one sort hold up the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};

use crate::clock;
use crate::failpoint::{self, Failpoint};
use crate::freezer::{Api, ApiError, Delivered, rest};
use crate::ledger::{LedgerError, PendingReport};
use crate::observe::metrics::Metrics;

use super::backups;
use super::listing::{Polling, Source};
use super::session_ends::{self, Turns};
use super::witness::Shelf;

/// Reports delivered between two looks at the ledger.
const REPORTS: usize = 64;
/// Records of backups likewise: each may be a mebibyte.
const BACKUPS: usize = 16;
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the main loop and the outbox meet.
#[derive(Debug, Default)]
pub struct Bell {
    /// There is something new.
    pub ring: Notify,
    /// Do not wait any longer before the next try.
    hurry: Notify,
    last_call: Mutex<Option<oneshot::Sender<()>>>,
}

impl Bell {
    /// The daemon stops: everything is tried at once. Completes when all reports are delivered that were
    /// recorded before this call, and perhaps never.
    pub fn last_call(&self) -> impl Future<Output = ()> + Send + 'static {
        let (done, waits) = oneshot::channel();
        *self.last_call.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        self.ring.notify_one();
        self.hurry.notify_one();
        async move {
            // An outbox that is gone delivers nothing more either.
            let _ = waits.await;
        }
    }

    fn take_last_call(&self) -> Option<oneshot::Sender<()>> {
        self.last_call
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// What delivering needs.
pub struct Outbox {
    /// Where they wait.
    pub(super) ledger: Shelf,
    /// Where to.
    pub polling: watch::Receiver<Polling>,
    /// When, to the session of a plan.
    pub(super) turns: Arc<Turns>,
    /// When.
    pub bell: Arc<Bell>,
    /// Who is told of the backlog.
    pub metrics: Arc<Metrics>,
    /// In shadow what an earlier daemon left here waits on: nothing is written to the API.
    pub shadow: bool,
}

/// How a round ended.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    /// Nothing waits that could be delivered.
    Empty,
    /// All that was tried was taken.
    Taken,
    /// Something was not taken.
    Failed {
        /// When the API asked us to come back, if it did.
        after: Option<Duration>,
        /// It is away or overloaded, or does not know us: what is new would fare no better.
        away: bool,
    },
}

impl Round {
    /// What the API said to one of them. Whether the others of this round would fare no better.
    fn heard(&mut self, said: Result<(), ApiError>) -> bool {
        let hopeless = |error: &ApiError| error.is_transient() || error.is_of_our_own();
        let one = match &said {
            Ok(()) => Self::Taken,
            Err(error) => Self::Failed {
                after: error.retry_after(),
                away: hopeless(error),
            },
        };
        // An API that has just taken another one is not away: it stumbles over this one.
        *self = std::mem::replace(self, Self::Empty).and(one);
        said.is_err_and(|error| hopeless(&error))
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
    /// Delivers for ever; ends if the ledger is damaged.
    pub async fn forever(self) {
        let mut pause = PAUSE;
        let mut last_call = None;
        loop {
            // Taken before the ledger is looked into: only then does an empty one answer it.
            last_call = self.bell.take_last_call().or(last_call);
            let round = match self.round().await {
                Ok(round) => round,
                Err(error) => {
                    tracing::error!("the outbox cannot be read or written: {error}");
                    self.metrics.ledger_error();
                    if matches!(error, LedgerError::Damaged { .. }) {
                        // The daemon ends with it, and the next one puts the ledger aside.
                        self.ledger.with(|ledger| ledger.note_damage(&error));
                        return;
                    }
                    Round::Failed {
                        after: None,
                        away: true,
                    }
                }
            };
            match round {
                Round::Empty => {
                    if let Some(caller) = last_call.take() {
                        // A caller whose grace is over does not wait any more.
                        let _ = caller.send(());
                    }
                    self.bell.ring.notified().await;
                }
                Round::Taken => pause = PAUSE,
                Round::Failed { after, away } => {
                    let length = rest(after, pause, LONGEST_PAUSE);
                    tokio::select! {
                        () = clock::pause(length) => pause = pause.saturating_mul(2).min(LONGEST_PAUSE),
                        () = self.bell.hurry.notified() => pause = PAUSE,
                        // What is new need not wait because something else is refused.
                        () = self.bell.ring.notified(), if !away => {}
                    }
                }
            }
        }
    }

    async fn round(&self) -> Result<Round, LedgerError> {
        let (backlog, oldest) = self.ledger.with(|ledger| {
            let reader = ledger.reader();
            let backups = reader.backup_backlog()?.saturating_add(reader.draft_backlog()?);
            let others = backups.saturating_add(reader.session_backlog()?);
            let all = reader.report_backlog()?.saturating_add(others);
            Ok::<_, LedgerError>((all, reader.waits_since()?))
        })?;
        self.metrics.set_backlog(backlog, oldest);
        let Source::Api(api) = self.polling.borrow().source.clone() else {
            return Ok(Round::Empty);
        };
        if self.shadow {
            return Ok(Round::Empty);
        }
        let backups = self.backups(&api).await?.and(self.drafts(&api).await?);
        let ends = self.session_ends(&api).await?;
        Ok(backups.and(ends).and(self.reports(&api).await?))
    }

    async fn session_ends(&self, api: &Api) -> Result<Round, LedgerError> {
        let pending = self
            .ledger
            .with(|ledger| ledger.reader().pending_session_ends(REPORTS))?;
        let mut round = Round::Empty;
        for end in &pending {
            if round.heard(session_ends::tell_waiting(&self.ledger, api, &self.turns, end).await?) {
                break;
            }
        }
        Ok(round)
    }

    async fn drafts(&self, api: &Api) -> Result<Round, LedgerError> {
        let pending = self
            .ledger
            .with(|ledger| ledger.reader().pending_drafts(REPORTS))?;
        let mut round = Round::Empty;
        for draft in &pending {
            if round.heard(backups::close(&self.ledger, api, draft).await?) {
                break;
            }
        }
        Ok(round)
    }

    async fn backups(&self, api: &Api) -> Result<Round, LedgerError> {
        let pending = self
            .ledger
            .with(|ledger| ledger.reader().pending_backups(BACKUPS))?;
        let mut round = Round::Empty;
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
        let mut round = Round::Empty;
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
        failpoint::reach(Failpoint::Report);
        match api.report(job_id, pending.trust.as_ref(), &pending.report).await {
            Ok(delivered) => {
                failpoint::reach(Failpoint::ReportSent);
                self.ledger.with(|ledger| ledger.delivered(pending.id))?;
                failpoint::reach(Failpoint::ReportRecorded);
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
                failpoint::reach(Failpoint::ReportFailed);
                self.ledger
                    .with(|ledger| ledger.delivery_failed(pending.id, &error.to_string()))?;
                Ok(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
