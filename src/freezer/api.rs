//! The API as the daemon uses it: list, look at one job, report; keep records of backups (`backups`); start
//! and end with a session (`sessions`).

mod backups;
mod call;
mod drafts;
mod listing;
mod records;
mod sessions;

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde_json::value::RawValue;

use super::access::{Access, ClientFilter};
use super::error::ApiError;
use super::http::{Http, NotJson, Tries, Wire, parse};
use super::keystone::{Keystone, Session};
use super::merge::{Merge, merge};
use super::pager::Habits;
use crate::clock::Clock;
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::Report;

pub use backups::{Backup, Kept, NotKept};
pub(super) use call::Called;
pub use drafts::{Draft, Drafted};
pub use listing::Listing;

/// The v2 API. Cheap to share behind an `Arc`; every method may be called at the same time as any other.
/// A method that is dropped midway leaves nothing half done but, at most, one report or record of a backup
/// delivered unheard.
pub struct Api {
    http: Arc<Http>,
    keystone: Keystone,
    pub(in crate::freezer) access: Arc<Access>,
    habits: Mutex<Habits>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The job says it now.
    Written,
    /// There is no such job any more.
    Gone,
    /// This API keeps its own account of runs (the Virtuozzo dialect).
    NotWanted,
}

/// Where we are, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The project of our token.
    pub project_id: String,
    /// The collection of jobs.
    pub jobs_url: String,
    /// Whose plans a listing keeps; `None`: everybody's.
    pub client_id: Option<String>,
    /// What this node is called among clients: `client_id`, else `{project_id}_{hostname}`.
    pub own_id: String,
    /// This host's name.
    pub hostname: String,
}

impl Api {
    /// Checks the settings and reads `ca_file`. Nothing is sent before the first call of another method.
    ///
    /// # Errors
    /// [`ApiError::Setting`] or [`ApiError::CaFile`], which name what cannot be used.
    pub fn connect(access: Access, clock: Arc<dyn Clock>) -> Result<Self, ApiError> {
        let http = Http::new(&access, Arc::clone(&clock))?;
        Self::with(access, clock, http)
    }

    /// The same, over a wire of the caller's: the simulator's.
    ///
    /// # Errors
    /// [`ApiError::Setting`], which names what cannot be used.
    pub fn over(access: Access, clock: Arc<dyn Clock>, wire: Arc<dyn Wire>) -> Result<Self, ApiError> {
        let http = Http::over(&access, Arc::clone(&clock), wire);
        Self::with(access, clock, http)
    }

    fn with(access: Access, clock: Arc<dyn Clock>, http: Http) -> Result<Self, ApiError> {
        if let Some(url) = &access.backup_url {
            super::endpoint::Endpoint::new("backup_url", url, "project")?;
        }
        let (access, http) = (Arc::new(access), Arc::new(http));
        let keystone = Keystone::new(Arc::clone(&http), Arc::clone(&access), clock)?;
        Ok(Self {
            http,
            keystone,
            access,
            habits: Mutex::new(Habits::default()),
        })
    }

    /// Gets a token if there is none, and says where that leads.
    ///
    /// # Errors
    /// When Keystone gives no token, or its catalogue does not lead to the API.
    pub async fn connection(&self) -> Result<Connection, ApiError> {
        let mut tries = self.http.tries();
        let session = loop {
            match self.keystone.session(None).await {
                Ok(session) => break session,
                Err(error) if tries.again(&error).await => {}
                Err(error) => return Err(error),
            }
        };
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let usual = || format!("{}_{hostname}", session.project);
        let (client_id, own_id) = match &self.access.clients {
            ClientFilter::All => (None, usual()),
            ClientFilter::Own(id) => {
                let own = id.clone().unwrap_or_else(usual);
                (Some(own.clone()), own)
            }
        };
        Ok(Connection {
            project_id: session.project.clone(),
            jobs_url: session.endpoint.jobs().to_string(),
            client_id,
            own_id,
            hostname,
        })
    }

