//! Whether a plan keeps to its seconds, whatever else goes on.

use chrono::{DateTime, TimeDelta, Utc};
use freezerd::ledger::Reader;
use freezerd::plan::JobId;
use freezerd::planner::{Reason, RunId, RunState, Verdict, VerdictRecord};
use freezerd::schedule::DueTime;
use serde_json::{Value, json};

use crate::bed::{Bed, now, plan};
use crate::process::Daemon;
use crate::until::{until, until_is};

/// How much later a start may be than one of a daemon whom nobody bothers.
const BOUND: TimeDelta = TimeDelta::seconds(5);

/// How long a run waits for the answer whether its plan is gone.
const ANSWER: TimeDelta = TimeDelta::seconds(15);

/// More rows than there are seconds in any test.
const ALL: usize = 1000;

const JOB: &str = "often";

/// A plan that is due every second.
pub fn often() -> Value {
    let each_second = json!({"schedule_second": "*", "schedule_minute": "*", "schedule_hour": "*"});
    plan(JOB, &each_second, &["done"])
}

/// Looks after the plan [`often`] and, as a control, after the same plan of a daemon whom nobody bothers: a machine that is busy
/// makes everybody late.
pub struct Watch<'bed> {
    bed: &'bed Bed,
    control: Bed,
    _daemon: Daemon,
}

impl<'bed> Watch<'bed> {
    /// From when the control runs.
    pub fn over(bed: &'bed Bed) -> Self {
        let control = Bed::new("");
        control.put(&often());
        let daemon = Daemon::start(&control);
        until_is("the control runs", &true, || !control.diary_of(JOB).is_empty());
        Self {
            bed,
            control,
            _daemon: daemon,
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
            decided(self.bed, first, last)
        });
        let mut next = first;
        for (verdict, _) in &verdicts {
            assert!(
                verdict.first <= next,
                "nothing is known of {next:?}: {verdicts:?}"
            );
            next = verdict.last.plus(1);
        }
        let control = until("every second is decided for the control, too", || {
            decided(&self.control, first, last)
        });
        let worst = control.iter().map(|(_, late)| *late).max();
        let worst = worst.unwrap_or_default();
        let allowed = bound + worst;
        for (verdict, late) in verdicts {
            assert!(
                late <= allowed,
                "{late} late, when {allowed} is allowed where one whom nobody bothers is late by {worst}: {verdict:?}"
            );
        }
    }
}

/// The verdicts over these seconds, the earliest first, and how late each was; `None`: not yet.
fn decided(bed: &Bed, first: DueTime, last: DueTime) -> Option<Vec<(VerdictRecord, TimeDelta)>> {
    let ledger = bed.ledger()?;
    let mut verdicts = ledger
        .verdicts(&JobId::new(JOB), first, last, ALL)
        .expect("verdicts");
    verdicts.reverse();
    verdicts.last().filter(|latest| latest.last >= last)?;
    let lateness = |verdict: VerdictRecord| {
        let late = match &verdict.verdict {
            Verdict::Run(run) | Verdict::Coalesced(run) => started(&ledger, run)? - verdict.first.instant(),
            Verdict::Skipped(Reason::Overlap) => since_it_ran(&ledger, &verdict),
            Verdict::Skipped(_) => panic!("nothing keeps it from running: {verdict:?}"),
        };
        Some((verdict, late))
    };
    verdicts.into_iter().map(lateness).collect()
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
