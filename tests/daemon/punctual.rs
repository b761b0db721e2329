//! Whether a plan keeps to its seconds, whatever else goes on.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use freezerd::clock::pause_thread;
use freezerd::ledger::Reader;
use freezerd::plan::JobId;
use freezerd::planner::{Reason, RunId, RunState, Verdict, VerdictRecord};
use freezerd::schedule::DueTime;
use serde_json::{Value, json};

use crate::bed::{Bed, now, plan};
use crate::until::until;

/// How late a start may be on a machine that has time for it.
const BOUND: TimeDelta = TimeDelta::seconds(5);

/// How long a run waits for the answer whether its plan is gone.
const ANSWER: TimeDelta = TimeDelta::seconds(15);

/// To start a run takes no more than so many of the control's rounds: a commit, a supervisor and its notes, an agent of
/// several commands.
const ROUNDS: i32 = 4;

/// Between two rounds of the control.
const PAUSE: Duration = Duration::from_millis(250);

/// More rows than there are seconds in any test.
const ALL: usize = 1000;

const JOB: &str = "often";

/// A plan that is due every second.
pub fn often() -> Value {
    let each_second = json!({"schedule_second": "*", "schedule_minute": "*", "schedule_hour": "*"});
    plan(JOB, &each_second, &["done"])
}

/// Looks after the plan [`often`] and, as a control, after what a process start takes on this machine meanwhile: one that is
/// busy with other tests makes everybody late.
pub struct Watch<'bed> {
    bed: &'bed Bed,
    control: Arc<Control>,
    rounds: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Control {
    over: AtomicBool,
    /// When each round was over, and what it took.
    done: Mutex<Vec<(DateTime<Utc>, TimeDelta)>>,
    /// When the round under way began.
    began: Mutex<Option<DateTime<Utc>>>,
}

impl Control {
    /// Writes a file for good, starts a process, and sleeps, over and over.
    fn go_round(&self, file: &PathBuf) {
        while !self.over.load(Ordering::SeqCst) {
            let began = now();
            *self.began.lock().expect("the control") = Some(began);
            pause_thread(PAUSE);
            let mut written = fs::File::create(file).expect("a file");
            written.write_all(b"control\n").expect("written");
            written.sync_all().expect("on disk");
            let status = Command::new("sh").args(["-c", ":"]).status().expect("a shell");
            assert!(status.success(), "{status}");
            let ended = now();
            let done = (ended, ended - began - TimeDelta::from_std(PAUSE).expect("short"));
            self.done.lock().expect("the control").push(done);
        }
    }

    /// The longest round of those since then, also of the one that is not over.
    fn worst_since(&self, from: DateTime<Utc>) -> TimeDelta {
        let under_way = self.began.lock().expect("the control").map(|began| now() - began);
        let done = self.done.lock().expect("the control");
        let since = done.iter().filter(|(ended, _)| *ended >= from);
        let worst = since.map(|(_, took)| *took).chain(under_way).max();
        worst.unwrap_or_default()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.control.over.store(true, Ordering::SeqCst);
        if let Some(rounds) = self.rounds.take() {
            let _ = rounds.join();
        }
    }
}

impl<'bed> Watch<'bed> {
    pub fn over(bed: &'bed Bed) -> Self {
        let control = Arc::<Control>::default();
        let rounds = std::thread::spawn({
            let (control, file) = (Arc::clone(&control), bed.path("control"));
            move || control.go_round(&file)
        });
        Self {
            bed,
            control,
            rounds: Some(rounds),
        }
    }

    /// Every second from then until now has its verdict: it ran at once, or the run before really was not over.
    pub fn punctual_since(&self, from: DateTime<Utc>) {
        self.on_time_since(from, BOUND);
    }

    /// The same, when listings do not show the plan: before a run starts the API is asked whether the plan is gone, and its
    /// answer may be waited for.
    pub fn punctual_though_unlisted_since(&self, from: DateTime<Utc>) {
        self.on_time_since(from, BOUND + ANSWER);
    }

    fn on_time_since(&self, from: DateTime<Utc>, bound: TimeDelta) {
        let first = DueTime::floor(from).plus(1);
        let last = DueTime::floor(now()).max(first);
        let verdicts = until("every second is decided, and what runs has started", || {
            self.decided(first, last)
        });
        let mut next = first;
        for (verdict, _) in &verdicts {
            assert!(
                verdict.first <= next,
                "nothing is known of {next:?}: {verdicts:?}"
            );
            next = verdict.last.plus(1);
        }
        let worst = self.control.worst_since(from);
        let allowed = bound + worst * ROUNDS;
        for (verdict, late) in verdicts {
            assert!(
                late <= allowed,
                "{late} late, when {allowed} is allowed on a machine whose processes take up to {worst} to start: {verdict:?}"
            );
        }
    }

    /// The verdicts over these seconds, the earliest first, and how late each was; `None`: not yet.
    fn decided(&self, first: DueTime, last: DueTime) -> Option<Vec<(VerdictRecord, TimeDelta)>> {
        let ledger = self.bed.ledger()?;
        let mut verdicts = ledger
            .verdicts(&JobId::new(JOB), first, last, ALL)
            .expect("verdicts");
        verdicts.reverse();
        verdicts.last().filter(|latest| latest.last >= last)?;
        let lateness = |verdict: VerdictRecord| {
            let late = match &verdict.verdict {
                Verdict::Run(run) | Verdict::Coalesced(run) => {
                    started(&ledger, run)? - verdict.first.instant()
                }
                Verdict::Skipped(Reason::Overlap) => since_it_ran(&ledger, &verdict),
                Verdict::Skipped(_) => panic!("nothing keeps it from running: {verdict:?}"),
            };
            Some((verdict, late))
        };
        verdicts.into_iter().map(lateness).collect()
    }
}

/// When its agent was started, as its supervisor noted; `None`: not yet.
fn started(ledger: &Reader, run: &RunId) -> Option<DateTime<Utc>> {
    let run = ledger.run(run).expect("runs")?;
    let over = matches!(run.state, RunState::Done(_));
    assert!(!over || run.started.is_some(), "it never started: {run:?}");
    run.started
}

/// For how long the run before was over when this was held to be still running.
fn since_it_ran(ledger: &Reader, verdict: &VerdictRecord) -> TimeDelta {
    let before = ledger.run_before(&JobId::new(JOB), verdict.first).expect("runs");
    let before = before.unwrap_or_else(|| panic!("nothing ran: {verdict:?}"));
    before
        .ended
        .map_or(TimeDelta::zero(), |ended| verdict.last.instant() - ended)
}
