//! Who of a run still lives, while something holds its lock.
//!
//! What an agent leaves behind inherited the lock, and may hold it for ever. The run it does not keep: that is over when its
//! supervisor and its agent are gone. Both are told by their noted ids, and known by holding the lock: so no stranger
//! with one of these ids is taken for them.

use std::os::fd::OwnedFd;

use crate::launch::report::RunReport;
use crate::launch::run_dir::RunDir;
use crate::launch::run_lock::{Holding, RunLock};

/// Whether it lives.
pub(super) enum Life {
    /// It does, by this one.
    Lives(Who),
    /// Neither its supervisor nor its agent does, only what that left behind; and there is no report.
    LeftBehind,
    /// Likewise, and there is: it ended while it was looked for.
    Reported(RunReport),
}

/// Who lives.
pub(super) enum Who {
    /// The supervisor.
    Supervisor(OwnedFd),
    /// The agent alone: what it does is still the run.
    Agent(OwnedFd),
    /// Somebody. Who that is cannot be seen, or was not noted before the supervisor was killed.
    Somebody,
}

/// Who of the run with this lock lives. That nobody does is believed only if it is seen.
pub(super) fn life(dir: &RunDir, lock: &RunLock) -> Life {
    let notes = dir.notes();
    let Some(claim) = notes.claim else {
        return Life::Lives(Who::Somebody); // One that is only just coming up, maybe.
    };
    match lock.holding(claim.pid) {
        Holding::Holds(supervisor) => return Life::Lives(Who::Supervisor(supervisor)),
        Holding::Hidden => return Life::Lives(Who::Somebody),
        Holding::No => {}
    }
    // Looked up once more: by now the supervisor notes nothing any more.
    match dir.notes().agent.map(|agent| lock.holding(agent)) {
        Some(Holding::Holds(agent)) => Life::Lives(Who::Agent(agent)),
        // Nor does it write its report any more; whoever saw none before that may have looked too early.
        Some(Holding::No) => match dir.read_report() {
            Ok(Some(report)) => Life::Reported(report),
            Ok(None) => Life::LeftBehind,
            Err(_) => Life::Lives(Who::Somebody),
        },
        Some(Holding::Hidden) | None => Life::Lives(Who::Somebody),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{Life, life};
    use crate::launch::notes::{Claim, Started};
    use crate::launch::report::RunReport;
    use crate::launch::run_dir::RunDir;
    use crate::launch::run_lock::RunLock;
    use crate::planner::Outcome;

    /// A process of this test's own that has ended.
    fn dead() -> u32 {
        let mut process = Command::new("true").stdin(Stdio::null()).spawn().expect("true");
        process.wait().expect("ended");
        process.id()
    }

    #[test]
    fn a_run_whose_report_comes_while_it_is_looked_for_has_ended() {
        let bed = tempfile::tempdir().expect("a folder");
        let dir = RunDir::of(bed.path(), bed.path());
        std::fs::write(dir.lock(), "").expect("its file");
        let stray = RunLock::open(&dir.lock()).expect("opened");
        assert!(stray.try_take().expect("free"));
        let (pid, at) = (dead(), chrono::DateTime::UNIX_EPOCH);
        let claim = Claim {
            pid,
            kill_grace: 1,
            job: None,
        };
        stray.note(&claim).expect("noted");
        let agent = Some(dead());
        stray.note(&Started { pid, at, agent }).expect("noted");

        let lock = RunLock::open(&dir.lock()).expect("opened");
        assert!(matches!(life(&dir, &lock), Life::LeftBehind));
        let report = RunReport::without_steps(Outcome::Success, Some(at), at, String::new());
        dir.write_report(&report).expect("written");
        assert!(matches!(life(&dir, &lock), Life::Reported(found) if found == report));
    }
}
