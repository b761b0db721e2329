//! Polling: from whichever source to plans and problems, again and again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::{self, Clock};
use crate::freezer::{Api, ApiError};
use crate::observe::metrics::PollFailure;
use crate::plan::{self, JobId, Plan};
use crate::planner::Input;
use crate::source::{self, Limits, SourceError, Watch};

use super::reading::{Read, Reading};
use super::registering::Registering;

/// Documents of a folder that are understood in one go.
const AT_ONCE: usize = 500;

/// An opened source.
#[derive(Clone)]
pub enum Source {
    /// The v2 API.
    Api(Arc<Api>),
    /// A saved listing, or a folder of job documents.
    Path(PathBuf),
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The API gave none.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file or folder gave none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be understood, for a fault of our own.
    #[error("the listing could not be read: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl PollError {
    /// Which sort of failure it is, for the metrics.
    #[must_use]
    pub fn failure(&self) -> PollFailure {
        match self {
            Self::Api(error) => match error.kind() {
                "connect" | "tls" => PollFailure::Connect,
                "timeout" => PollFailure::Timeout,
                "auth" | "forbidden" => PollFailure::Auth,
                "too-large" => PollFailure::TooLarge,
                "protocol" => PollFailure::Malformed,
                _ => PollFailure::Api,
            },
            Self::Source(_) => PollFailure::File,
            Self::Task(_) => PollFailure::Malformed,
        }
    }
}

/// What the poller tells.
#[derive(Debug)]
pub enum Polled {
    /// Plans of a listing that is being read: those that are new, or not as they were in the listing before.
    Page {
        /// When the listing was asked for.
        began: DateTime<Utc>,
        /// Some of its plans.
        plans: Vec<Plan>,
    },
    /// The end of a poll.
    Over {
        /// When the listing was asked for.
        began: DateTime<Utc>,
        /// How long it took.
        took: Duration,
        /// What came of it, beside its plans.
        result: Result<Listed, PollError>,
    },
}

/// A complete listing, without the plans that were told page by page.
#[derive(Debug)]
pub struct Listed {
    /// What else it says.
    pub read: Read,
    /// Whether a plan that it does not hold may be gone.
    pub proves_absence: bool,
    /// Plans of other clients that were left out.
    pub others: usize,
}

/// Where the plans of a listing go.
struct Pages<'a> {
    began: DateTime<Utc>,
    results: &'a mpsc::Sender<Polled>,
}

impl Pages<'_> {
    async fn tell(&self, plans: Vec<Plan>) {
        if !plans.is_empty() {
            let began = self.began;
            // Should nobody listen any more, the end of the poll will find that out.
            let _ = self.results.send(Polled::Page { began, plans }).await;
        }
    }
}

impl Source {
    /// Reads a listing; its plans go to `pages` as they are read.
    async fn list(&self, reading: &mut Reading, pages: &Pages<'_>) -> Result<Listed, PollError> {
        let mut begun = reading.begin();
        match self {
            Self::Api(api) => {
                let mut listing = api.listing().await?;
                while let Some(page) = listing.next().await? {
                    pages.tell(begun.take(&page)).await;
                }
                Ok(Listed {
                    read: begun.complete(),
                    proves_absence: true,
                    others: listing.others(),
                })
            }
            Self::Path(path) => {
                let path = path.clone();
                let read = move || source::read(&path, &Limits::default());
                let listing = tokio::task::spawn_blocking(read).await??;
                for some in listing.documents.chunks(AT_ONCE) {
                    pages.tell(begun.take(some)).await;
                }
                let proves_absence = listing.proves_absence();
                begun.also(listing.problems);
                Ok(Listed {
                    read: begun.complete(),
                    proves_absence,
                    others: 0,
                })
            }
        }
    }

    /// Asks for one plan that a listing did not hold. `None`: that cannot be told now.
    pub async fn confirm(&self, job: &JobId, proves_absence: bool) -> Option<Input> {
        let gone = || Some(Input::Gone(job.clone()));
        let Self::Api(api) = self else {
            // A folder is read whole or not at all.
            return proves_absence.then(gone).flatten();
        };
        let ours = api.connection().await.ok()?.client_id;
        match api.job(job).await {
            Ok(None) => gone(),
            Ok(Some(text)) => {
                let plan = plan::parse(text.get(), job.as_str()).ok()?.plan;
                let moved = ours.is_some_and(|ours| ours != plan.client_id);
                if moved {
                    gone()
                } else {
                    Some(Input::Seen(Box::new(plan)))
                }
            }
            Err(error) => {
                tracing::warn!(job_id = %job, "not in the listing, and could not be asked for: {error}");
                None
            }
        }
    }
}

/// What to poll, and how often.
#[derive(Clone)]
pub struct Polling {
    /// From where.
    pub source: Source,
    /// How often.
    pub every: Duration,
    /// Whether and as what the node registers there.
    pub registering: Registering,
    /// Whether a copy of each listing is kept, for which all of its documents are wanted.
    pub copies: bool,
}

/// What is remembered from listing to listing.
#[derive(Debug)]
pub struct Memory {
    /// The documents of the last one.
    pub reading: Reading,
    /// Set when somebody wants the next one read whole.
    pub whole: Arc<AtomicBool>,
}

/// Polls for as long as somebody takes the results: at once, then every so often, whenever `now` is
/// notified, whenever the settings change, and whenever a file or folder changes.
pub async fn forever(
    mut polling: watch::Receiver<Polling>,
    now: Arc<Notify>,
    clock: Arc<dyn Clock>,
    memory: Memory,
    results: mpsc::Sender<Polled>,
) {
    let Memory { mut reading, whole } = memory;
    loop {
        let Polling {
            source,
            every,
            copies,
            ..
        } = polling.borrow_and_update().clone();
        reading.collect(copies);
        // Watched before it is read: a change in between is not lost.
        let mut watch = watch_of(&source);
        loop {
            let (began, mark) = (clock.now(), clock.monotonic());
            if whole.swap(false, Ordering::Relaxed) {
                reading.forget();
            }
            let pages = Pages {
                began,
                results: &results,
            };
            let result = source.list(&mut reading, &pages).await;
            let took = clock.monotonic().saturating_sub(mark);
            if results.send(Polled::Over { began, took, result }).await.is_err() {
                return;
            }
            tokio::select! {
                () = clock::pause(every) => {}
                () = now.notified() => {}
                () = changed(&mut watch) => {}
                news = polling.changed() => match news {
                    Ok(()) => break,
                    Err(_) => return,
                },
            }
        }
    }
}

fn watch_of(source: &Source) -> Option<Watch> {
    let Source::Path(path) = source else { return None };
    match Watch::new(path) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!("changes will only be seen at the next poll: {error}");
            None
        }
    }
}

/// Completes when the watched path changed; never without a watch.
async fn changed(watch: &mut Option<Watch>) {
    let Some(watched) = watch else {
        return std::future::pending().await;
    };
    if let Err(error) = watched.changed().await {
        tracing::warn!("changes will only be seen at the next poll: {error}");
        *watch = None;
        std::future::pending().await
    }
}
