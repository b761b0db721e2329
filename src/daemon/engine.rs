//! The engine: one step at a time, an input goes through the planner into the ledger, and only then out.
//!
//! Synchronous and without a clock or a runtime of its own, so that a simulator can drive this very code:
//! `step` is the whole of "take an input, call the planner, commit its effects in ONE transaction, then
//! carry them out". What it cannot carry out by itself (asking the API) it hands back as an [`Errand`].

mod burst;
mod starting;
mod store;
#[cfg(test)]
mod tests;
mod unsaved;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::launch::{self, Launcher};
use crate::plan::{self, JobId, Plan};
use crate::planner::{
    Found, Input, NotStarted, Order, Outcome, Planner, Record, RunId, RunRecord, RunState, SessionAsk,
    VerdictRecord,
};
use crate::schedule::DueTime;

use super::recipes::{Drafts, Recipes};
use super::told::{end, end_without_start};

use unsaved::Unsaved;

pub use super::told::told;
pub use store::{Store, StoreError, Witness};

/// Something the shell has to see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Ask the source whether this plan is really gone.
    ConfirmGone(JobId),
    /// Ask the API whether a run may start with its session.
    AskSession(Box<SessionAsk>),
    /// Read the next listing whole, what is unchanged too.
    ReadWhole,
    /// There is something new in the outbox.
    Deliver,
    /// Something has to be asked of the API before this run can start: [`Engine::preparing`] tells what for,
    /// [`Engine::prepared`] takes the answer. Soon, please: it holds a place.
    Prepare(RunId),
}

/// What was got ready for a run: the records of its backups; or why it must not start.
pub type Prepared = Result<Drafts, String>;

/// A run that is launched as soon as it is prepared.
#[derive(Debug)]
struct Preparing {
    run: RunRecord,
    plan: Arc<Plan>,
    /// Its user does not want it any more.
    aborted: bool,
}

/// What a step left to do.
#[derive(Debug, Default)]
pub struct Step {
    /// For the shell.
    pub errands: Vec<Errand>,
    /// When to step again with [`Input::Tick`].
    pub wake: Option<DueTime>,
    /// Nothing is left undone. If not (the ledger did not take what was decided, so nothing was carried out;
    /// or a run could not be looked at), a later step tries again: soon, please.
    pub settled: bool,
    /// The ledger refuses what was decided, and always will: the daemon must start afresh from it.
    pub refused: Option<String>,
}

/// The planner with its hands: ledger and launcher.
pub struct Engine<S, W> {
    clock: Arc<dyn Clock>,
    planner: Planner,
    store: S,
    witness: W,
    launcher: Arc<dyn Launcher>,
    recipes: Recipes,
    /// Decided, and not yet taken by the ledger: in order, oldest first.
    unsaved: Unsaved,
    /// Not to be tried before (by the monotonic clock): the ledger could not be written.
    not_before: Option<Duration>,
    /// To be carried out as soon as `unsaved` is safe.
    pending: Vec<Order>,
    /// The ledger could not be written; the planner launches nothing until it can.
    holding: bool,
    /// Runs of an earlier daemon that could not be looked at yet.
    unseen: Vec<RunRecord>,
    /// Runs that are being prepared. (A daemon that dies has launched none of these: they begin anew.)
    preparing: BTreeMap<RunId, Preparing>,
}

impl<S: Store, W: Witness> Engine<S, W> {
    /// Nothing is decided yet.
    pub fn new(
        clock: Arc<dyn Clock>,
        planner: Planner,
        store: S,
        witness: W,
        launcher: Arc<dyn Launcher>,
        recipes: Recipes,
    ) -> Self {
        Self {
            clock,
            planner,
            store,
            witness,
            launcher,
            recipes,
            unsaved: Unsaved::default(),
            not_before: None,
            pending: Vec::new(),
            holding: false,
            unseen: Vec::new(),
            preparing: BTreeMap::new(),
        }
    }

    /// The planner, to look at.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// The witness, to talk to.
    pub fn witness(&mut self) -> &mut W {
        &mut self.witness
    }

    /// How runs are started.
    pub fn recipes(&self) -> &Recipes {
        &self.recipes
    }

    /// How runs are started from now on.
    pub fn set_recipes(&mut self, recipes: Recipes) {
        self.recipes = recipes;
    }

    /// Looks for every run that an earlier daemon launched, and takes up what became of it. `later`: with the next
    /// step, after what that is told; when only the traces of runs are known, and what plans they are of is not.
    pub fn find_launched(&mut self, later: bool) -> Step {
        self.unseen = self.planner.launched();
        if later {
            return Step {
                settled: true,
                ..Step::default()
            };
        }
        self.step(Vec::new())
    }

