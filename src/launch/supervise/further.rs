//! Runs for a supervisor whose own is over, or that has none yet: the other side of the process launcher's spares.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::failpoint;
use crate::launch::run_dir::RunDir;
use crate::planner::RunId;

use super::abort::AbortSignal;
use super::{Exit, unclaimed};

/// Longer than a run's id.
const LONGEST: usize = 128;

/// Says that the run is over, waits for another, and says that it is taken. Otherwise: what to end with.
pub(super) fn next(over: &RunDir, exit: Exit, abort: &mut AbortSignal) -> Result<RunDir, Exit> {
    if say(&format!("ended {}\n", exit.code())).is_err() {
        return Err(exit);
    }
    match take_next(over, abort) {
        Ok(Some(next)) => Ok(next),
        Ok(None) => Err(exit),
        // The exit code is the next run's from here on: the former one's would be taken for how it ended.
        Err(problem) => Err(unclaimed(over, "take the next run after it", &problem)),
    }
}

/// Waits for a run, and says that it is taken; its directories are beside these. `None`: there is none any more.
pub(super) fn take_next(beside: &RunDir, abort: &mut AbortSignal) -> std::io::Result<Option<RunDir>> {
    read_line()?.map(|run| take(beside, run, abort)).transpose()
}

fn take(beside: &RunDir, run: String, abort: &mut AbortSignal) -> std::io::Result<RunDir> {
    // Whatever was sent until now was meant for the run before. (Who gave us this one sends nothing before we answer.)
    abort.forget();
    let [state_runs, runtime_runs] =
        [beside.state(), beside.runtime()].map(|dir| dir.parent().unwrap_or(Path::new("/")));
    let next = RunDir::of_run(state_runs, runtime_runs, &RunId::from_stored(run))?;
    // As with the first run, what we complain of is for those who look into its lock.
    let lock = OpenOptions::new().append(true).open(next.lock())?;
    rustix::stdio::dup2_stderr(&lock)?;
    failpoint::about(next.runtime());
    say("took\n")?;
    Ok(next)
}

fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()
}

/// A line of standard input; one at a time is sent. `None`: there is none any more.
fn read_line() -> std::io::Result<Option<String>> {
    let mut text = Vec::with_capacity(LONGEST);
    while text.last() != Some(&b'\n') {
        let mut some = [0; LONGEST];
        match rustix::io::read(rustix::stdio::stdin(), &mut some) {
            Ok(0) if text.is_empty() => return Ok(None),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => text.extend(some.iter().take(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(problem) => return Err(problem.into()),
        }
        if text.len() > LONGEST {
            return Err(ErrorKind::InvalidData.into());
        }
    }
    text.pop();
    let line = String::from_utf8(text).map_err(|_| ErrorKind::InvalidData)?;
    Ok(Some(line))
}
