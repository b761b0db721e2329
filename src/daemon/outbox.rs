//! The outbox: takes reports from the ledger to the API, until the API took them.
//!
//! Sleeps while there are none. A failed delivery waits with back-off, and holds up no other plan's report:
//! the ledger gives those that were tried least often first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};

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
    /// There are new reports.
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
    /// Where reports wait.
    pub ledger: Arc<Mutex<Ledger>>,
    /// Where to.
    pub polling: watch::Receiver<Polling>,
    /// When.
    pub bell: Arc<Bell>,
    /// Who is told of the backlog.
    pub metrics: Arc<Metrics>,
    /// In shadow what an earlier daemon left here waits on: nothing is written to the API.
    pub shadow: bool,
}

/// How a round ended.
enum Round {
    /// Nothing waits that could be delivered.
    Empty,
    /// All that was tried was taken.
    Taken,
    /// Something was not taken; after `after`, if the API named a time.
    Failed { after: Option<Duration> },
}

impl Outbox {
    /// Delivers for ever.
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
                    Round::Failed { after: None }
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
                Round::Failed { after } => {
                    let length = after.unwrap_or(pause).min(LONGEST_PAUSE);
                    tokio::select! {
                        () = clock::pause(length) => pause = pause.saturating_mul(2).min(LONGEST_PAUSE),
                        () = self.bell.hurry.notified() => pause = PAUSE,
                    }
                }
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        tokio::task::block_in_place(|| work(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn round(&self) -> Result<Round, LedgerError> {
        let (pending, backlog) = self.with(|ledger| {
            let reader = ledger.reader();
            Ok::<_, LedgerError>((reader.pending_reports(BATCH)?, reader.report_backlog()?))
        })?;
        self.metrics.set_backlog(backlog, None);
        let source = self.polling.borrow().source.clone();
        let api = match source {
            Source::Api(api) if !self.shadow && !pending.is_empty() => api,
            Source::Api(_) | Source::Path(_) => return Ok(Round::Empty),
        };
        let mut round = Round::Taken;
        for report in pending {
            if let Err(error) = self.deliver(&api, &report).await? {
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
                let (status, result) = (&pending.report.status, &pending.report.result);
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
