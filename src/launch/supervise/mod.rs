//! The supervisor: the small process that executes one run and outlives the daemon.
//!
//! One thread, no runtime, no agent without a claim. It may use: this room's files, `clock`. It must not use:
//! the process launcher, tokio, anything that starts a thread (the agents inherit the lock's descriptor, and a
//! second thread's children would too).
//!
//! Its life: own session; SIGTERM means abort; take the lock; read the recipe; claim the run, once ever and
//! durably; remove the recipe; execute it; leave the report. It says `started TIME` on its standard output when the
//! first agent was started.
//!
//! Processes that an agent leaves behind are left alone, as freezer-scheduler does: a snapshot's clean-up may
//! be among them. They keep the run's lock, but not the run: it ended when its last agent did. Only an abort
//! ends them too.

mod abort;
mod attempt;
mod capture;
mod memory;
mod steps;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::clock::{Clock, SystemClock, pause_thread};
use crate::failpoint::{self, Failpoint};
use crate::planner::Outcome;

use super::recipe::Recipe;
use super::report::RunReport;
use super::run_dir::{Claim, RunDir, create_private, read_json, sync_dir};
use super::run_lock::RunLock;
use abort::AbortSignal;

/// For so long it tries to leave its report. While the disk is full the daemon could not record the outcome
/// either, so nothing is gained by giving up early.
const REPORT_PATIENCE: Duration = Duration::from_hours(6);
/// First pause between those tries; doubled up to the longest.
const REPORT_FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between those tries.
const REPORT_LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What the supervisor's exit code says. The report is the better source; this is for when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The run ended so, and the report is there.
    Reported(Outcome),
    /// The run ended so, and no report could be written.
    Unreported(Outcome),
    /// The run is another supervisor's, or was. Nothing was touched.
    Refused,
    /// The run could not be claimed. No agent was started.
    Unclaimed,
}

impl Exit {
    /// 0, 1 and 3 as a shell user expects; the others out of the way of clap's (2) and a panic's (101).
    fn code(self) -> u8 {
        match self {
            Self::Reported(outcome) => outcome_code(outcome),
            Self::Unreported(outcome) => 30 + outcome_code(outcome),
            Self::Refused => 40,
            Self::Unclaimed => 41,
        }
    }

    /// The other way round; `None`: it died otherwise.
    pub(super) fn from_code(code: i32) -> Option<Self> {
        let outcomes = [Outcome::Success, Outcome::Fail, Outcome::Aborted];
        outcomes
            .into_iter()
            .flat_map(|outcome| [Self::Reported(outcome), Self::Unreported(outcome)])
            .chain([Self::Refused, Self::Unclaimed])
            .find(|exit| i32::from(exit.code()) == code)
    }
}

fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Success => 0,
        Outcome::Fail => 1,
        Outcome::Aborted => 3,
        // A supervisor never reports its own run lost; the daemon does.
        Outcome::Lost => 4,
    }
}

/// Executes the run whose directories these are: `freezerd supervise STATE_RUN_DIR RUNTIME_RUN_DIR`.
///
/// Exit codes: 0 success, 1 fail, 3 aborted; 30, 31, 33 the same, but the report could not be written; 40 the
/// run is or was another supervisor's; 41 it could not be claimed. What goes wrong is told on standard error.
#[must_use]
pub fn main(state_run_dir: &Path, runtime_run_dir: &Path) -> ExitCode {
    // A terminal's Ctrl-C is for the daemon. Fails only for a process group's leader, which has its own.
    let _ = rustix::process::setsid();
    let clock = SystemClock::new();
    let exit = supervise(&RunDir::of(state_run_dir, runtime_run_dir), &clock);
    ExitCode::from(exit.code())
}

fn supervise(dir: &RunDir, clock: &SystemClock) -> Exit {
    // First of all: from here on SIGTERM is an abort that leaves a report.
    let mut abort = match AbortSignal::listen() {
        Ok(abort) => abort,
        Err(problem) => return unclaimed(dir, "listen for signals", &problem),
    };
    failpoint::reach(Failpoint::Supervisor);
    let lock = match take_lock(dir) {
        Ok(Some(lock)) => lock,
        Ok(None) => return refused(dir),
        Err(problem) => return unclaimed(dir, "lock it", &problem),
    };
    failpoint::reach(Failpoint::SupervisorLocked);
    match dir.claim().try_exists() {
        Ok(false) => {}
        Ok(true) => return refused(dir),
        Err(problem) => return unclaimed(dir, "look for its claim", &problem),
    }
    // Read before the claim: a run without one stays one that never started.
    let recipe: Recipe = match read_json(&dir.recipe()) {
        Ok(recipe) => recipe,
        Err(problem) => return unclaimed(dir, "read its recipe", &problem),
    };
    match claim(dir, recipe.kill_grace) {
        Ok(()) => {}
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => return refused(dir),
        Err(problem) => return unclaimed(dir, "claim it", &problem),
    }
    failpoint::reach(Failpoint::SupervisorClaimed);
    // It holds secrets, and nobody needs it again.
    let _ = std::fs::remove_file(dir.recipe());
    if let Some(nice) = recipe.limits.nice
        && let Err(problem) = rustix::process::setpriority_process(None, nice)
    {
        complain(&format!(
            "{}: cannot set its niceness to {nice}: {problem}",
            dir.state().display()
        ));
    }
    let report = steps::execute(&recipe, dir, clock, &mut abort);
    failpoint::reach(Failpoint::AgentsEnded);
    let exit = leave(&report, dir, &lock, clock);
    failpoint::reach(Failpoint::ReportLeft);
    drop(lock);
    exit
}

