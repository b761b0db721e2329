//! What is written down, in the ledger in memory, of records of backups on their way.

use std::collections::BTreeMap;

use freezerd::daemon::account::Account;
use freezerd::ledger::{BackupId, DraftId, DraftSent, PendingBackup, PendingDraft};
use freezerd::plan::{JobId, ProjectId, TrustId, trust_of};
use freezerd::planner::{Metadata, Outcome, RunId, RunRecord, RunState};

use super::fate::Disk;
use super::shelf::{Hand, Shelf};

/// One step's metadata.
#[derive(Debug, Clone)]
struct Row {
    number: i64,
    /// `None`: the API has it.
    metadata: Option<Metadata>,
    in_doubt: bool,
    attempts: u32,
}

/// A record that is made before its backup.
#[derive(Debug, Clone)]
struct Draft {
    number: i64,
    job: JobId,
    project: Option<ProjectId>,
    id: Option<String>,
    attempts: u32,
}

#[derive(Debug, Default, Clone)]
pub struct Accounts {
    rows: BTreeMap<(RunId, u32), Row>,
    drafts: BTreeMap<(RunId, u32), Draft>,
    numbers: i64,
}

impl Accounts {
    /// Of one step there is one, ever.
    pub fn put(&mut self, run: &RunId, metadata: &Metadata) {
        self.numbers += 1;
        let row = Row {
            number: self.numbers,
            metadata: Some(metadata.clone()),
            in_doubt: false,
            attempts: 0,
        };
        self.rows.entry((run.clone(), metadata.step())).or_insert(row);
    }

    /// The run is to run once more.
    pub fn run_again(&mut self, run: &RunId) {
        self.rows
            .retain(|(of, _), row| of != run || row.metadata.is_some());
    }

    pub fn withdrawn(&mut self, run: &RunId) {
        self.rows.retain(|(of, _), _| of != run);
    }

    fn row(&mut self, id: BackupId) -> Option<(&(RunId, u32), &mut Row)> {
        let mut rows = self.rows.iter_mut();
        rows.find(|(_, row)| BackupId::from_stored(row.number) == id)
    }

    fn given_up(&mut self, id: BackupId) {
        if let Some((_, row)) = self.row(id) {
            row.metadata = None;
        }
    }
}

impl Shelf {
    /// In whose name the API is told of this job.
    pub(super) fn trust(&self, job: &JobId) -> Option<TrustId> {
        let (text, ..) = self.plans.get(job)?;
        text.contains("trust_id").then(|| trust_of(text)).flatten()
    }

    /// What may be told: as in the ledger, no deletions before what is unsure of their plan.
    pub fn pending_backups(&self) -> Vec<PendingBackup> {
        let mut all = self.untold_backups();
        let unsure = |one: &&PendingBackup| one.in_doubt || one.attempts > 0;
        let unsure: Vec<_> = all
            .iter()
            .filter(unsure)
            .map(|one| (one.job.clone(), one.id))
            .collect();
        all.retain(|one| {
            let after = |(job, id): &(JobId, BackupId)| *job == one.job && *id < one.id;
            !(one.metadata.text().contains("deleted_freezer_backup_ids") && unsure.iter().any(after))
        });
        all
    }

    pub fn untold_backups(&self) -> Vec<PendingBackup> {
        let pending = |((run, step), row): (&(RunId, u32), &Row)| {
            let record = self.runs.get(run)?;
            let draft = self.accounts.drafts.get(&(run.clone(), *step));
            Some(PendingBackup {
                id: BackupId::from_stored(row.number),
                job: record.job.clone(),
                project: record.project.clone(),
                trust: self.trust(&record.job),
                run: run.clone(),
                metadata: row.metadata.clone()?,
                draft: draft.map(|draft| draft.id.clone()),
                in_doubt: row.in_doubt,
                attempts: row.attempts,
                error: None,
            })
        };
        let mut all: Vec<_> = self.accounts.rows.iter().filter_map(pending).collect();
        all.sort_by_key(|pending| (pending.attempts, pending.id));
        all
    }

    pub fn pending_drafts(&self) -> Vec<PendingDraft> {
        let pending = |((run, step), draft): (&(RunId, u32), &Draft)| {
            let state = self.runs.get(run).map(|run| run.state);
            let over = state.is_none_or(|state| matches!(state, RunState::Done(_)));
            let row = self.accounts.rows.get(&(run.clone(), *step));
            let told = row.is_some_and(|row| row.metadata.is_some());
            (over && !told).then(|| PendingDraft {
                id: DraftId::from_stored(draft.number),
                job: draft.job.clone(),
                project: draft.project.clone(),
                trust: self.trust(&draft.job),
                run: run.clone(),
                step: *step,
                backup_id: draft.id.clone(),
                succeeded: state == Some(RunState::Done(Outcome::Success)),
                attempts: draft.attempts,
            })
        };
        let mut all: Vec<_> = self.accounts.drafts.iter().filter_map(pending).collect();
        all.sort_by_key(|pending| (pending.attempts, pending.id));
        all
    }
}

impl Account for Hand {
    type Error = String;

    fn sending(&self, id: BackupId) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            if let Some((_, row)) = shelf.accounts.row(id) {
                row.in_doubt = true;
            }
        })
    }

    fn taken(&self, id: BackupId) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            let of = shelf.accounts.row(id).map(|(of, _)| of.clone());
            shelf
                .accounts
                .drafts
                .retain(|draft, _| of.as_ref() != Some(draft));
            shelf.accounts.given_up(id);
        })
    }

    fn given_up(&self, id: BackupId) -> Result<(), String> {
        self.change(Disk::Account, |shelf| shelf.accounts.given_up(id))
    }

    fn failed(&self, id: BackupId, _: &str, in_doubt: bool) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            if let Some((_, row)) = shelf.accounts.row(id) {
                row.attempts += 1;
                row.in_doubt = in_doubt;
            }
        })
    }

    fn draft_sending(&self, run: &RunRecord, step: u32) -> Result<DraftSent, String> {
        self.change(Disk::Account, |shelf| {
            let key = (run.id.clone(), step);
            let accounts = &mut shelf.accounts;
            if let Some(known) = accounts.drafts.get(&key) {
                return known.id.clone().map_or(DraftSent::InDoubt, DraftSent::Made);
            }
            accounts.numbers += 1;
            let draft = Draft {
                number: accounts.numbers,
                job: run.job.clone(),
                project: run.project.clone(),
                id: None,
                attempts: 0,
            };
            accounts.drafts.insert(key, draft);
            DraftSent::First
        })
    }

    fn draft_made(&self, run: &RunId, step: u32, id: &str) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            if let Some(draft) = shelf.accounts.drafts.get_mut(&(run.clone(), step)) {
                draft.id = Some(id.to_owned());
            }
        })
    }

    fn draft_not_made(&self, run: &RunId, step: u32) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            drop(shelf.accounts.drafts.remove(&(run.clone(), step)))
        })
    }

    fn draft_closed(&self, id: DraftId) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            let drafts = &mut shelf.accounts.drafts;
            drafts.retain(|_, draft| DraftId::from_stored(draft.number) != id);
        })
    }

    fn draft_failed(&self, id: DraftId, _: &str) -> Result<(), String> {
        self.change(Disk::Account, |shelf| {
            let mut drafts = shelf.accounts.drafts.values_mut();
            if let Some(draft) = drafts.find(|draft| DraftId::from_stored(draft.number) == id) {
                draft.attempts += 1;
            }
        })
    }
}
