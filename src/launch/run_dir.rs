//! The two directories of one run, and how its files are made and read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::failpoint::{self, Failpoint};
use crate::planner::RunId;

use super::notes::{Claim, Notes, Started};
use super::report::RunReport;

/// No file of a run is larger; the supervisor cuts its report to this.
pub(super) const MAX_FILE: usize = 64 << 20;

/// Where runs live below the state and the runtime directory.
pub(super) const RUNS: &str = "runs";

/// What `forget` renames a run to before it empties it: no run id has a dot.
pub(super) const GONE: &str = ".gone-";

/// The two directories of one run.
#[derive(Debug, Clone)]
pub(super) struct RunDir {
    state: PathBuf,
    runtime: PathBuf,
}

impl RunDir {
    /// From the two directories themselves.
    pub(super) fn of(state: &Path, runtime: &Path) -> Self {
        Self {
            state: state.to_owned(),
            runtime: runtime.to_owned(),
        }
    }

    /// From the two directories that hold all runs. An id that is no plain name (a damaged ledger's) is
    /// refused: it could lead out of them.
    pub(super) fn of_run(state_runs: &Path, runtime_runs: &Path, run: &RunId) -> std::io::Result<Self> {
        let name = run.as_str();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > 100 || !name.bytes().all(plain) {
            return Err(std::io::Error::new(
                ErrorKind::InvalidInput,
                "a run id is 1 to 100 of A-Za-z0-9_-",
            ));
        }
        Ok(Self {
            state: state_runs.join(name),
            runtime: runtime_runs.join(name),
        })
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    pub(super) fn runtime(&self) -> &Path {
        &self.runtime
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// There once a supervisor has taken the run: the lock's second name, or an empty file where it cannot have one.
    pub(super) fn claim(&self) -> PathBuf {
        self.state.join("claim")
    }

    /// There for a run that is a unit of systemd's; so says who finds it.
    pub(super) fn unit(&self) -> PathBuf {
        self.state.join("unit")
    }

    pub(super) fn is_unit(&self) -> bool {
        self.unit().exists()
    }

    /// There once the daemon has told the run to stop.
    pub(super) fn abort_mark(&self) -> PathBuf {
        self.state.join("abort")
    }

    pub(super) fn abort_asked(&self) -> bool {
        self.abort_mark().exists()
    }

    pub(super) fn recipe(&self) -> PathBuf {
        self.runtime.join("recipe.json")
    }

    pub(super) fn ini(&self, step: usize) -> PathBuf {
        self.runtime.join(format!("step-{step}.ini"))
    }

    /// What its supervisor noted. It is all in the lock; a former version's had a file for each.
    pub(super) fn notes(&self) -> Notes {
        let mut notes = Notes::read(&self.lock());
        for former in ["claim", "log", "started"] {
            if notes.claim.is_some() && notes.started.is_some() {
                break;
            }
            notes = notes.or(Notes::read(&self.state.join(former)));
        }
        notes
    }

    /// Its supervisor; `None` while that is being written, or when a power cut took it.
    pub(super) fn read_claim(&self) -> Option<Claim> {
        self.notes().claim
    }

    /// When its first agent was started, if one was.
    pub(super) fn read_started(&self) -> Option<Started> {
        self.notes().started
    }

    /// The report; `None` if there is none that can be read: a damaged one tells nothing.
    ///
    /// # Errors
    /// When it is there and cannot be read for another reason than what it holds.
    pub(super) fn read_report(&self) -> std::io::Result<Option<RunReport>> {
        match read_json(&self.state.join(REPORT)) {
            Ok(report) => Ok(Some(report)),
            Err(problem) if matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    pub(super) fn write_report(&self, report: &RunReport) -> std::io::Result<()> {
        write_durable(&self.state, REPORT, &report.to_json(MAX_FILE)?)
    }
}

const REPORT: &str = "report.json";

/// Makes one directory for nobody else's eyes; its parent too, if that is not there.
pub(super) fn make_private(path: &Path, with_parents: bool) -> std::io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(with_parents).create(path)
}

/// Makes a file that was not there before, for nobody else's eyes. Who has it open adds to it.
pub(super) fn create_private(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    give_to_owner(&file, path.parent())?;
    Ok(file)
}

/// A supervisor that is root makes its files the daemon's, which may be somebody else: the owner of the directory.
fn give_to_owner(file: &File, dir: Option<&Path>) -> std::io::Result<()> {
    let (true, Some(dir)) = (rustix::process::geteuid().is_root(), dir) else {
        return Ok(());
    };
    let owner = std::fs::metadata(dir)?;
    if owner.uid() != 0 {
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Removes a directory with all it holds; that it is not there is fine.
pub(super) fn remove_tree(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(problem) if problem.kind() != ErrorKind::NotFound => Err(problem),
        _ => Ok(()),
    }
}

/// Makes a directory's entries survive a power cut.
pub(super) fn sync_dir(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Puts a whole file in place of the one there, or leaves that one: nobody sees half of it, not after a power cut
/// either, and it is there.
pub(super) fn write_durable(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let draft = dir.join(format!("{name}.draft"));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        give_to_owner(&file, Some(dir))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        failpoint::reach(Failpoint::ReportDrafted);
        std::fs::rename(&draft, dir.join(name))
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written?;
    sync_dir(dir)
}

/// Reads a JSON file of bounded size. `InvalidData`: it is too large, or is not the JSON wanted.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> std::io::Result<T> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len())
        .unwrap_or(MAX_FILE)
        .min(MAX_FILE);
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        return Err(std::io::Error::new(
            ErrorKind::InvalidData,
            format!("larger than {MAX_FILE} bytes"),
        ));
    }
    // serde's messages can quote a value; a recipe's values are secret.
    serde_json::from_slice(&bytes).map_err(|problem| {
        let place = format!(
            "not the JSON expected, line {} column {}",
            problem.line(),
            problem.column()
        );
        std::io::Error::new(ErrorKind::InvalidData, place)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{MAX_FILE, RunDir, read_json};
    use crate::planner::RunId;

    #[test]
    fn an_id_that_leads_elsewhere_is_refused() {
        for bad in ["", "..", "a/b", "/etc", "a.b", "ü", &"a".repeat(101)] {
            let run = RunId::from_stored(bad.to_owned());
            assert!(
                RunDir::of_run(Path::new("/s"), Path::new("/r"), &run).is_err(),
                "{bad:?}"
            );
        }
        let run = RunId::from_stored("job-20260101T000000Z".to_owned());
        let dir = RunDir::of_run(Path::new("/s"), Path::new("/r"), &run).expect("a plain name");
        assert_eq!(dir.state(), Path::new("/s/job-20260101T000000Z"));
    }

    #[test]
    fn half_a_file_and_too_large_a_file_are_told_apart_from_a_missing_one() {
        let bed = tempfile::tempdir().expect("a directory");
        let path = bed.path().join("file");
        let kind = || read_json::<u32>(&path).expect_err("not a number").kind();
        assert_eq!(kind(), std::io::ErrorKind::NotFound);
        std::fs::write(&path, "").expect("written");
        assert_eq!(kind(), std::io::ErrorKind::InvalidData);
        let file = std::fs::File::create(&path).expect("made");
        file.set_len(MAX_FILE as u64 + 1).expect("sparse");
        assert_eq!(kind(), std::io::ErrorKind::InvalidData);
    }
}
