//! Records of backups: one for every backup, though making one twice makes two.
//!
//! A POST whose answer is lost may have been done. From then on the API is looked at first: a record with our
//! mark is the one we made. And a request that was given up may still be at work in the server while we look,
//! so after a POST made in doubt we look once more, and remove what is too much.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Api, Called, not_json};
use crate::freezer::backup_document::BackupDocument;
use crate::freezer::error::ApiError;
use crate::freezer::http::parse;
use crate::freezer::keystone::Session;
use crate::plan::{JobId, ProjectId};
use crate::planner::{Metadata, RunId};

/// What an agent said of a backup, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Backup<'a> {
    /// Whose plan's: becomes the record's `job_id`.
    pub job: &'a JobId,
    /// That plan's project: where its users look for the record. `None`: ours.
    pub project: Option<&'a ProjectId>,
    /// Which run made it.
    pub run: &'a RunId,
    /// What the agent said, and in which step.
    pub metadata: &'a Metadata,
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

#[derive(Deserialize)]
struct Page {
    backups: Vec<Box<RawValue>>,
}

impl Api {
    /// Tells `backups` what an agent said: deletes the records of backups that it deleted, then fills in the
    /// record it was given, or makes one. `in_doubt`: an earlier try, perhaps another process's, may have made
    /// it; then it is looked for first.
    ///
    /// # Errors
    /// When it could not be delivered; then all of it is to be delivered again.
    pub async fn keep_backup(&self, backup: Backup<'_>, in_doubt: bool) -> Result<Kept, NotKept> {
        let document =
            BackupDocument::new(backup.job, backup.run, backup.metadata).map_err(|error| NotKept {
                error: ApiError::Metadata {
                    run: backup.run.to_string(),
                    message: error.to_string(),
                },
                in_doubt,
            })?;
        let keeping = Keeping {
            api: self,
            document,
            project: backup.project.map(ProjectId::as_str),
        };
        let mut in_doubt = in_doubt;
        let mut tries = self.http.tries();
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
    api: &'a Api,
    document: BackupDocument,
    project: Option<&'a str>,
}

impl Keeping<'_> {
    async fn once(&self, in_doubt: &mut bool) -> Result<Kept, ApiError> {
        for id in &self.document.deleted {
            match self.delete(id).await {
                // A record that cannot be deleted must not cost us the one to be made.
                Err(error @ (ApiError::Refused { .. } | ApiError::BackupId { .. })) => {
                    tracing::warn!("the record of a deleted backup stays: {error}");
                }
                done => done?,
            }
        }
        let Some(body) = &self.document.create else {
            return Ok(Kept::Deleted);
        };
        if self.update().await? {
            return Ok(Kept::Updated);
        }
        if *in_doubt && self.is_there().await? {
            return Ok(Kept::Found);
        }
        let url = |session: &Session| Ok(session.endpoint.backups(self.project));
        if let Err(error) = self
            .api
            .call(Method::POST, url, Some(body.clone()), |_| false)
            .await
        {
            *in_doubt |= error.may_have_arrived();
            return Err(error);
        }
        if *in_doubt {
            self.is_there().await?;
        }
        Ok(Kept::Made)
    }

    /// Fills in the record that the agent was given; whether there is one.
    async fn update(&self) -> Result<bool, ApiError> {
        let Some((id, body)) = &self.document.update else {
            return Ok(false);
        };
        let url = |session: &Session| session.endpoint.backup(id, self.project);
        let readable = super::Answer::is_document_missing;
        match self
            .api
            .call(Method::PATCH, url, Some(body.clone()), readable)
            .await
        {
            Ok(called) => Ok(called.answer.status.is_success()),
            Err(ApiError::BackupId { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes a record. One that is not there is no error.
    async fn delete(&self, id: &str) -> Result<(), ApiError> {
        let url = |session: &Session| session.endpoint.backup(id, self.project);
        let missing =
            |answer: &super::Answer| answer.status == StatusCode::NOT_FOUND && answer.is_document_missing();
        self.api
            .call(Method::DELETE, url, None, missing)
            .await
            .map(|_| ())
    }

    /// Whether a record with our mark is there. Of several, which a lost answer can lead to, one is left.
    async fn is_there(&self) -> Result<bool, ApiError> {
        let ours = self.marked().await?;
        for surplus in ours.iter().skip(1) {
            self.delete(surplus).await?;
        }
        Ok(!ours.is_empty())
    }

    /// The records with our mark. The search leaves no others in the answer; where something on the way drops
    /// the body of a GET, the whole list comes, and is read page by page.
    async fn marked(&self) -> Result<BTreeSet<String>, ApiError> {
        let bounds = self.api.access.bounds;
        let page_size = usize::try_from(bounds.page_size.get()).unwrap_or(usize::MAX);
        let (mut ours, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let (mut offset, mut bytes) = (0_usize, 0_u64);
        for _ in 0..bounds.pages {
            let Called { at, answer } = self.page(offset).await?;
            bytes = bytes.saturating_add(answer.body.len() as u64);
            if bytes > bounds.listing_bytes {
                let limit = bounds.listing_bytes;
                return Err(ApiError::TooLarge { at, limit });
            }
            let page: Page = parse(&answer.body).map_err(|error| not_json(at, &error))?;
            let length = page.backups.len();
            let mut news = false;
            for (id, mine) in page
                .backups
                .iter()
                .filter_map(|record| self.document.recognise(record))
            {
                if mine {
                    ours.insert(id.clone());
                }
                news |= seen.insert(id);
            }
            if length < page_size || !news {
                return Ok(ours);
            }
            offset = offset.saturating_add(length);
        }
        Err(ApiError::Protocol {
            at: String::from("GET backups"),
            message: format!("the list of backups has not ended after {} pages", bounds.pages),
        })
    }

    async fn page(&self, offset: usize) -> Result<Called, ApiError> {
        let search = self.document.search().map_err(|error| ApiError::Protocol {
            at: String::from("GET backups"),
            message: format!("no search can be made: {error}"),
        })?;
        let url = |session: &Session| {
            let mut url = session.endpoint.backups(self.project);
            url.query_pairs_mut()
                .append_pair("limit", &self.api.access.bounds.page_size.to_string())
                .append_pair("offset", &offset.to_string());
            Ok(url)
        };
        self.api.call(Method::GET, url, Some(search), |_| false).await
    }
}
