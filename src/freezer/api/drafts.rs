//! Records that are made before their backups: the agent hands their ids on to Cinder. `creating` until their
//! backups are made, or are not.

use chrono::{DateTime, Utc};

use super::records::{Place, Records};
use super::{Api, NotKept};
use crate::freezer::backup_document::{Mark, closing, creating};
use crate::freezer::error::ApiError;
use crate::plan::{Action, JobId, ProjectId, TrustId};
use crate::planner::RunId;

/// Whether a record was made before the backup was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafted<'a> {
    /// It was not.
    No,
    /// Perhaps: nothing was heard of it.
    Unknown,
    /// It was, and has this id.
    As(&'a str),
}

/// A step of a run whose record is made before its backup.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Whose plan's.
    pub job: &'a JobId,
    /// That plan's project; `None`: ours.
    pub project: Option<&'a ProjectId>,
    /// In whose name; `None`: ours.
    pub trust: Option<&'a TrustId>,
    /// Which run.
    pub run: &'a RunId,
    /// Which of its steps, from 0.
    pub step: u32,
}

impl<'a> Draft<'a> {
    fn records(&self, api: &'a Api) -> Records<'a> {
        let place = Place {
            project: self.project,
            trust: self.trust,
        };
        Records::new(api, place, Mark::of(self.run, self.step))
    }
}

impl Api {
    /// Makes the record of the backup that `action` is about to make, and gives its id. `in_doubt`: an earlier
    /// try, perhaps another process's, may have made it; then it is looked for first.
    ///
    /// # Errors
    /// When it is not known to be made.
    pub async fn draft_backup(
        &self,
        draft: Draft<'_>,
        action: &Action,
        now: DateTime<Utc>,
        in_doubt: bool,
    ) -> Result<String, NotKept> {
        let mark = Mark::of(draft.run, draft.step);
        let body = creating(draft.job, &mark, action, now).map_err(|error| NotKept {
            error: ApiError::Metadata {
                run: draft.run.to_string(),
                message: error.to_string(),
            },
            in_doubt,
        })?;
        let records = draft.records(self);
        let mut in_doubt = in_doubt;
        let mut tries = self.tries();
        loop {
            let once = async {
                if in_doubt && let Some(found) = records.find().await? {
                    return Ok(found.id);
                }
                if let Some(id) = records.make(body.clone(), &mut in_doubt).await? {
                    return Ok(id);
                }
                // It is made all the same, and can be found.
                in_doubt = true;
                let found = records.find().await?;
                found.map(|found| found.id).ok_or_else(|| ApiError::Protocol {
                    at: "POST backups".to_owned(),
                    message: "the answer tells no backup_id, and the record is not found".to_owned(),
                })
            };
            match once.await {
                Err(error) if tries.again(&error).await => {}
                done => return done.map_err(|error| NotKept { error, in_doubt }),
            }
        }
    }

    /// Says in the record what became of a backup of which its agent said nothing: `available`, or `error`. Of
    /// one whose id was never heard the record is looked for. Whether there is one.
    ///
    /// # Errors
    /// When it could not be told.
    pub async fn close_draft(
        &self,
        draft: Draft<'_>,
        id: Option<&str>,
        status: &str,
    ) -> Result<bool, ApiError> {
        let body = closing(status).map_err(|error| ApiError::Metadata {
            run: draft.run.to_string(),
            message: error.to_string(),
        })?;
        let records = draft.records(self);
        let mut tries = self.tries();
        loop {
            let once = async {
                match id {
                    Some(id) => records.fill_in(id, &body).await,
                    None => match records.find().await? {
                        Some(found) if found.creating => records.fill_in(&found.id, &body).await,
                        found => Ok(found.is_some()),
                    },
                }
            };
            match once.await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }
}
