//! What a test of this room lies on: a launcher, and a run that has its lock and nothing else.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Inner, ProcessLauncher};
use crate::clock::SystemClock;
use crate::launch::LaunchEvent;
use crate::launch::run_dir::RunDir;
use crate::planner::RunId;

pub(super) struct Bed {
    pub(super) inner: Arc<Inner>,
    pub(super) heard: UnboundedReceiver<LaunchEvent>,
    pub(super) run: RunId,
    pub(super) dir: RunDir,
    _folder: tempfile::TempDir,
}

impl Bed {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (events, heard) = unbounded_channel();
        let clock = Arc::new(SystemClock::new());
        let launcher = ProcessLauncher::new(folder.path(), folder.path(), "true".into(), clock, events);
        let inner = launcher.expect("a launcher").inner;
        let run = RunId::from_stored("a-20260301T000000Z".to_owned());
        let dir = inner.dir(&run).expect("a plain name");
        std::fs::create_dir(dir.state()).expect("made");
        std::fs::write(dir.lock(), "").expect("made");
        Self {
            inner,
            heard,
            run,
            dir,
            _folder: folder,
        }
    }
}