    /// One job's document as it is now; `None` when there is no such job.
    ///
    /// # Errors
    /// When it cannot be had, or the id cannot be part of an address.
    pub async fn job(&self, id: &JobId) -> Result<Option<Box<RawValue>>, ApiError> {
        let mut tries = self.http.tries();
        loop {
            match self.job_once(id, None).await {
                Err(error) if tries.again(&error).await => {}
                done => return Ok(done?.map(|(document, _)| document)),
            }
        }
    }

    /// Tells the API about a run, in the name of whoever gave `trust`: reads the job as it is now, changes only
    /// what is ours, writes it back. A further try begins with reading again.
    ///
    /// # Errors
    /// When it could not be delivered. [`ApiError::is_final`] says whether that is so for ever.
    pub async fn report(
        &self,
        id: &JobId,
        trust: Option<&TrustId>,
        report: &Report,
    ) -> Result<Delivered, ApiError> {
        let mut tries = self.http.tries();
        loop {
            match self.report_once(id, trust, report).await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }

    /// Asks the API to `start` or `abort` this job. One request, which is never sent again by itself: whether one
    /// that failed was heard all the same, [`ApiError::may_have_arrived`] says.
    ///
    /// # Errors
    /// When it was not taken, or that is not known.
    pub async fn post_event(
        &self,
        id: &JobId,
        project: Option<&ProjectId>,
        event: &str,
    ) -> Result<(), ApiError> {
        let body = serde_json::json!({ event: null }).to_string().into_bytes();
        let project = project.map(ProjectId::as_str);
        let url = |session: &Session| session.endpoint.events(id.as_str(), project);
        self.call(Method::POST, url, Some(body), self.access.bounds.document_bytes)
            .await?;
        Ok(())
    }

    async fn report_once(
        &self,
        id: &JobId,
        trust: Option<&TrustId>,
        report: &Report,
    ) -> Result<Delivered, ApiError> {
        let Some((job, at)) = self.job_once(id, trust).await? else {
            return Ok(Delivered::Gone);
        };
        let merged =
            merge(&job, report, self.access.report_to_virtuozzo).map_err(|error| ApiError::Protocol {
                at,
                message: format!("the job cannot be merged with a report: {}", NotJson::from(error)),
            })?;
        let (body, project) = match merged {
            Merge::NotWanted => return Ok(Delivered::NotWanted),
            Merge::Same => return Ok(Delivered::Written),
            Merge::Patch { body, project } => (body, project),
        };
        let url = |session: &Session| session.endpoint.job(id.as_str(), project.as_deref());
        let limit = self.access.bounds.document_bytes;
        match self
            .call_by(trust, Method::PATCH, url, Some(body), |_| false, limit)
            .await
        {
            Ok(_) => Ok(Delivered::Written),
            // Deleted since we looked; or there all the same, and only not to be written here.
            Err(error @ ApiError::Refused { status: 404, .. }) => match self.job_once(id, trust).await? {
                None => Ok(Delivered::Gone),
                Some(_) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn job_once(
        &self,
        id: &JobId,
        trust: Option<&TrustId>,
    ) -> Result<Option<(Box<RawValue>, String)>, ApiError> {
        let url = |session: &Session| session.endpoint.job(id.as_str(), None);
        let Some(Called { at, answer }) = self.call_about(trust, Method::GET, url, None).await? else {
            return Ok(None);
        };
        let document = parse(&answer.body).map_err(|error| not_json(at.clone(), error))?;
        Ok(Some((document, at)))
    }

    /// A fresh count of tries.
    pub(super) fn tries(&self) -> Tries {
        self.http.tries()
    }

    fn habits(&self) -> std::sync::MutexGuard<'_, Habits> {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

fn not_json(at: String, error: NotJson) -> ApiError {
    ApiError::Protocol {
        at,
        message: format!("the answer cannot be read as JSON: {error}"),
    }
}
