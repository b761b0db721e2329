//! The supervisor: the small process that executes a run and outlives the daemon.
//!
//! One thread, no runtime, no agent without a claim. It may use: this room's files, `clock`. It must not use:
//! the process launcher, tokio, anything that starts a thread (the agents inherit the lock's descriptor, and a
//! second thread's children would too).
//!
//! Its life: own session; SIGTERM means abort; take the lock; read the recipe; claim the run, once ever and
//! durably; remove the recipe; execute it; leave the report. It says `started TIME` on its standard output when the
//! first agent was started. If the recipe says that there may be further runs, it says `ended CODE` then, reads the id of the
//! next on its standard input, says `took`, and begins anew with the lock ([`further`]); it goes when the input ends. One that is
//! started before its run is recorded begins with that ([`main_when_told`]).
//!
//! Processes that an agent leaves behind are left alone, as freezer-scheduler does: a snapshot's clean-up may
//! be among them. They keep the run's lock, but not the run: it ended when its last agent did. Only an abort
//! ends them too.

mod abort;
mod attempt;
mod capture;
mod claim;
mod echo;
mod further;
mod hide;
mod memory;
mod steps;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::clock::{Clock, SystemClock, pause_thread};
use crate::failpoint::{self, Failpoint};
use crate::planner::Outcome;

use super::notes::Claim;
use super::recipe::Recipe;
use super::report::RunReport;
use super::run_dir::{RunDir, read_json};
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

/// On the command line: the run is not yet recorded, see [`main_when_told`].
pub const WHEN_TOLD: &str = "--when-told";

/// Executes the run whose directories these are: `freezerd supervise STATE_RUN_DIR RUNTIME_RUN_DIR`.
///
/// Exit codes: 0 success, 1 fail, 3 aborted; 30, 31, 33 the same, but the report could not be written; 40 the
/// run is or was another supervisor's; 41 it could not be claimed. What goes wrong is told on standard error.
#[must_use]
pub fn main(state_run_dir: &Path, runtime_run_dir: &Path) -> ExitCode {
    let dir = RunDir::of(state_run_dir, runtime_run_dir);
    let mut abort = match come_up(&dir) {
        Ok(abort) => abort,
        Err(exit) => return ExitCode::from(exit.code()),
    };
    execute_each(dir, &mut abort)
}

/// The same for a run that is not yet recorded: waits to be told on standard input that it is, or that another one is.
///
/// When that ends before, so does this, with exit code 0: nothing was done.
#[must_use]
pub fn main_when_told(state_run_dir: &Path, runtime_run_dir: &Path) -> ExitCode {
    let expected = RunDir::of(state_run_dir, runtime_run_dir);
    let mut abort = match come_up(&expected) {
        Ok(abort) => abort,
        Err(exit) => return ExitCode::from(exit.code()),
    };
    match further::take_next(&expected, &mut abort) {
        Ok(Some(dir)) => execute_each(dir, &mut abort),
        Ok(None) => ExitCode::SUCCESS,
        Err(problem) => ExitCode::from(unclaimed(&expected, "take it or another run", &problem).code()),
    }
}

/// From here on SIGTERM is an abort that leaves a report.
fn come_up(dir: &RunDir) -> Result<AbortSignal, Exit> {
    // A terminal's Ctrl-C is for the daemon. Fails only for a process group's leader, which has its own.
    let _ = rustix::process::setsid();
    AbortSignal::listen().map_err(|problem| unclaimed(dir, "listen for signals", &problem))
}

/// Executes this run, and those it is told afterwards.
fn execute_each(mut dir: RunDir, abort: &mut AbortSignal) -> ExitCode {
    let clock = SystemClock::new();
    failpoint::reach(Failpoint::Supervisor);
    loop {
        let (exit, further) = match supervise(&dir, &clock, abort) {
            Ok(executed) => executed,
            Err(exit) => return ExitCode::from(exit.code()),
        };
        if !further {
            return ExitCode::from(exit.code());
        }
        match further::next(&dir, exit, abort) {
            Ok(next) => dir = next,
            Err(exit) => return ExitCode::from(exit.code()),
        }
    }
}

/// Executes one run. Gives how it ended, and whether there may be another; or why it was not executed.
fn supervise(dir: &RunDir, clock: &SystemClock, abort: &mut AbortSignal) -> Result<(Exit, bool), Exit> {
    let lock = match take_lock(dir) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Err(refused(dir)),
        Err(problem) => return Err(unclaimed(dir, "lock it", &problem)),
    };
    failpoint::reach(Failpoint::SupervisorLocked);
    match dir.claim().try_exists() {
        Ok(false) => {}
        Ok(true) => return Err(refused(dir)),
        Err(problem) => return Err(unclaimed(dir, "look for its claim", &problem)),
    }
    // Read before the claim: a run without one stays one that never started.
    let recipe: Recipe = match read_json(&dir.recipe()) {
        Ok(recipe) => recipe,
        Err(problem) => return Err(unclaimed(dir, "read its recipe", &problem)),
    };
    let claim = Claim {
        pid: std::process::id(),
        kill_grace: recipe.kill_grace,
        job: Some(recipe.job.clone()),
    };
    match claim::claim(dir, &lock, &claim) {
        Ok(()) => {}
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => return Err(refused(dir)),
        Err(problem) => return Err(unclaimed(dir, "claim it", &problem)),
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
    if let Some(open_files) = recipe.open_files {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit {
            current: Some(open_files),
            maximum,
        };
        // Less is always allowed.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let report = steps::execute(&recipe, dir, &lock, clock, abort);
    failpoint::reach(Failpoint::AgentsEnded);
    let exit = leave(&report, dir, &lock, clock);
    failpoint::reach(Failpoint::ReportLeft);
    drop(lock);
    Ok((exit, recipe.further))
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

/// One line on standard error, which is the run's lock: the daemon quotes it when there is no report. Written at once, as
/// another supervisor may be noting something there.
fn complain(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
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
