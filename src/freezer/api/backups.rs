//! Records of backups: one for every backup, though making one twice makes two.
//!
//! A POST whose answer is lost may have been done. From then on the API is looked at first: a record with our
//! mark is the one we made. And a request that was given up may still be at work in the server while we look,
//! so after a POST made in doubt we look once more, and remove what is too much.

use super::records::{Place, Records};
use super::{Api, Drafted};
use crate::freezer::backup_document::BackupDocument;
use crate::freezer::error::ApiError;
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Metadata, RunId};

/// What an agent said of a backup, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Backup<'a> {
    /// Whose plan's: becomes the record's `job_id`.
    pub job: &'a JobId,
    /// That plan's project: where its users look for the record. `None`: ours.
    pub project: Option<&'a ProjectId>,
    /// In whose name it is told; `None`: ours.
    pub trust: Option<&'a TrustId>,
    /// Which run made it.
    pub run: &'a RunId,
    /// What the agent said, and in which step.
    pub metadata: &'a Metadata,
    /// Whether a record was made before the backup was.
    pub draft: Drafted<'a>,
}

/// What became of a backup's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was made.
    Made,
    /// An earlier try had made it.
    Found,
    /// It was there for the agent to fill in, and is.
    Updated,
    /// There was none to make: only records to delete.
    Deleted,
}

/// It could not be delivered, at least not surely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct NotKept {
    /// Why. [`ApiError::is_final`] says whether that is so for ever.
    pub error: ApiError,
    /// A record may have been made all the same: say so at the next try.
    pub in_doubt: bool,
}

impl Api {
    /// Tells `backups` what an agent said: deletes the records of backups that it deleted, then fills in the
    /// record it was given, or makes one. `in_doubt`: an earlier try, perhaps another process's, may have made
    /// it; then it is looked for first.
    ///
    /// # Errors
    /// When it could not be delivered; then all of it is to be delivered again.
    pub async fn keep_backup(&self, backup: Backup<'_>, in_doubt: bool) -> Result<Kept, NotKept> {
        let document = BackupDocument::new(backup.job, backup.run, backup.metadata, backup.draft);
        let document = document.map_err(|error| NotKept {
            error: ApiError::Metadata {
                run: backup.run.to_string(),
                message: error.to_string(),
            },
            in_doubt,
        })?;
        let place = Place {
            project: backup.project,
            trust: backup.trust,
        };
        let keeping = Keeping {
            records: Records::new(self, place, document.mark.clone()),
            document,
        };
        let mut in_doubt = in_doubt || matches!(backup.draft, Drafted::Unknown);
        let mut tries = self.tries();
        loop {
            match keeping.once(&mut in_doubt).await {
                Err(error) if tries.again(&error).await => {}
                done => return done.map_err(|error| NotKept { error, in_doubt }),
            }
        }
    }
}

/// One document on its way.
struct Keeping<'a> {
    records: Records<'a>,
    document: BackupDocument,
}

impl Keeping<'_> {
    async fn once(&self, in_doubt: &mut bool) -> Result<Kept, ApiError> {
        let (records, document) = (&self.records, &self.document);
        for id in &document.deleted {
            match records.delete(id).await {
                // A record that cannot be deleted must not cost us the one to be made.
                Err(error @ (ApiError::Refused { .. } | ApiError::BackupId { .. })) => {
                    tracing::warn!("the record of a deleted backup stays: {error}");
                }
                done => done?,
            }
        }
        let Some(body) = &document.create else {
            return Ok(Kept::Deleted);
        };
        if let Some((id, body)) = &document.update
            && records.fill_in(id, body).await?
        {
            return Ok(Kept::Updated);
        }
        if *in_doubt && let Some(found) = records.find().await? {
            if found.creating && records.fill_in(&found.id, &document.fill).await? {
                return Ok(Kept::Updated);
            }
            return Ok(Kept::Found);
        }
        records.make(body.clone(), in_doubt).await?;
        Ok(Kept::Made)
    }
}
