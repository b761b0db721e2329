//! The life of one run: it is asked for, it is watched, it is over.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};

use super::course::{Before, Course, Sight, UnderWay, course};
use super::traces::{Phase, Trace};
use super::waited::{Waited, given_up};
use super::{Fate, Inner, Listed, Service, Trouble, Wish};
use crate::clock;
use crate::launch::{LaunchError, LaunchEvent, RunReport};
use crate::plan::JobId;
use crate::planner::{NotStarted, Outcome, Reason, RunId};

/// Between two looks at a plan: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For so long a document may be behind what was done, and a request whose answer was lost may be on its way.
/// (No longer than the API may take for a start.)
const SETTLES: TimeDelta = TimeDelta::seconds(60);

/// One run in our hands.
pub(super) struct Follower<S> {
    inner: Arc<Inner<S>>,
    run: RunId,
    job: JobId,
    abort_asked: Arc<Notify>,
    listing: watch::Receiver<Listed>,
    /// Somebody wants it ended, and the service was not yet asked for that.
    to_abort: bool,
    /// What a listing shows that was asked for before this is old: the request was not answered yet, or a look of ours is
    /// newer.
    fresh_since: DateTime<Utc>,
    /// Since when the document has said the same thing that cannot be true for long.
    unsettled: Option<Duration>,
    /// How long it has been as it is.
    waited: Waited,
    /// This daemon has seen the plan's document. What was waited for before that may be over by now.
    seen: bool,
    /// The last trouble that was told.
    told: String,
}

/// Whether there is more to follow.
enum Step {
    On(Trace),
    Done,
}

impl<S: Service> Follower<S> {
    pub(super) fn new(
        inner: Arc<Inner<S>>,
        run: RunId,
        job: JobId,
        abort_asked: Arc<Notify>,
        listing: watch::Receiver<Listed>,
    ) -> Self {
        Self {
            waited: Waited::anew(&*inner.clock),
            inner,
            run,
            job,
            abort_asked,
            listing,
            to_abort: false,
            seen: false,
            fresh_since: DateTime::<Utc>::MIN_UTC,
            unsettled: None,
            told: String::new(),
        }
    }

    /// Asks for the run, and follows it.
    pub(super) async fn ask(mut self) {
        let sight = match self.inner.service.look(&self.job).await {
            Err(trouble) => return self.not_started(trouble.not_started()),
            Ok(None) => return self.not_started(NotStarted::For(Reason::Superseded)),
            Ok(Some(sight)) => sight,
        };
        self.seen = true;
        let now = self.now();
        if let Some(reason) = sight.hindrance(now, self.inner.patience.run_limit) {
            return self.not_started(NotStarted::For(reason));
        }
        let mut trace = Trace {
            job: self.job.clone(),
            asked: now,
            before: Before::from(&sight.reported),
            phase: Phase::Asking,
            aborted: false,
        };
        if let Err(problem) = self.note(&trace) {
            let detail = problem.to_string();
            return self.not_started(NotStarted::Away { detail });
        }
        self.waited = Waited::anew(&*self.inner.clock);
        let (service, project) = (&self.inner.service, sight.project.as_ref());
        let asked = service.ask(&self.job, project, Wish::Start).await;
        self.fresh_since = self.now();
        let (run, job_id) = (&self.run, &self.job);
        match asked.map_err(|trouble| (trouble.fate, trouble)) {
            Ok(()) => {
                tracing::info!(%run, %job_id, "the API was asked to start the plan");
                trace.phase = Phase::Taken(self.now());
                self.waited = Waited::anew(&*self.inner.clock);
                self.keep(&trace);
            }
            Err((Fate::NotDone, trouble)) => return self.not_started(trouble.not_started()),
            Err((Fate::Refused, trouble)) => {
                let detail = format!("the API refuses to start the plan: {trouble}");
                return self.over(trace, Outcome::Fail, None, now, detail);
            }
            Err((Fate::Unknown, trouble)) => {
                tracing::warn!(%run, %job_id, "it may start, its answer was lost: watching the plan: {trouble}");
            }
        }
        self.follow(trace).await;
    }

    /// Follows a run that an earlier daemon asked for, to its end.
    pub(super) async fn resume(mut self, trace: Trace) {
        self.waited = Waited::since(trace.as_it_is_since(), &*self.inner.clock);
        self.follow(trace).await;
    }