/// `None`: something of the run lives, or the run was cleared away while this process came up.
fn take_lock(dir: &RunDir) -> std::io::Result<Option<RunLock>> {
    let lock = match RunLock::open(&dir.lock()) {
        Ok(lock) => lock,
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(problem),
    };
    // Who clears a run away holds the lock meanwhile; so once it is ours, a look is enough.
    if !lock.try_take()? || !lock.is_in_place()? {
        return Ok(None);
    }
    lock.bequeath()?;
    Ok(Some(lock))
}

/// Takes the run, once ever.
///
/// Durably, before the first agent: the ledger said `starting` before we were started, so after a power cut
/// the claim is all that tells "it may have run" from "it never did". Without it the run would be started a
/// second time. It costs the syncs of two directories and no more: the file's being there is the claim, its
/// content is for those who look for a living supervisor. They are paid here, by each run for itself, not in
/// the daemon's way; those of a burst share the journal's commits.
fn claim(dir: &RunDir, kill_grace: u32) -> std::io::Result<()> {
    let mut file = create_private(&dir.claim())?;
    failpoint::reach(Failpoint::SupervisorClaim);
    let runs = dir.state().parent().unwrap_or(Path::new("/"));
    let claim = Claim {
        pid: std::process::id(),
        kill_grace,
    };
    let durable = serde_json::to_vec(&claim)
        .map_err(std::io::Error::from)
        .and_then(|text| file.write_all(&text))
        .and_then(|()| sync_dir(dir.state()))
        .and_then(|()| sync_dir(runs));
    if durable.is_err() {
        // Nothing ran: let nobody believe it did.
        let _ = std::fs::remove_file(dir.claim());
    }
    durable
}

/// Leaves the report, however long the disk is full; unless the run was cleared away, and nobody asks for it.
fn leave(report: &RunReport, dir: &RunDir, lock: &RunLock, clock: &SystemClock) -> Exit {
    let until = clock.monotonic() + REPORT_PATIENCE;
    let mut pause = REPORT_FIRST_PAUSE;
    loop {
        match dir.write_report(report) {
            Ok(()) => return Exit::Reported(report.outcome),
            Err(problem) => {
                if pause == REPORT_FIRST_PAUSE {
                    complain(&format!(
                        "{}: cannot write its report: {problem}; trying on",
                        dir.state().display()
                    ));
                }
                if clock.monotonic() >= until || matches!(lock.is_in_place(), Ok(false)) {
                    return Exit::Unreported(report.outcome);
                }
            }
        }
        pause_thread(pause);
        pause = (2 * pause).min(REPORT_LONGEST_PAUSE);
    }
}

fn refused(dir: &RunDir) -> Exit {
    let dir = dir.state().display();
    complain(&format!(
        "{dir}: another supervisor has or had this run, or it was cleared away; it runs once"
    ));
    Exit::Refused
}

fn unclaimed(dir: &RunDir, what: &str, problem: &std::io::Error) -> Exit {
    complain(&format!("{}: cannot {what}: {problem}", dir.state().display()));
    Exit::Unclaimed
}

/// One line on standard error: the run's `log`, which the daemon quotes when there is no report.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::{Exit, Outcome};

    #[test]
    fn every_exit_code_says_one_thing() {
        let all = [
            Exit::Reported(Outcome::Success),
            Exit::Reported(Outcome::Fail),
            Exit::Reported(Outcome::Aborted),
            Exit::Unreported(Outcome::Success),
            Exit::Unreported(Outcome::Fail),
            Exit::Unreported(Outcome::Aborted),
            Exit::Refused,
            Exit::Unclaimed,
        ];
        for exit in all {
            assert_eq!(Exit::from_code(i32::from(exit.code())), Some(exit));
        }
        assert_eq!(Exit::from_code(101), None, "a panic");
        assert_eq!(Exit::from_code(2), None, "wrong usage");
    }
}
