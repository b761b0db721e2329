//! The daemon's outbox: its own rounds, on what waits in the ledger in memory.

use std::sync::Arc;

use freezerd::daemon::delivery::{Delivery, Next, Pauses, Round};
use freezerd::daemon::session_ends::Turns;
use freezerd::daemon::waiting::Waiting;
use freezerd::ledger::{
    PendingBackup, PendingDraft, PendingReport, PendingSessionEnd, ReportId, SessionEndId,
};
use freezerd::plan::{JobId, ProjectId, TrustId};
use freezerd::planner::{Report, RunId, SessionEnd};

use super::fate::Disk;
use super::keeping::ready;
use super::servers::project_of;
use super::shelf::{Hand, Shelf};
use super::world::World;

/// When the outbox goes round. (A round takes no time here: nothing comes while one is under way.)
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) turns: Arc<Turns>,
    pauses: Pauses,
    /// It pauses until then.
    until: Option<i64>,
    /// And does not listen meanwhile.
    deaf: bool,
}

/// A report that waits.
#[derive(Debug, Clone)]
pub struct Told {
    pub number: i64,
    pub run: Option<RunId>,
    pub report: Report,
    pub attempts: u32,
}

/// An end that waits for its session.
#[derive(Debug, Clone)]
pub struct Ended {
    pub number: i64,
    pub run: RunId,
    pub end: SessionEnd,
    pub attempts: u32,
}

impl World {
    /// There is something new.
    pub(super) fn ring(&mut self) {
        if !self.outbox.deaf {
            self.deliver = Some(self.machine.clock.now());
        }
    }

    /// One round, and when the next is.
    pub(super) fn deliver_reports(&mut self) {
        let now = self.machine.clock.now();
        self.deliver = None;
        self.outbox.deaf = false;
        if self.outbox.until.take().is_some_and(|until| until <= now) {
            self.outbox.pauses.waited();
        }
        let turns = Arc::clone(&self.outbox.turns);
        // In shadow nothing is written to the API.
        let shadow = self.policy.shadow;
        let round = self.beside(|api, hand| {
            let delivery = Delivery {
                waiting: hand,
                api,
                turns: &turns,
            };
            if shadow {
                Ok(Round::Empty)
            } else {
                ready(delivery.round())
            }
        });
        let Some(round) = round else { return };
        match self.outbox.pauses.after(&round.unwrap_or(Round::UNREAD)) {
            Next::Now => self.deliver = Some(now),
            Next::New => {}
            Next::Later { pause, or_new } => {
                let until = now + i64::try_from(pause.as_secs()).expect("a minute at most");
                (self.deliver, self.outbox.until) = (Some(until), Some(until));
                self.outbox.deaf = !or_new;
            }
        }
    }
}

impl Shelf {
    fn session_end(&self, job: &JobId, ended: &Ended) -> PendingSessionEnd {
        PendingSessionEnd {
            id: SessionEndId::from_stored(ended.number),
            job: job.clone(),
            project: Some(ProjectId::new(&project_of(job.as_str()))),
            run: ended.run.clone(),
            end: ended.end.clone(),
            attempts: ended.attempts,
            error: None,
        }
    }

    fn pending_reports(&self) -> Vec<PendingReport> {
        let pending = |(job, told): (&JobId, &Told)| PendingReport {
            id: ReportId::from_stored(0, told.number),
            job: job.clone(),
            project: Some(ProjectId::new(&project_of(job.as_str()))),
            trust: self.trust(job),
            run: told.run.clone(),
            report: told.report.clone(),
            attempts: told.attempts,
            error: None,
        };
        let mut all: Vec<_> = self.outbox.iter().map(pending).collect();
        all.sort_by_key(|pending| (pending.attempts, pending.id));
        all
    }

    fn pending_session_ends(&self) -> Vec<PendingSessionEnd> {
        let ends = self.session_ends.iter();
        let mut all: Vec<_> = ends.map(|(job, ended)| self.session_end(job, ended)).collect();
        all.sort_by_key(|pending| (pending.attempts, pending.id));
        all
    }
}

impl Hand {
    /// Reads, from a disk that may fail.
    fn read<T>(&self, read: impl FnOnce(&Shelf) -> T) -> Result<T, String> {
        if self.fate.disk_fails(Disk::Waiting) {
            return Err("the disk fails".to_owned());
        }
        Ok(read(&self.shelf.lock().expect("no thread panics with it")))
    }

    /// Of what waits, so much as is asked for.
    fn first<T>(&self, limit: usize, read: impl FnOnce(&Shelf) -> Vec<T>) -> Result<Vec<T>, String> {
        let mut all = self.read(read)?;
        all.truncate(limit);
        Ok(all)
    }
}

impl Waiting for Hand {
    fn backups(&self, limit: usize) -> Result<Vec<PendingBackup>, String> {
        self.first(limit, Shelf::pending_backups)
    }

    fn drafts(&self, limit: usize) -> Result<Vec<PendingDraft>, String> {
        self.first(limit, Shelf::pending_drafts)
    }

    fn session_ends(&self, limit: usize) -> Result<Vec<PendingSessionEnd>, String> {
        self.first(limit, Shelf::pending_session_ends)
    }

    fn reports(&self, limit: usize) -> Result<Vec<PendingReport>, String> {
        self.first(limit, Shelf::pending_reports)
    }

    fn session_ends_of(&self, job: &JobId) -> Result<Vec<PendingSessionEnd>, String> {
        self.read(|shelf| {
            let ended = shelf.session_ends.get(job);
            let ended = ended.map(|ended| shelf.session_end(job, ended));
            ended.into_iter().collect()
        })
    }

    fn session_end_waits(&self, id: SessionEndId) -> Result<bool, String> {
        let is_it = |ended: &Ended| SessionEndId::from_stored(ended.number) == id;
        self.read(|shelf| shelf.session_ends.values().any(is_it))
    }

    fn trust(&self, job: &JobId) -> Result<Option<TrustId>, String> {
        self.read(|shelf| shelf.trust(job))
    }

    fn delivered(&self, id: ReportId) -> Result<(), String> {
        self.change(Disk::Delivered, |shelf| {
            let another = |told: &Told| ReportId::from_stored(0, told.number) != id;
            shelf.outbox.retain(|_, told| another(told));
        })
    }

    fn delivery_failed(&self, id: ReportId, _: &str) -> Result<(), String> {
        self.change(Disk::Delivered, |shelf| {
            let is_it = |told: &&mut Told| ReportId::from_stored(0, told.number) == id;
            if let Some(told) = shelf.outbox.values_mut().find(is_it) {
                told.attempts += 1;
            }
        })
    }

    fn session_told(&self, id: SessionEndId) -> Result<(), String> {
        self.change(Disk::Delivered, |shelf| {
            let another = |ended: &Ended| SessionEndId::from_stored(ended.number) != id;
            shelf.session_ends.retain(|_, ended| another(ended));
        })
    }

    fn session_untold(&self, id: SessionEndId, _: &str) -> Result<(), String> {
        self.change(Disk::Delivered, |shelf| {
            let is_it = |ended: &&mut Ended| SessionEndId::from_stored(ended.number) == id;
            if let Some(ended) = shelf.session_ends.values_mut().find(is_it) {
                ended.attempts += 1;
            }
        })
    }
}