    async fn follow(mut self, mut trace: Trace) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.fresh_since = self.fresh_since.max(trace.asked);
            let seen = self.next_sight(pause).await;
            let before = trace.phase.clone();
            if let Ok(Some(sight)) = &seen {
                let aborted = trace.aborted;
                self.abort(sight, &mut trace).await;
                if trace.aborted != aborted {
                    self.keep(&trace);
                }
            }
            trace = match self.take_in(trace, seen) {
                Step::On(trace) => trace,
                Step::Done => return,
            };
            pause = if trace.phase == before {
                pause.saturating_mul(3).div_f64(2.0).min(LONGEST_PAUSE)
            } else {
                FIRST_PAUSE
            };
        }
    }

    /// Looks after a pause, or at once when somebody wants it ended; or takes what a listing says that was asked
    /// for since then.
    async fn next_sight(&mut self, pause: Duration) -> Result<Option<Sight>, Trouble> {
        let pause = clock::pause(pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => {}
                () = self.abort_asked.notified() => self.to_abort = true,
                Ok(()) = self.listing.changed() => {
                    let listed = self.listing.borrow_and_update().clone();
                    match listed.filter(|(began, _)| *began > self.fresh_since) {
                        Some((_, sight)) => return Ok(Some(sight)),
                        None => continue,
                    }
                }
            }
            self.fresh_since = self.now();
            return self.inner.service.look(&self.job).await;
        }
    }

    /// Asks for its end, if that is wanted and it is not being ended already. Not before it runs: what has not
    /// started cannot be ended, and the wish is kept.
    async fn abort(&mut self, sight: &Sight, trace: &mut Trace) {
        trace.aborted |= sight.reported.event == "abort";
        if !self.to_abort || !matches!(trace.phase, Phase::Running(..)) {
            return;
        }
        if sight.reported.event != "abort" {
            let asked = self
                .inner
                .service
                .ask(&self.job, sight.project.as_ref(), Wish::Abort);
            if let Err(trouble) = asked.await {
                tracing::error!(run = %self.run, job_id = %self.job, "not aborted yet: {trouble}");
                // One that was refused is over, or will be: its end shows it.
                self.to_abort = trouble.fate != Fate::Refused;
                return;
            }
        }
        (self.to_abort, trace.aborted) = (false, true);
    }

    fn take_in(&mut self, trace: Trace, seen: Result<Option<Sight>, Trouble>) -> Step {
        let now = self.now();
        let sight = match seen {
            Ok(Some(sight)) => sight,
            Ok(None) => {
                let detail = "the plan was deleted from the API before an end of its run was seen".to_owned();
                return self.lost(trace, now, detail);
            }
            Err(trouble) => {
                let text = trouble.to_string();
                if text != self.told {
                    tracing::warn!(run = %self.run, job_id = %self.job, "what became of it cannot be seen: {text}");
                    self.told = text;
                }
                return self.out_of_patience(trace, now, false);
            }
        };
        self.told.clear();
        self.seen = true;
        let before = trace.before.by_now(&sight.reported);
        let trace = Trace { before, ..trace };
        let known = match &trace.phase {
            Phase::Running(_, known) => Some(*known),
            _ => None,
        };
        match course(trace.before, known, &sight.reported) {
            Course::Over {
                outcome,
                started,
                ended,
                detail,
            } => {
                // An API that has no word for that says only that it is over.
                let outcome = match outcome {
                    Outcome::Success if trace.aborted && !detail.is_empty() => Outcome::Aborted,
                    outcome => outcome,
                };
                let started = started.or(trace.since());
                if let (Some(at), None) = (started, trace.since()) {
                    self.tell_start(at);
                }
                self.over(trace, outcome, started, ended.unwrap_or(now), detail);
                Step::Done
            }
            Course::Replaced(later) => {
                let later = later.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                let detail = format!(
                    "another run of the plan was started at {later}, before an end of this one was seen"
                );
                self.lost(trace, now, detail)
            }
            Course::Running(under_way) => {
                self.unsettled = None;
                self.running(trace, now, under_way)
            }
            Course::Vanished if self.has_settled() => {
                let status = sight.reported.status;
                let detail =
                    format!("it does not run any more, and the API shows no end of it: status {status}");
                self.lost(trace, now, detail)
            }
            Course::NoSign if trace.phase == Phase::Asking && self.has_settled() => {
                let detail = "the answer to the request was lost, and the plan did not start".to_owned();
                self.not_started(NotStarted::Away { detail });
                Step::Done
            }
            Course::Taken if trace.phase == Phase::Asking => {
                let phase = Phase::Taken(now);
                let trace = Trace { phase, ..trace };
                self.waited = Waited::anew(&*self.inner.clock);
                self.keep(&trace);
                Step::On(trace)
            }
            Course::Vanished | Course::NoSign | Course::Taken => self.out_of_patience(trace, now, true),
        }
    }

    fn running(&mut self, trace: Trace, now: DateTime<Utc>, under_way: UnderWay) -> Step {
        let before = match trace.phase {
            Phase::Running(since, _) => Some(since),
            _ => None,
        };
        let phase = Phase::Running(before.unwrap_or(now), under_way);
        if phase == trace.phase {
            return self.out_of_patience(trace, now, true);
        }
        let trace = Trace { phase, ..trace };
        self.keep(&trace);
        if before.is_none() {
            self.waited = Waited::anew(&*self.inner.clock);
            self.tell_start(under_way.started.unwrap_or(now));
        }
        Step::On(trace)
    }

    /// Whether it is waited for too long. `shown`: its document says nothing else; otherwise it could not be looked at.
    fn out_of_patience(&self, trace: Trace, now: DateTime<Utc>, shown: bool) -> Step {
        let waited = if self.seen {
            self.waited.so_far(&*self.inner.clock)
        } else {
            self.waited.here(&*self.inner.clock)
        };
        // An abort that is wanted has not been asked for: what has not started cannot be ended.
        let aborted = trace.aborted || self.to_abort;
        match given_up(&trace.phase, aborted, waited, self.inner.patience, shown) {
            Some((outcome, detail)) => {
                let started = trace.since();
                self.over(trace, outcome, started, now, detail);
                Step::Done
            }
            None => Step::On(trace),
        }
    }

    /// Whether the document has said this for long enough to be believed. (Two good looks at least.)
    fn has_settled(&mut self) -> bool {
        let now = self.inner.clock.monotonic();
        let since = *self.unsettled.get_or_insert(now);
        let settles = self.inner.patience.start_within.min(SETTLES).to_std();
        now > since && now.saturating_sub(since) >= settles.unwrap_or_default()
    }

    fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// Notes how far it has come. What cannot be noted is seen again in the document by whoever comes after us.
    fn keep(&self, trace: &Trace) {
        if let Err(problem) = self.note(trace) {
            tracing::error!(run = %self.run, "how far it has come cannot be noted: {problem}");
        }
    }

    /// Durably, so it waits for the disk: the other tasks of this thread do not.
    fn note(&self, trace: &Trace) -> Result<(), LaunchError> {
        tokio::task::block_in_place(|| self.inner.traces.keep(&self.run, trace))
    }

    /// It has not started: whoever finds it now may start it.
    fn not_started(&self, why: NotStarted) {
        if let Err(problem) = tokio::task::block_in_place(|| self.inner.traces.remove(&self.run)) {
            // A further start finds it, and takes it for one whose answer was lost.
            tracing::error!(run = %self.run, "its trace stays: {problem}");
        }
        self.let_go(LaunchEvent::NotStarted {
            run: self.run.clone(),
            why,
        });
    }

    fn tell_start(&self, at: DateTime<Utc>) {
        if let Some(followed) = self.inner.followed().get_mut(&self.run) {
            followed.started = Some(at);
        }
        let run = self.run.clone();
        // A daemon that is gone finds it out by itself when it is back; likewise below.
        let _ = self.inner.events.send(LaunchEvent::Started { run, pid: 0, at });
    }

    fn lost(&self, trace: Trace, now: DateTime<Utc>, detail: String) -> Step {
        let started = trace.since();
        self.over(trace, Outcome::Lost, started, now, detail);
        Step::Done
    }

    fn over(
        &self,
        trace: Trace,
        outcome: Outcome,
        started: Option<DateTime<Utc>>,
        ended: DateTime<Utc>,
        detail: String,
    ) {
        let ended = started.map_or(ended, |started| ended.max(started));
        let report = RunReport::without_steps(outcome, started, ended, detail);
        let phase = Phase::Ended(report.clone());
        self.keep(&Trace { phase, ..trace });
        self.let_go(LaunchEvent::Ended {
            run: self.run.clone(),
            report,
        });
    }

    /// Out of our hands first, so that who hears of it can take it up again.
    fn let_go(&self, event: LaunchEvent) {
        self.inner.followed().remove(&self.run);
        let _ = self.inner.events.send(event);
    }
}
