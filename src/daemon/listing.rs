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
use crate::source::{self, Document, Limits, Outline, SourceError, Watch};

use super::reading::{Begun, Read, Reading, parts};
use super::registering::Registering;

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

/// The plans among these documents that are new, or not as they were.
fn understood(begun: &mut Begun<'_>, documents: &[Document]) -> Vec<Plan> {
    let bytes = documents.iter().map(|document| document.text.get().len()).sum();
    source::at_length(bytes, || begun.take(documents, &[]))
}

impl Source {
    /// Reads a listing; its plans go to `pages` as they are read.
    async fn list(&self, reading: &mut Reading, pages: &Pages<'_>) -> Result<Listed, PollError> {
        let mut begun = reading.begin();
        match self {
            Self::Api(api) => {
                let mut listing = api.listing(begun.outline()).await?;
                while let Some(page) = listing.next().await? {
                    begun.take(&[], &page.unchanged);
                    for some in parts(&page.documents) {
                        pages.tell(understood(&mut begun, some)).await;
                    }
                }
                Ok(Listed {
                    read: begun.complete(listing.outline()),
                    proves_absence: true,
                    others: listing.others(),
                })
            }
            Self::Path(path) => {
                let path = path.clone();
                let read = move || source::read(&path, &Limits::default());
                let listing = tokio::task::spawn_blocking(read).await??;
                for some in parts(&listing.documents) {
                    pages.tell(understood(&mut begun, some)).await;
                }
                let proves_absence = listing.proves_absence();
                begun.also(listing.problems);
                Ok(Listed {
                    read: begun.complete(Outline::default()),
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
        let mut watching = Watching::of(&source);
        loop {
            // Watched before it is read: a change in between is not lost.
            watching.begin();
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
                () = watching.changed() => {}
                news = polling.changed() => match news {
                    Ok(()) => break,
                    Err(_) => return,
                },
            }
        }
    }
}

/// Tells of changes of a file or folder while it can be watched; else it is tried again at each poll.
struct Watching {
    path: Option<PathBuf>,
    watch: Option<Watch>,
    /// It was told that there is none.
    told: bool,
}

impl Watching {
    /// Not yet.
    fn of(source: &Source) -> Self {
        let path = match source {
            Source::Path(path) => Some(path.clone()),
            Source::Api(_) => None,
        };
        Self {
            path,
            watch: None,
            told: false,
        }
    }

    /// Watches it, unless it does.
    fn begin(&mut self) {
        if let (None, Some(path)) = (&self.watch, &self.path) {
            match Watch::new(path) {
                Ok(watch) => (self.watch, self.told) = (Some(watch), false),
                Err(error) => self.ended(&error),
            }
        }
    }

    fn ended(&mut self, error: &SourceError) {
        self.watch = None;
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!("changes will only be seen at the next poll: {error}");
        }
    }

    /// Completes when the watched path changed; never without a watch.
    async fn changed(&mut self) {
        if let Some(watch) = &mut self.watch {
            match watch.changed().await {
                Ok(()) => return,
                Err(error) => self.ended(&error),
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_could_not_be_watched_is_when_it_can() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plans");
        std::os::unix::fs::symlink(&path, &path).expect("a link to itself");
        let mut watching = Watching::of(&Source::Path(path.clone()));
        watching.begin();
        assert!(watching.watch.is_none() && watching.told);
        std::fs::remove_file(&path).expect("removed");
        std::fs::create_dir(&path).expect("made");
        watching.begin();
        assert!(watching.watch.is_some());
        std::fs::write(path.join("a.conf"), "{}").expect("written");
        watching.changed().await;
    }
}
