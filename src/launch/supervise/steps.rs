//! The recipe's steps, in order, with their tries.

use std::io::{ErrorKind, Stderr, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;

use crate::clock::Clock;
use crate::launch::notes::{NextAgent, Started};
use crate::launch::recipe::{Recipe, Step, too_long};
use crate::launch::report::{RunReport, StepReport};
use crate::launch::run_dir::{RunDir, create_private, make_private};
use crate::launch::run_lock::RunLock;
use crate::planner::Outcome;

use super::abort::AbortSignal;
use super::attempt::{self, Attempt, Bounds, Cut};
use super::echo::Echo;
use super::hide::hide;
use super::memory::{self, Memory};

/// The most that is kept of one stream, whatever the recipe says.
const MAX_KEEP: u64 = 4 << 20;
/// The most that a report's one line for people quotes of the agent's last one.
const MAX_QUOTE: usize = 200;

/// Executes the recipe; never fails: what goes wrong is in the report.
pub(super) fn execute(
    recipe: &Recipe,
    dir: &RunDir,
    lock: &RunLock,
    clock: &dyn Clock,
    abort: &mut AbortSignal,
) -> RunReport {
    let limit = recipe.limits.runtime_max.map(u64::from).map(Duration::from_secs);
    let mut run = Run {
        recipe,
        dir,
        lock,
        clock,
        abort,
        started: None,
        cut: None,
        echo: recipe.journal.then(|| Echo::new(std::io::stderr())),
        until: limit.map(|limit| clock.monotonic() + limit),
    };
    let mut failed = recipe.steps.is_empty();
    let mut steps = Vec::with_capacity(recipe.steps.len());
    for (number, step) in recipe.steps.iter().enumerate() {
        run.look_up();
        let report = if run.cut == Some(Cut::Abort) {
            not_run(step, "not run: aborted")
        } else if run.cut == Some(Cut::TooLong) {
            not_run(step, "not run: the run took too long")
        } else if failed && !step.mandatory {
            not_run(step, "not run: an earlier step failed")
        } else {
            run.step(number, step)
        };
        failed = failed || !report.ok;
        steps.push(report);
    }
    let outcome = match (run.cut, failed) {
        (Some(Cut::Abort), _) => Outcome::Aborted,
        (Some(Cut::TooLong), _) | (None, true) => Outcome::Fail,
        (None, false) => Outcome::Success,
    };
    let mut detail = detail(outcome, &steps);
    if let (Some(Cut::TooLong), Some(limit)) = (run.cut, recipe.limits.runtime_max) {
        detail = format!("{}: {detail}", too_long(limit));
    }
    RunReport {
        outcome,
        started: run.started,
        ended: clock.now(),
        steps,
        detail,
    }
}

struct Run<'a> {
    recipe: &'a Recipe,
    dir: &'a RunDir,
    lock: &'a RunLock,
    clock: &'a dyn Clock,
    abort: &'a mut AbortSignal,
    started: Option<DateTime<Utc>>,
    cut: Option<Cut>,
    /// Of all tries.
    echo: Option<Echo<Stderr>>,
    /// When all of it must be over, by the monotonic clock.
    until: Option<Duration>,
}

