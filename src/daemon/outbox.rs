//! The outbox: takes reports, records of backups and ends for sessions from the ledger to the API, until the API took them.
//!
//! Sleeps while there is nothing. How a round goes, and when the next is, [`delivery`](super::delivery) says.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot, watch};

use crate::clock;
use crate::ledger::LedgerError;
use crate::observe::metrics::Metrics;

use super::delivery::{Delivery, Next, Pauses, Round};
use super::listing::{Polling, Source};
use super::session_ends::Turns;
use super::witness::Shelf;

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

impl Outbox {
    /// Delivers for ever; ends if the ledger is damaged.
    pub async fn forever(self) {
        let mut pauses = Pauses::default();
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
                    Round::UNREAD
                }
            };
            match pauses.after(&round) {
                Next::Now => {}
                Next::New => {
                    if let Some(caller) = last_call.take() {
                        // A caller whose grace is over does not wait any more.
                        let _ = caller.send(());
                    }
                    self.bell.ring.notified().await;
                }
                Next::Later { pause, or_new } => {
                    tokio::select! {
                        () = clock::pause(pause) => pauses.waited(),
                        () = self.bell.hurry.notified() => pauses.hurry(),
                        () = self.bell.ring.notified(), if or_new => {}
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
        let delivery = Delivery {
            waiting: &self.ledger,
            api: &api,
            turns: &self.turns,
        };
        delivery.round().await
    }
}