    /// What became of the runs that were not looked at yet. One that cannot be looked at keeps its place,
    /// and is looked at again.
    fn look(&mut self) -> Vec<Input> {
        let unseen = std::mem::take(&mut self.unseen);
        unseen.into_iter().filter_map(|run| self.look_for(run)).collect()
    }

    fn look_for(&mut self, run: RunRecord) -> Option<Input> {
        let found = match self.launcher.find(&run.id) {
            Ok(launch::Found::Never) => Found::Never,
            Ok(launch::Found::Alive { pid, started }) => Found::Alive { pid, started },
            Ok(launch::Found::Ended(report)) => Found::Ended(end(&run.id, report)),
            Ok(launch::Found::Lost) => Found::Lost {
                detail: "it was started and is gone without an exit status: killed, or the machine went down"
                    .to_owned(),
            },
            Err(error) => {
                tracing::error!(run = %run.id, job_id = %run.job, "it cannot be looked at: {error}");
                self.unseen.push(run);
                return None;
            }
        };
        Some(Input::Found { run: run.id, found })
    }

    /// Takes in `inputs`, and carries out what follows: what they lead to is one transaction, or of a burst of due times
    /// a few ([`burst`]).
    pub fn step(&mut self, inputs: Vec<Input>) -> Step {
        let mut step = Step::default();
        let mut inputs: Vec<Input> = inputs.into_iter().chain(self.look()).collect();
        let mut now = self.clock.now();
        loop {
            let decision = self.planner.handle(now, inputs.drain(..));
            self.add(decision.records);
            self.take_up(decision.orders, &mut step);
            step.wake = decision.wake;
            let instant = self.clock.monotonic();
            // Whoever is told to stop has no later time.
            let too_soon = !self.planner.is_halted() && self.not_before.is_some_and(|then| instant < then);
            let held = too_soon || !self.launch_some_first(&mut step, &mut inputs) || !self.save(&mut step);
            // Those who wait for more of a decision are not later because the first of it took a while.
            if !decision.more {
                now = self.clock.now();
            }
            if held {
                step.wake = self.hold(now, inputs, &mut step);
                return step;
            }
            if std::mem::take(&mut self.holding) {
                inputs.push(Input::Release);
            }
            for order in std::mem::take(&mut self.pending) {
                inputs.extend(self.carry_out(order, &mut step));
            }
            if inputs.is_empty() && !decision.more {
                step.settled = self.unseen.is_empty();
                return step;
            }
        }
    }

    /// What the planner wants done is kept until it is recorded, but for what needs no record: a question, whose answer is
    /// waited for, and an abort, for who ends the run that fills the disk must not wait for the disk. (A run that is
    /// aborted was launched: in one decision launches are last, and none is kept from one to the next.)
    fn take_up(&mut self, orders: Vec<Order>, step: &mut Step) {
        for order in orders {
            match order {
                Order::ConfirmGone(job) => step.errands.push(Errand::ConfirmGone(job)),
                Order::Abort(run) => self.abort(&run),
                Order::ReadWhole if self.pending.contains(&Order::ReadWhole) => {}
                order => self.pending.push(order),
            }
        }
    }

    fn abort(&mut self, run: &RunId) {
        if let Some(preparing) = self.preparing.get_mut(run) {
            preparing.aborted = true;
        } else if let Err(error) = self.launcher.abort(run) {
            tracing::error!(%run, "not aborted: {error}");
        }
    }

    /// Nothing else is carried out that is not recorded first. A launch is not kept for later as it is: its plan
    /// may be edited or stopped before the ledger is back, so it goes back into the planner's queue.
    /// What those came to that were launched before the ledger failed is told all the same: `inputs`. Gives when to wake.
    fn hold(&mut self, now: DateTime<Utc>, inputs: Vec<Input>, step: &mut Step) -> Option<DueTime> {
        self.holding = true;
        let is_launch = |order: &Order| matches!(order, Order::Launch { .. });
        let (launches, others) = std::mem::take(&mut self.pending).into_iter().partition(is_launch);
        self.pending = others;
        let runs = launches.into_iter().filter_map(|order: Order| match order {
            Order::Launch { run } => Some(run.id),
            _ => None,
        });
        let hold = Input::Hold(runs.collect());
        let decision = self.planner.handle(now, inputs.into_iter().chain([hold]));
        self.add(decision.records);
        self.take_up(decision.orders, step);
        decision.wake
    }

    /// Records, to be saved with those that are not yet.
    fn add(&mut self, records: Vec<Record>) {
        let planner = &self.planner;
        let adjoins =
            |one: &VerdictRecord, next: &VerdictRecord| planner.adjoins(&one.job, one.last, next.first);
        self.unsaved.add(records, adjoins);
    }

