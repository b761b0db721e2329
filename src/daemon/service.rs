//! The API, as the event launcher asks it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::freezer::{Api, ApiError};
use crate::launch::event::{Fate, Service, Sight, Trouble, Wish};
use crate::plan::{self, JobId, ProjectId};

use super::listing::{Polling, Source};

/// Whatever the API is by the settings in force.
pub(super) struct Remote(pub(super) watch::Receiver<Polling>);

impl Service for Remote {
    async fn look(&self, job: &JobId) -> Result<Option<Sight>, Trouble> {
        let document = self.api()?.job(job).await.map_err(|error| trouble(&error))?;
        let Some(text) = document else { return Ok(None) };
        match plan::parse(text.get(), job.as_str()) {
            Ok(parsed) => Ok(Some(Sight::from(&parsed.plan))),
            Err(problems) => Err(Trouble {
                text: problems.first().map_or_else(String::new, ToString::to_string),
                fate: Fate::NotDone,
            }),
        }
    }

    async fn ask(&self, job: &JobId, project: Option<&ProjectId>, wish: Wish) -> Result<(), Trouble> {
        let event = match wish {
            Wish::Start => "start",
            Wish::Abort => "abort",
        };
        let asked = self.api()?.post_event(job, project, event).await;
        asked.map_err(|error| trouble(&error))
    }
}

impl Remote {
    fn api(&self) -> Result<Arc<Api>, Trouble> {
        match &self.0.borrow().source {
            Source::Api(api) => Ok(Arc::clone(api)),
            Source::Path(_) => Err(Trouble {
                text: "the plans do not come from an API".to_owned(),
                fate: Fate::NotDone,
            }),
        }
    }
}

fn trouble(error: &ApiError) -> Trouble {
    let fate = if error.is_final() || matches!(error, ApiError::Refused { .. } | ApiError::Forbidden { .. }) {
        Fate::Refused
    } else if error.may_have_arrived() {
        Fate::Unknown
    } else {
        Fate::NotDone
    };
    Trouble {
        text: error.to_string(),
        fate,
    }
}
