//! One round of deliveries: what waits goes to the API, and what became of it is noted. And when the next round is.
//!
//! Records of backups go first, so that who reads `success` finds the backup. What fails holds up no other plan's report:
//! those that were tried least often come first. Nor does one sort hold up the other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failpoint::{self, Failpoint};
use crate::freezer::{Api, ApiError, Delivered, rest};
use crate::ledger::{BackupId, PendingReport};
use crate::plan::JobId;

use super::backups;
use super::session_ends::{self, Turns};
use super::waiting::Waiting;

/// Reports delivered between two looks at the ledger.
const REPORTS: usize = 64;
/// Records of backups likewise: each may be a mebibyte.
const BACKUPS: usize = 16;
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is delivered, and to whom.
pub struct Delivery<'a, W> {
    /// What waits.
    pub waiting: &'a W,
    /// Who is told.
    pub api: &'a Api,
    /// When, for the session of a plan.
    pub turns: &'a Turns,
}

/// How a round ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Round {
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
    /// What waits cannot be read, or what became of it not be noted: what is new would fare no better.
    pub const UNREAD: Self = Self::Failed {
        after: None,
        away: true,
    };

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

/// When the next round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once: there may be more.
    Now,
    /// When there is something new.
    New,
    /// After a pause.
    Later {
        /// So long.
        pause: Duration,
        /// Or as soon as there is something new, which need not wait because something else is refused.
        or_new: bool,
    },
}

/// How long it rests after a failure: a second, and twice as long after each further one.
#[derive(Debug)]
pub struct Pauses {
    pause: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { pause: PAUSE }
    }
}

impl Pauses {
    /// What comes after a round that ended so.
    pub fn after(&mut self, round: &Round) -> Next {
        match round {
            Round::Empty => Next::New,
            Round::Taken => {
                self.pause = PAUSE;
                Next::Now
            }
            Round::Failed { after, away } => Next::Later {
                pause: rest(*after, self.pause, LONGEST_PAUSE),
                or_new: !away,
            },
        }
    }

    /// The pause is over, and nothing had cut it short.
    pub fn waited(&mut self) {
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
    }

    /// Somebody is in a hurry: the next pause is as short as the first.
    pub fn hurry(&mut self) {
        self.pause = PAUSE;
    }
}

impl<W: Waiting> Delivery<'_, W> {
    /// Delivers what waits, as much as is read at one time.
    ///
    /// # Errors
    /// When it cannot be read, or it cannot be noted what became of it.
    pub async fn round(&self) -> Result<Round, W::Error> {
        let backups = self.backups().await?.and(self.drafts().await?);
        let ends = self.session_ends().await?;
        Ok(backups.and(ends).and(self.reports().await?))
    }

    async fn backups(&self) -> Result<Round, W::Error> {
        let mut round = Round::Empty;
        // Of each plan the first that was not taken. A later one may tell that this very backup was deleted, and was read
        // before anybody knew that it has to wait.
        let mut untaken: BTreeMap<&JobId, BackupId> = BTreeMap::new();
        let pending = self.waiting.backups(BACKUPS)?;
        for backup in &pending {
            if untaken.get(&backup.job).is_some_and(|first| *first < backup.id) {
                continue;
            }
            let kept = backups::keep(self.waiting, self.api, backup).await?;
            if kept.is_err() {
                untaken.insert(&backup.job, backup.id);
            }
            if round.heard(kept) {
                break;
            }
        }
        Ok(round)
    }

    async fn drafts(&self) -> Result<Round, W::Error> {
        let mut round = Round::Empty;
        for draft in &self.waiting.drafts(REPORTS)? {
            if round.heard(backups::close(self.waiting, self.api, draft).await?) {
                break;
            }
        }
        Ok(round)
    }

    async fn session_ends(&self) -> Result<Round, W::Error> {
        let mut round = Round::Empty;
        for end in &self.waiting.session_ends(REPORTS)? {
            let told = session_ends::tell_waiting(self.waiting, self.api, self.turns, end).await?;
            if round.heard(told) {
                break;
            }
        }
        Ok(round)
    }

    async fn reports(&self) -> Result<Round, W::Error> {
        let mut round = Round::Empty;
        for report in &self.waiting.reports(REPORTS)? {
            if round.heard(self.deliver(report).await?) {
                break;
            }
        }
        Ok(round)
    }

    /// Delivers one; the inner error is the API's.
    async fn deliver(&self, pending: &PendingReport) -> Result<Result<(), ApiError>, W::Error> {
        let job_id = &pending.job;
        failpoint::reach(Failpoint::Report);
        match self
            .api
            .report(job_id, pending.trust.as_ref(), &pending.report)
            .await
        {
            Ok(delivered) => {
                failpoint::reach(Failpoint::ReportSent);
                self.waiting.delivered(pending.id)?;
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
                self.waiting.delivered(pending.id)?;
                Ok(Ok(()))
            }
            Err(error) => {
                let tries = pending.attempts.saturating_add(1);
                tracing::warn!(%job_id, tries, "a report waits in the ledger: {error}");
                failpoint::reach(Failpoint::ReportFailed);
                self.waiting.delivery_failed(pending.id, &error.to_string())?;
                Ok(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
