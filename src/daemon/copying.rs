//! The folder copy of the listing, kept beside the loop: a slow or full disk is never in the poll's way, and a copy
//! that fails is told of and changes nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Settings;
use crate::observe::metrics::Metrics;
use crate::source::{Documents, FolderCopy};

/// What to copy, and where to; `None`: nothing.
pub(super) type Copying = Option<(PathBuf, Arc<Documents>)>;

/// Where the copy is kept. In shadow it is left to the scheduler that does the work.
pub(super) fn folder(settings: &Settings, shadow: bool) -> Option<PathBuf> {
    settings.copy.clone().filter(|_| !shadow)
}

/// Hands over what is to be copied.
pub(super) struct Copier {
    /// Where to.
    pub(super) folder: Option<PathBuf>,
    copies: watch::Sender<Copying>,
}

impl Copier {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let copies = watch::Sender::new(None);
        Self { folder, copies }
    }

    /// The documents of a complete listing are to be copied.
    pub(super) fn keep(&self, documents: Documents) {
        if let Some(folder) = &self.folder {
            self.copies
                .send_replace(Some((folder.clone(), Arc::new(documents))));
        }
    }

    /// For [`forever`].
    pub(super) fn orders(&self) -> watch::Receiver<Copying> {
        self.copies.subscribe()
    }
}

/// Copies whatever the latest is, for as long as there may be more.
pub(super) async fn forever(mut copies: watch::Receiver<Copying>, metrics: Arc<Metrics>) {
    let mut copy: Option<FolderCopy> = None;
    let mut said = None;
    while copies.changed().await.is_ok() {
        let Some((folder, documents)) = copies.borrow_and_update().clone() else {
            continue;
        };
        let mut into = copy
            .take()
            .filter(|copy| copy.folder() == folder)
            .unwrap_or_else(|| FolderCopy::new(&folder));
        let kept = tokio::task::spawn_blocking(move || {
            let kept = into.keep(&documents);
            (into, kept)
        });
        let Ok((into, kept)) = kept.await else {
            metrics.copy_failed();
            continue;
        };
        copy = Some(into);
        let failure = kept.err().inspect(|_| metrics.copy_failed());
        // Once, not at every poll: how many files it is about may change each time.
        let what = failure
            .as_ref()
            .map(|error| (error.path.clone(), error.what, error.source.kind()));
        match failure {
            Some(error) if said != what => tracing::error!("the copy of the listing: {error}"),
            None if said.is_some() => tracing::info!("the copy of the listing is whole again"),
            _ => {}
        }
        said = what;
    }
    // The loop is going, and takes this task with it.
    std::future::pending().await
}
