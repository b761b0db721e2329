//! All plans, page by page.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::error::ApiError;
use super::super::http::parse;
use super::super::keystone::Session;
use super::super::pager::{Next, Pager};
use super::call::Called;
use super::{Api, not_json};
use crate::source::Document;

/// One complete listing.
#[derive(Debug)]
pub struct Listing {
    /// The documents that were asked for, each once.
    pub documents: Vec<Document>,
    /// Different documents that the API showed, whosever they are.
    pub seen: usize,
    /// Those among them that belong to other clients, or to none.
    pub others: usize,
    /// Documents that came again on a later page: the listing changed while it was read.
    pub repeated: usize,
    /// Pages it took.
    pub pages: u32,
}

/// A listing that is being read.
#[derive(Debug)]
pub struct Pages<'a> {
    api: &'a Api,
    at: String,
    page_size: usize,
    pager: Pager,
    bytes: u64,
    next: Next,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    jobs: Option<Vec<Box<RawValue>>>,
}

impl Api {
    /// All plans of our client (or of all).
    ///
    /// # Errors
    /// When any page of it cannot be had: a listing is complete or an error, never half of one.
    pub async fn list(&self) -> Result<Listing, ApiError> {
        let mut pages = self.listing().await?;
        let mut documents = Vec::new();
        while let Some(page) = pages.next().await? {
            documents.extend(page);
        }
        Ok(Listing {
            seen: pages.pager.seen(),
            others: pages.others(),
            repeated: pages.pager.repeated,
            pages: pages.pager.pages(),
            documents,
        })
    }

    /// The same, page by page.
    ///
    /// # Errors
    /// When the API cannot be reached.
    pub async fn listing(&self) -> Result<Pages<'_>, ApiError> {
        let connection = self.connection().await?;
        let page_size = usize::try_from(self.access.bounds.page_size.get()).unwrap_or(usize::MAX);
        let habits = *self.habits();
        Ok(Pages {
            api: self,
            at: format!("GET {}", connection.jobs_url),
            page_size,
            pager: Pager::new(page_size, connection.client_id, habits),
            bytes: 0,
            next: Next::Ask(None),
        })
    }

    /// One page and its length in bytes.
    async fn page(&self, offset: Option<&str>) -> Result<(Vec<Box<RawValue>>, u64), ApiError> {
        let url = |session: &Session| {
            let mut url = session.endpoint.jobs();
            let mut query = url.query_pairs_mut();
            query.append_pair("limit", &self.access.bounds.page_size.to_string());
            if self.access.all_projects {
                // As freezer-scheduler asks. The API goes by its policy, whatever is asked.
                query.append_pair("all_projects", "True");
            }
            if let Some(offset) = offset {
                query.append_pair("offset", offset);
            }
            drop(query);
            Ok(url)
        };
        let mut tries = self.http.tries();
        loop {
            match self.call(Method::GET, url, None, |_| false).await {
                Err(error) if tries.again(&error).await => {}
                done => return done.and_then(|called| read_page(&called)),
            }
        }
    }
}

impl Pages<'_> {
    /// The documents of the next page that were asked for and are not on an earlier one; `None`: that was all.
    ///
    /// # Errors
    /// When it cannot be had. Then what was given so far is no listing.
    pub async fn next(&mut self) -> Result<Option<Vec<Document>>, ApiError> {
        loop {
            let Next::Ask(offset) = &self.next else {
                *self.api.habits() = self.pager.habits();
                return Ok(None);
            };
            let bounds = self.api.access.bounds;
            if self.pager.pages() >= bounds.pages {
                let message = format!("the listing has not ended after {} pages", bounds.pages);
                let at = self.at.clone();
                return Err(ApiError::Protocol { at, message });
            }
            match self.api.page(offset.as_deref()).await {
                Ok((page, length)) => {
                    self.bytes = self.bytes.saturating_add(length);
                    if self.bytes > bounds.listing_bytes {
                        let (at, limit) = (self.at.clone(), bounds.listing_bytes);
                        return Err(ApiError::TooLarge { at, limit });
                    }
                    self.next = self.pager.take(page);
                    if self.next == Next::Stuck {
                        return Err(stuck(self.at.clone(), self.page_size));
                    }
                    return Ok(Some(std::mem::take(&mut self.pager.documents)));
                }
                Err(
                    error @ ApiError::Refused {
                        status: 400 | 404 | 422,
                        ..
                    },
                ) => {
                    self.next = self.pager.refused();
                    if self.next == Next::Stuck {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Different documents so far that belong to other clients, or to none.
    #[must_use]
    pub fn others(&self) -> usize {
        self.pager.others
    }
}

fn read_page(Called { at, answer }: &Called) -> Result<(Vec<Box<RawValue>>, u64), ApiError> {
    let page: Page = parse(&answer.body).map_err(|error| not_json(at.clone(), &error))?;
    let length = answer.body.len() as u64;
    if let Some(jobs) = page.jobs {
        return Ok((jobs, length));
    }
    // `jobs` is optional in a listing, but what speaks of something else is none.
    match parse::<BTreeMap<String, IgnoredAny>>(&answer.body) {
        Ok(keys) if keys.keys().all(|key| key == "jobs") => Ok((Vec::new(), length)),
        _ => Err(ApiError::Protocol {
            at: at.clone(),
            message: String::from("the answer holds no `jobs`: is this the Freezer API? (see backup_url)"),
        }),
    }
}

fn stuck(at: String, page_size: usize) -> ApiError {
    ApiError::Protocol {
        at,
        message: format!(
            "the server gives the same {page_size} jobs again whatever `offset` says, so there may be more that it \
             does not show: set page_size above the number of jobs"
        ),
    }
}
