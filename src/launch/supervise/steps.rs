//! The recipe's steps, in order, with their tries.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use crate::clock::Clock;
use crate::launch::recipe::{Recipe, Step};
use crate::launch::report::{RunReport, StepReport};
use crate::launch::run_dir::{RunDir, Started, create_private, make_private, sync_dir};
use crate::planner::Outcome;

use super::abort::AbortSignal;
use super::attempt::{self, Attempt, Bounds};

/// The most that is kept of one stream, whatever the recipe says.
const MAX_KEEP: u64 = 4 << 20;
/// The most that a report's one line for people quotes of the agent's last one.
const MAX_QUOTE: usize = 200;

/// Executes the recipe; never fails: what goes wrong is in the report.
pub(super) fn execute(
    recipe: &Recipe,
    dir: &RunDir,
    clock: &dyn Clock,
    abort: &mut AbortSignal,
) -> RunReport {
    let mut run = Run {
        recipe,
        dir,
        clock,
        abort,
        started: None,
        aborted: false,
    };
    let mut failed = recipe.steps.is_empty();
    let mut steps = Vec::with_capacity(recipe.steps.len());
    for (number, step) in recipe.steps.iter().enumerate() {
        run.aborted = run.aborted || run.abort.asked();
        let report = if run.aborted {
            not_run(step, "not run: aborted")
        } else if failed && !step.mandatory {
            not_run(step, "not run: an earlier step failed")
        } else {
            run.step(number, step)
        };
        failed = failed || !report.ok;
        steps.push(report);
    }
    let outcome = match (run.aborted, failed) {
        (true, _) => Outcome::Aborted,
        (false, true) => Outcome::Fail,
        (false, false) => Outcome::Success,
    };
    let detail = detail(outcome, &steps);
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
    clock: &'a dyn Clock,
    abort: &'a mut AbortSignal,
    started: Option<DateTime<Utc>>,
    aborted: bool,
}

impl Run<'_> {
    fn step(&mut self, number: usize, step: &Step) -> StepReport {
        let mut tries: u32 = 0;
        let last = loop {
            let attempt = self.attempt(number, step);
            tries = tries.saturating_add(1);
            self.aborted = attempt.cut_short;
            if self.aborted || attempt.end.is_success() || tries > step.max_retries {
                break attempt;
            }
            let pause = Duration::from_secs(u64::from(step.retry_after));
            self.aborted = self.abort.asked_within(pause, self.clock);
            if self.aborted {
                break attempt;
            }
        };
        StepReport {
            label: step.label.clone(),
            tries,
            end: last.end.to_string(),
            ok: last.end.is_success(),
            stdout: last.stdout,
            stderr: last.stderr,
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
        for name in &self.recipe.without {
            command.env_remove(name);
        }
        command.envs(&self.recipe.environment);
        let bounds = Bounds {
            keep: usize::try_from(self.recipe.keep_output.min(MAX_KEEP)).unwrap_or_default(),
            kill_grace: Duration::from_secs(u64::from(self.recipe.kill_grace)),
        };
        let (started, dir, clock) = (&mut self.started, self.dir, self.clock);
        attempt::run(command, bounds, clock, self.abort, || {
            if started.is_none() {
                let at = clock.now().trunc_subsecs(3);
                *started = Some(at);
                announce(dir, at);
            }
        })
    }
}

/// Tells that the first agent was started: on the disk, to whoever listens, and last, as it takes longest, for
/// the time after a power cut.
fn announce(dir: &RunDir, at: DateTime<Utc>) {
    let written = dir.write_started(Started {
        pid: std::process::id(),
        at,
    });
    let line = format!(
        "started {}\n",
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    );
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    // The listener needs its end of the pipe no longer.
    if let Ok(nowhere) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
    if let Err(problem) = written
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_dir(dir.state()))
    {
        super::complain(&format!(
            "{}: cannot note when it was started: {problem}",
            dir.state().display()
        ));
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
