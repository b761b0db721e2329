//! `backups`, record by record: made, found by their mark, filled in, deleted.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Api, Called, not_json};
use crate::freezer::backup_document::{Listed, Mark, is_id};
use crate::freezer::error::ApiError;
use crate::freezer::http::{ITEMS, List, parse_object};
use crate::freezer::keystone::Session;
use crate::plan::{ProjectId, TrustId};

/// Records too many that are deleted at a time. Lost answers lead to one or two.
const SURPLUS: usize = 100;

/// Whose records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// In which project; `None`: ours.
    pub project: Option<&'a ProjectId>,
    /// In whose name; `None`: ours.
    pub trust: Option<&'a TrustId>,
}

/// The records with one mark.
pub(super) struct Records<'a> {
    api: &'a Api,
    place: Place<'a>,
    mark: Mark,
}

#[derive(Deserialize)]
struct Page {
    backups: List<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Made {
    backup_id: String,
}

impl<'a> Records<'a> {
    pub fn new(api: &'a Api, place: Place<'a>, mark: Mark) -> Self {
        Self { api, place, mark }
    }

    fn project(&self) -> Option<&'a str> {
        self.place.project.map(ProjectId::as_str)
    }

    /// Makes one, and gives its id, if the answer tells it. Notes in `in_doubt` that it may have arrived, though that is not heard. One
    /// that is made in doubt is looked for afterwards: an earlier request may have been at work meanwhile.
    pub async fn make(&self, body: Vec<u8>, in_doubt: &mut bool) -> Result<Option<String>, ApiError> {
        let url = |session: &Session| Ok(session.endpoint.backups(self.project()));
        let limit = self.api.access.bounds.document_bytes;
        let called = self
            .api
            .call_by(self.place.trust, Method::POST, url, Some(body), |_| false, limit)
            .await;
        let Called { answer, .. } = called.inspect_err(|error| *in_doubt |= error.may_have_arrived())?;
        if *in_doubt && let Some(left) = self.find().await? {
            return Ok(Some(left.id));
        }
        let made = parse_object::<Made>(&answer.body).ok();
        Ok(made.map(|made| made.backup_id).filter(|id| is_id(id)))
    }

    /// Fills in the record of this id; whether there is one.
    pub async fn fill_in(&self, id: &str, body: &[u8]) -> Result<bool, ApiError> {
        let url = |session: &Session| session.endpoint.backup(id, self.project());
        let body = Some(body.to_owned());
        match self
            .api
            .call_about(self.place.trust, Method::PATCH, url, body)
            .await
        {
            Ok(called) => Ok(called.is_some()),
            Err(ApiError::BackupId { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes a record. One that is not there is no error.
    pub async fn delete(&self, id: &str) -> Result<(), ApiError> {
        let url = |session: &Session| session.endpoint.backup(id, self.project());
        self.api
            .call_about(self.place.trust, Method::DELETE, url, None)
            .await
            .map(|_| ())
    }

    /// The record with our mark, if there is one. Of several, which a lost answer can lead to, one is left: the
    /// first that is no longer `creating`, or else the first.
    pub async fn find(&self) -> Result<Option<Listed>, ApiError> {
        let mut ours: Vec<Listed> = self.marked().await?.into_values().collect();
        ours.sort_by_key(|record| record.creating);
        for surplus in ours.iter().skip(1).take(SURPLUS) {
            self.delete(&surplus.id).await?;
        }
        Ok(ours.into_iter().next())
    }

    /// The records with our mark. The search leaves no others in the answer; where something on the way drops
    /// the body of a GET, the whole list comes, and is read page by page.
    async fn marked(&self) -> Result<BTreeMap<String, Listed>, ApiError> {
        let bounds = self.api.access.bounds;
        let page_size = usize::try_from(bounds.page_size.get()).unwrap_or(usize::MAX);
        let (mut ours, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let (mut offset, mut bytes) = (0_usize, 0_u64);
        let began = self.api.http.monotonic();
        for pages in 0..bounds.pages {
            let page = self.page(offset);
            let late = ("GET backups", "the list of backups");
            let Called { at, answer } = self.api.page_in_time(page, late, began, pages).await?;
            bytes = bytes.saturating_add(answer.body.len() as u64);
            if bytes > bounds.listing_bytes {
                let limit = bounds.listing_bytes;
                return Err(ApiError::TooLarge { at, limit });
            }
            let Page { backups } = parse_object(&answer.body).map_err(|error| not_json(at.clone(), error))?;
            let length = backups.items.len();
            if backups.cut {
                let message = format!("the answer holds more than {ITEMS} records of backups");
                return Err(ApiError::Protocol { at, message });
            }
            let (mut news, mut heeded) = (false, true);
            for record in backups.items.iter().map(|one| self.mark.recognise(one)) {
                heeded &= record.as_ref().is_some_and(|record| record.ours);
                let Some(record) = record else { continue };
                news |= seen.insert(record.id.clone());
                if record.ours {
                    ours.insert(record.id.clone(), record);
                }
            }
            // Of the whole list nobody knows how much of it comes at once.
            if !news || (heeded && length < page_size) {
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
        let search = self.mark.search().map_err(|error| ApiError::Protocol {
            at: String::from("GET backups"),
            message: format!("no search can be made: {error}"),
        })?;
        let url = |session: &Session| {
            let mut url = session.endpoint.backups(self.project());
            url.query_pairs_mut()
                .append_pair("limit", &self.api.access.bounds.page_size.to_string())
                .append_pair("offset", &offset.to_string());
            Ok(url)
        };
        let limit = self.api.access.bounds.page_bytes;
        self.api
            .call_by(self.place.trust, Method::GET, url, Some(search), |_| false, limit)
            .await
    }
}
