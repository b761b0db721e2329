//! Polling: from whichever source to plans and problems, again and again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::{self, Clock};
use crate::freezer::{Api, ApiError};
use crate::observe::metrics::PollFailure;
use crate::plan::{self, JobId, Plan, Problem};
use crate::planner::{Broken, Input};
use crate::source::{self, Document, Limits, SourceError, Watch};

use super::registering::Registering;

/// An opened source.
#[derive(Clone)]
pub enum Source {
    /// The v2 API.
    Api(Arc<Api>),
    /// A saved listing, or a folder of job documents.
    Path(PathBuf),
}

/// A listing, understood.
#[derive(Debug, Default)]
pub struct Understood {
    /// What can be used.
    pub plans: Vec<Plan>,
    /// Jobs whose document cannot.
    pub broken: Vec<Broken>,
    /// What is wrong with them, and what is odd about others; in the listing's order.
    pub problems: Vec<Problem>,
}

impl Understood {
    /// Reads every document; a bad one never stops the others.
    #[must_use]
    pub fn of(documents: &[Document]) -> Self {
        let mut all = Self::default();
        for document in documents {
            match plan::parse(document.text.get(), &document.place) {
                Ok(parsed) => {
                    all.plans.push(parsed.plan);
                    all.problems.extend(parsed.warnings);
                }
                Err(problems) => {
                    if let Some(problem) = problems.first() {
                        let document: Arc<str> = Arc::from(document.text.get());
                        all.broken.push(Broken {
                            job: JobId::new(&problem.job_id),
                            event: plan::event(&document),
                            document,
                        });
                    }
                    all.problems.extend(problems);
                }
            }
        }
        all
    }
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

/// A complete listing.
#[derive(Debug)]
pub struct Listed {
    /// What it says.
    pub understood: Understood,
    /// Whether a plan that it does not hold may be gone.
    pub proves_absence: bool,
    /// Plans of other clients that were left out.
    pub others: usize,
}

/// One poll.
#[derive(Debug)]
pub struct Polled {
    /// When it was asked for.
    pub began: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub result: Result<Listed, PollError>,
}

impl Source {
    async fn list(&self) -> Result<Listed, PollError> {
        let (documents, unreadable, proves_absence, others) = match self {
            Self::Api(api) => {
                let listing = api.list().await?;
                (listing.documents, Vec::new(), true, listing.others)
            }
            Self::Path(path) => {
                let path = path.clone();
                let read = move || source::read(&path, &Limits::default());
                let listing = tokio::task::spawn_blocking(read).await??;
                let proves_absence = listing.proves_absence();
                (listing.documents, listing.problems, proves_absence, 0)
            }
        };
        // Thousands of documents are read beside the main loop, not in it.
        let mut understood = tokio::task::spawn_blocking(move || Understood::of(&documents)).await?;
        understood.problems.extend(unreadable);
        Ok(Listed {
            understood,
            proves_absence,
            others,
        })
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
}

/// Polls for as long as somebody takes the results: at once, then every so often, whenever `now` is
/// notified, whenever the settings change, and whenever a file or folder changes.
pub async fn forever(
    mut polling: watch::Receiver<Polling>,
    now: Arc<Notify>,
    clock: Arc<dyn Clock>,
    results: mpsc::Sender<Polled>,
) {
    loop {
        let Polling { source, every, .. } = polling.borrow_and_update().clone();
        // Watched before it is read: a change in between is not lost.
        let mut watch = watch_of(&source);
        loop {
            let (began, mark) = (clock.now(), clock.monotonic());
            let result = source.list().await;
            let took = clock.monotonic().saturating_sub(mark);
            if results.send(Polled { began, took, result }).await.is_err() {
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