impl Run<'_> {
    /// Whether it may go on.
    fn look_up(&mut self) {
        if self.cut.is_none() && self.until.is_some_and(|until| self.clock.monotonic() >= until) {
            self.cut = Some(Cut::TooLong);
        } else if self.cut.is_none() && self.abort.asked() {
            self.cut = Some(Cut::Abort);
        }
    }

    /// Waits before the next try, if it may go on at all.
    fn wait(&mut self, pause: Duration) {
        let left = self
            .until
            .map(|until| until.saturating_sub(self.clock.monotonic()));
        self.abort
            .asked_within(pause.min(left.unwrap_or(pause)), self.clock);
        self.look_up();
    }

    fn step(&mut self, number: usize, step: &Step) -> StepReport {
        let mut tries: u32 = 0;
        let memory = Memory::ours();
        let (last, killed) = loop {
            let before = memory.kills();
            let attempt = self.attempt(number, step);
            let killed = memory.kills().saturating_sub(before);
            tries = tries.saturating_add(1);
            self.cut = attempt.cut_short;
            // A unit that is stopped has its agent told, too: it may have ended before we heard of it.
            if !attempt.end.is_success() {
                self.look_up();
            }
            if self.cut.is_some() || attempt.end.is_success() || tries > step.max_retries {
                break (attempt, killed);
            }
            self.wait(Duration::from_secs(u64::from(step.retry_after)));
            if self.cut.is_some() {
                break (attempt, killed);
            }
        };
        let mut end = last.end.to_string();
        if !last.end.is_success() && killed > 0 {
            end.push_str(&memory::killed(killed, self.recipe.limits.memory_max));
        }
        StepReport {
            label: step.label.clone(),
            tries,
            end,
            ok: last.end.is_success(),
            stdout: last.stdout,
            stderr: hide(last.stderr, self.recipe),
        }
    }

    fn attempt(&mut self, number: usize, step: &Step) -> Attempt {
        let ini = match IniFile::write(self.dir.runtime(), self.dir.ini(number), &step.ini) {
            Ok(ini) => ini,
            Err((path, problem)) => {
                return Attempt::not_started(format!("cannot write {}: {problem}", path.display()));
            }
        };
        let mut command = Command::new(&self.recipe.agent);
        command.args(["--metadata-out", "-", "--config"]).arg(&ini.0);
        command.envs(&self.recipe.environment);
        // Last: a launcher may have put the daemon's own environment into the recipe.
        for name in &self.recipe.without {
            command.env_remove(name);
        }
        let bounds = Bounds {
            keep: usize::try_from(self.recipe.keep_output.min(MAX_KEEP)).unwrap_or_default(),
            kill_grace: Duration::from_secs(u64::from(self.recipe.kill_grace)),
            until: self.until,
        };
        let (started, lock, clock, further) = (&mut self.started, self.lock, self.clock, self.recipe.further);
        if started.is_some() {
            // Should we be killed before its id is noted, nobody may believe that it was the last one's.
            note(lock, &NextAgent { agent: 0 });
        }
        attempt::run(command, bounds, self.echo.as_mut(), clock, self.abort, |agent| {
            if started.is_some() {
                note(lock, &NextAgent { agent });
            } else {
                let at = clock.now().trunc_subsecs(3);
                *started = Some(at);
                announce(lock, at, agent, further);
            }
        })
    }
}

/// Tells that the first agent was started: on the disk, and to whoever listens. Nothing is synced: after a power cut the
/// claim says that it may have run, and the ledger when, as soon as the daemon has heard of it.
fn announce(lock: &RunLock, at: DateTime<Utc>, agent: u32, further: bool) {
    let pid = std::process::id();
    note(
        lock,
        &Started {
            pid,
            at,
            agent: Some(agent),
        },
    );
    let line = format!(
        "started {}\n",
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    );
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    // The listener needs its end of the pipe no longer, unless it hears of the end by it.
    if !further && let Ok(nowhere) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// Who looks for the run without us, after we were killed, looks here.
fn note<T: Serialize>(lock: &RunLock, what: &T) {
    if let Err(problem) = lock.note(what) {
        super::complain(&format!("cannot note that an agent was started: {problem}"));
    }
}

/// The agent's INI, there for one try only.
struct IniFile(PathBuf);

impl IniFile {
    fn write(dir: &Path, path: PathBuf, text: &str) -> Result<Self, (PathBuf, std::io::Error)> {
        let made = match create_private(&path) {
            // A service manager may clear the runtime directory away when the daemon restarts.
            Err(problem) if problem.kind() == ErrorKind::NotFound => {
                make_private(dir, true).and_then(|()| create_private(&path))
            }
            other => other,
        };
        match made {
            Ok(mut file) => {
                let ini = Self(path);
                match file.write_all(text.as_bytes()) {
                    Ok(()) => Ok(ini),
                    Err(problem) => Err((ini.0.clone(), problem)),
                }
            }
            Err(problem) => Err((path, problem)),
        }
    }
}

impl Drop for IniFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn not_run(step: &Step, why: &str) -> StepReport {
    StepReport {
        label: step.label.clone(),
        tries: 0,
        end: why.to_owned(),
        ok: false,
        stdout: String::new(),
        stderr: String::new(),
    }
}

/// One line for people.
fn detail(outcome: Outcome, steps: &[StepReport]) -> String {
    let ran = |step: &&StepReport| step.tries > 0;
    match outcome {
        Outcome::Success => String::new(),
        Outcome::Aborted => match steps.iter().rfind(ran) {
            Some(step) => format!("aborted: {}: {}", step.label, step.end),
            None => "aborted before any agent was started".to_owned(),
        },
        _ => match steps.iter().filter(ran).find(|step| !step.ok) {
            Some(step) => {
                let tries = if step.tries > 1 {
                    format!(" ({} tries)", step.tries)
                } else {
                    String::new()
                };
                let quote = last_line(&step.stderr);
                format!("{}: {}{tries}{quote}", step.label, step.end)
            }
            None => "it has no actions".to_owned(),
        },
    }
}

/// `: LINE`, or nothing. Control characters would be another line, or worse, in somebody's terminal.
fn last_line(stderr: &str) -> String {
    let line = stderr
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let line: String = line
        .chars()
        .filter(|found| !found.is_control())
        .take(MAX_QUOTE)
        .collect();
    if line.is_empty() {
        line
    } else {
        format!(": {line}")
    }
}