    /// Tells whether the ledger has it all.
    fn save(&mut self, step: &mut Step) -> bool {
        let records = self.unsaved.take();
        match self.keep(records, step) {
            Ok(()) => true,
            Err(records) => {
                self.unsaved.put_back(records);
                false
            }
        }
    }

    /// Has the ledger take these, all of them or none: then they are given back.
    fn keep(&mut self, records: Vec<Record>, step: &mut Step) -> Result<(), Vec<Record>> {
        if records.is_empty() {
            return Ok(());
        }
        let began = self.clock.monotonic();
        if let Err(error) = self.store.commit(&records) {
            let now = self.clock.monotonic();
            self.not_before = Some(now + unsaved::pause(now.saturating_sub(began)));
            self.witness.unrecorded(&error.to_string());
            if let StoreError::Refused(why) = error {
                step.refused = Some(why);
            }
            return Err(records);
        }
        self.not_before = None;
        // With its run's end a record that was made before its backup is due to be told.
        let for_the_outbox = |record: &Record| match record {
            Record::Report { .. }
            | Record::Backup { .. }
            | Record::SessionEnd { .. }
            | Record::Withdraw { .. } => true,
            Record::Run(run) => matches!(run.state, RunState::Done(_)),
            _ => false,
        };
        if records.iter().any(for_the_outbox) {
            step.errands.push(Errand::Deliver);
        }
        self.witness.recorded(&records);
        Ok(())
    }

    /// Carries out one order. What that leads to at once is the next input.
    fn carry_out(&mut self, order: Order, step: &mut Step) -> Option<Input> {
        match order {
            // Never kept.
            Order::ConfirmGone(_) | Order::Abort(_) => None,
            Order::AskSession(ask) => {
                // While the question waited for the ledger its run may have been withdrawn.
                if self.planner.asks_for(&ask.run) {
                    step.errands.push(Errand::AskSession(ask));
                }
                None
            }
            Order::ReadWhole => {
                step.errands.push(Errand::ReadWhole);
                None
            }
            Order::ForgetRun(run) => {
                self.launcher.forget(&run);
                None
            }
            Order::Launch { run } => self.begin(run, step),
        }
    }

    /// Starts a run of what its plan's document says by now: edits are recorded before anything is launched.
    fn begin(&mut self, run: RunRecord, step: &mut Step) -> Option<Input> {
        let document = match self.store.document(&run.job) {
            Ok(document) => document.unwrap_or_default(),
            Err(StoreError::Away(detail)) => {
                let why = NotStarted::Away { detail };
                return Some(Input::NotStarted { run: run.id, why });
            }
            Err(StoreError::Refused(why)) => {
                step.refused = Some(why);
                return None;
            }
        };
        let plan = match plan::parse(&document, run.job.as_str()) {
            Ok(parsed) => Arc::new(parsed.plan),
            Err(problems) => {
                let why = problems.first().map_or("", |problem| &problem.error);
                return Some(self.not_started(run.id, format!("its document cannot be used: {why}")));
            }
        };
        if !self.recipes.needs_preparation(&plan) {
            return self.launch(run, &plan, &Drafts::new());
        }
        step.errands.push(Errand::Prepare(run.id.clone()));
        let (id, aborted) = (run.id.clone(), false);
        self.preparing.insert(id, Preparing { run, plan, aborted });
        None
    }

    /// A plan's document, as it was last kept; `None` when there is none, or it cannot be read.
    pub fn document(&self, job: &JobId) -> Option<Arc<str>> {
        self.store.document(job).ok().flatten()
    }

    /// What is to be prepared for.
    pub fn preparing(&self, run: &RunId) -> Option<(&RunRecord, &Arc<Plan>)> {
        self.preparing
            .get(run)
            .map(|preparing| (&preparing.run, &preparing.plan))
    }

    /// The run is prepared: it starts, unless it must not, or may not any more, or was aborted meanwhile.
    pub fn prepared(&mut self, run: &RunId, prepared: Prepared) -> Step {
        let Some(Preparing { run, plan, aborted }) = self.preparing.remove(run) else {
            return self.step(Vec::new());
        };
        let input = match prepared {
            _ if aborted => {
                let why = "aborted before it was started".to_owned();
                let end = end_without_start(self.clock.now(), Outcome::Aborted, why);
                Some(Input::Ended { run: run.id, end })
            }
            Ok(_) if !self.planner.may_start(&run.id, self.clock.now()) => {
                let (run, why) = (run.id, NotStarted::Shut);
                Some(Input::NotStarted { run, why })
            }
            Ok(drafts) => self.launch(run, &plan, &drafts),
            Err(why) => Some(self.not_started(run.id, why)),
        };
        self.step(input.into_iter().collect())
    }
}
