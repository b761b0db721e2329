//! All plans, page by page.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use super::super::error::ApiError;
use super::super::http::ITEMS;
use super::super::keystone::Session;
use super::super::pager::{Next, NoPage, Pager};
use super::call::Called;
use super::{Api, not_json};
use crate::clock;
use crate::plan::{Digest, TrustId};
use crate::source::{self, Document, Outline};

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
    /// By the monotonic clock.
    began: Duration,
}

/// What one page brings: the documents that were asked for and are not on an earlier one.
#[derive(Debug, Default)]
pub struct Page {
    /// Those that are to be read.
    pub documents: Vec<Document>,
    /// The digests of those that are as they were in the listing before.
    pub unchanged: Vec<Digest>,
}

impl Api {
    /// All plans of our client (or of all).
    ///
    /// # Errors
    /// When any page of it cannot be had: a listing is complete or an error, never half of one.
    pub async fn list(&self) -> Result<Listing, ApiError> {
        let mut pages = self.listing(Arc::default()).await?;
        let mut documents = Vec::new();
        while let Some(page) = pages.next().await? {
            documents.extend(page.documents);
        }
        Ok(Listing {
            seen: pages.pager.seen(),
            others: pages.others(),
            repeated: pages.pager.repeated,
            pages: pages.pager.pages(),
            documents,
        })
    }

    /// The same, page by page, and compared with the listing `before`.
    ///
    /// # Errors
    /// When the API cannot be reached.
    pub async fn listing(&self, before: Arc<Outline>) -> Result<Pages<'_>, ApiError> {
        let connection = self.connection().await?;
        let page_size = usize::try_from(self.access.bounds.page_size.get()).unwrap_or(usize::MAX);
        let habits = *self.habits();
        let began = self.http.monotonic();
        Ok(Pages {
            api: self,
            at: format!("GET {}", connection.jobs_url),
            page_size,
            pager: Pager::new(page_size, connection.client_id, habits, before),
            bytes: 0,
            next: Next::Ask(None),
            began,
        })
    }

    /// One page, as it came.
    async fn page(&self, offset: Option<&str>) -> Result<Called, ApiError> {
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
        let (mut tries, limit) = (self.http.tries(), self.access.bounds.page_bytes);
        loop {
            match self.call(Method::GET, url, None, limit).await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }
}

impl Api {
    /// A page of a list that has taken since `began`, for so many pages. `at`, `list`: what was asked for, and what that is called.
    pub(super) async fn page_in_time(
        &self,
        page: impl Future<Output = Result<Called, ApiError>>,
        (at, list): (&str, &str),
        began: Duration,
        pages: u32,
    ) -> Result<Called, ApiError> {
        let limit = self.access.patience.listing;
        let left = limit.saturating_sub(self.http.monotonic().saturating_sub(began));
        let in_time = async {
            tokio::select! {
                page = page => Some(page),
                () = clock::pause(left) => None,
            }
        };
        let answered = if left.is_zero() { None } else { in_time.await };
        answered.unwrap_or_else(|| {
            Err(ApiError::Timeout {
                at: at.to_owned(),
                cause: format!(
                    "{list} has not ended within {limit:?} (thirty times api.timeout), after {pages} pages"
                ),
            })
        })
    }

    /// Whether it is the API that answers here: it lists a job, or says that there are none.
    ///
    /// # Errors
    /// When it does not.
    pub(super) async fn must_list(&self, trust: Option<&TrustId>) -> Result<(), ApiError> {
        let url = |session: &Session| {
            let mut url = session.endpoint.jobs();
            url.query_pairs_mut().append_pair("limit", "1");
            Ok(url)
        };
        let limit = self.access.bounds.page_bytes;
        let called = self.call_by(trust, Method::GET, url, None, |_| false, limit);
        let Called { at, answer } = called.await?;
        let mut pager = Pager::new(1, None, *self.habits(), Arc::default());
        let taken = pager.take(&answer.body);
        taken.map(|_| ()).map_err(|error| no_page(at, &error))
    }
}

impl Pages<'_> {
    /// The next page; `None`: that was all.
    ///
    /// # Errors
    /// When it cannot be had. Then what was given so far is no listing.
    pub async fn next(&mut self) -> Result<Option<Page>, ApiError> {
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
            let page = self.api.page(offset.as_deref());
            let late = (self.at.as_str(), "the listing");
            let page = self.api.page_in_time(page, late, self.began, self.pager.pages());
            match page.await {
                Ok(Called { at, answer }) => {
                    self.bytes = self.bytes.saturating_add(answer.body.len() as u64);
                    if self.bytes > bounds.listing_bytes {
                        let (at, limit) = (self.at.clone(), bounds.listing_bytes);
                        return Err(ApiError::TooLarge { at, limit });
                    }
                    let taken = source::at_length(answer.body.len(), || self.pager.take(&answer.body));
                    self.next = taken.map_err(|error| no_page(at, &error))?;
                    if self.next == Next::Stuck {
                        return Err(stuck(self.at.clone(), self.page_size));
                    }
                    if self.pager.seen() > bounds.documents {
                        return Err(ApiError::Protocol {
                            at: self.at.clone(),
                            message: format!(
                                "the listing holds more than {} jobs, more than one node can know: give the node a client_id or a \
                                 project of its own",
                                bounds.documents
                            ),
                        });
                    }
                    return Ok(Some(Page {
                        documents: std::mem::take(&mut self.pager.documents),
                        unchanged: std::mem::take(&mut self.pager.unchanged),
                    }));
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

    /// For the next listing to be compared with, once this one is complete.
    #[must_use]
    pub fn outline(&mut self) -> Outline {
        self.pager.outline()
    }
}

fn no_page(at: String, why: &NoPage) -> ApiError {
    match why {
        NoPage::Json(error) => not_json(at, *error),
        NoPage::TooMany => ApiError::Protocol {
            at,
            message: format!(
                "the answer holds more than {ITEMS} jobs, which is more than may be asked for at once"
            ),
        },
        NoPage::Foreign => ApiError::Protocol {
            at,
            message: String::from("the answer holds no `jobs`: is this the Freezer API? (see backup_url)"),
        },
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
