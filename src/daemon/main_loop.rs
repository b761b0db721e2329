//! The main loop without its waiting: what each thing that comes means, what of it comes first, and what is left for others to
//! do.
//!
//! Synchronous and without a clock or a runtime, so that the simulator lives through years with this very code: the daemon's
//! [`live`](super::live) waits for whatever comes first, hands it over here, and has others see to the [`Errand`]s that are left.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::launch::LaunchEvent;
use crate::plan::{Digests, JobId, Plan};
use crate::planner::{Broken, Input, Policy, RunId, SessionAnswer, SessionAsk};
use crate::schedule::DueTime;

use super::engine::{Engine, Errand, Prepared, Step, Store, Witness, told};
use super::questions::Questions;

/// What came.
#[derive(Debug)]
pub enum Event {
    /// The time that was waited for.
    Due,
    /// The wall clock was set, or the machine was asleep.
    ClockStepped,
    /// No listing, and it was waited for long enough: it goes on with what the ledger has.
    Begin,
    /// A launcher has news of a run.
    Launch(LaunchEvent),
    /// Some plans of a listing that is being read.
    Page(Vec<Plan>),
    /// The end of a listing: all of its plans have come.
    Listed {
        /// When it was asked for.
        began: DateTime<Utc>,
        /// The documents in it, whether they are new or not.
        digests: Arc<Digests>,
        /// Plans in it that cannot be used.
        broken: Vec<Broken>,
    },
    /// A listing has no end.
    BrokenOff,
    /// The source was asked for one plan ([`Errand::ConfirmGone`]); `None`: nothing that can be used.
    Confirmed(JobId, Option<Input>),
    /// A session was asked ([`Errand::AskSession`]).
    Answered(Box<SessionAsk>, SessionAnswer),
    /// A run was prepared ([`Errand::Prepare`]), or must not start.
    Prepared(RunId, Prepared),
    /// Other rules.
    Policy(Box<Policy>),
    /// It is to stop: nothing is decided or launched any more.
    Stop,
    /// Nothing did. What was left undone is tried again.
    Nothing,
}

/// The ledger refuses what was decided, and always will: the daemon must start afresh from it. Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

/// The engine, and where the daemon is with it.
pub struct MainLoop<S, W> {
    /// What it drives.
    pub engine: Engine<S, W>,
    questions: Questions,
    wake: Option<DueTime>,
    settled: bool,
    begun: bool,
    lost: bool,
    stopping: bool,
    /// Plans of a listing that must be taken in at once.
    withheld: Vec<Plan>,
}

impl<S: Store, W: Witness> MainLoop<S, W> {
    /// Nothing has come yet. `lost`: the ledger of before was.
    pub fn new(engine: Engine<S, W>, lost: bool) -> Self {
        Self {
            engine,
            questions: Questions::default(),
            wake: None,
            settled: true,
            begun: false,
            lost,
            stopping: false,
            withheld: Vec::new(),
        }
    }

    /// When to come with [`Event::Due`].
    pub fn wake(&self) -> Option<DueTime> {
        self.wake
    }

    /// Nothing was left undone. If something was, any event has it tried again: soon, please.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// The first listing is in, or was waited for long enough.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// It was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Looks for the runs of an earlier daemon.
    ///
    /// # Errors
    /// When the daemon cannot go on.
    pub fn find_launched(&mut self) -> Result<Vec<Errand>, Refused> {
        let mut errands = Vec::new();
        // Where the ledger was lost, what plans they are of is known only once there is a listing.
        let step = self.engine.find_launched(self.lost);
        self.see_to(step, &mut errands)?;
        Ok(errands)
    }

    /// Takes in what came, in one step with all that runs have to tell by now: that comes first, in its order. (A run that was
    /// prepared starts before that.)
    ///
    /// # Errors
    /// When the daemon cannot go on.
    pub fn take(
        &mut self,
        event: Event,
        news: impl IntoIterator<Item = LaunchEvent>,
    ) -> Result<Vec<Errand>, Refused> {
        let mut errands = Vec::new();
        let (mut inputs, mut others) = (Vec::new(), Vec::new());
        match event {
            Event::Launch(event) => inputs.push(told(event)),
            // Nothing is launched any more; the next daemon begins anew.
            Event::Prepared(..) if self.stopping => {}
            Event::Prepared(run, prepared) => {
                let step = self.engine.prepared(&run, prepared);
                self.see_to(step, &mut errands)?;
            }
            event => others.extend(self.input(event, &mut errands)),
        }
        inputs.extend(news.into_iter().map(told));
        inputs.extend(others);
        // What was left undone is tried again whenever something comes.
        if !inputs.is_empty() || !self.settled {
            let step = self.engine.step(inputs);
            self.see_to(step, &mut errands)?;
        }
        Ok(errands)
    }

    /// What it means to the planner, if anything.
    fn input(&mut self, event: Event, errands: &mut Vec<Errand>) -> Option<Input> {
        match event {
            Event::Due => Some(Input::Tick),
            Event::ClockStepped => Some(Input::ClockStepped),
            Event::Begin => {
                self.begun = true;
                Some(Input::Begin)
            }
            // Where the ledger of before was lost, runs are looked for with the first step, so what they are runs of must be
            // known by then: the first listing is taken in at once.
            Event::Page(plans) if self.lost => {
                self.withheld.extend(plans);
                None
            }
            Event::Page(plans) => Some(Input::Page(plans)),
            Event::Listed {
                began,
                digests,
                broken,
            } => {
                self.begun = true;
                let plans = std::mem::take(&mut self.withheld);
                Some(if std::mem::take(&mut self.lost) {
                    Input::Listing { began, plans, broken }
                } else {
                    Input::Listed {
                        began,
                        digests,
                        broken,
                    }
                })
            }
            Event::BrokenOff => {
                self.withheld.clear();
                Some(Input::BrokenOff)
            }
            Event::Confirmed(job, input) => {
                self.questions.plans.answered(&job);
                self.confirm_on(errands);
                input
            }
            Event::Answered(ask, answer) => {
                self.questions.sessions.answered();
                self.ask_on(errands);
                Some(Input::Session { ask, answer })
            }
            Event::Policy(policy) => Some(Input::Policy(policy)),
            Event::Stop => {
                self.stopping = true;
                Some(Input::Halt)
            }
            Event::Launch(_) | Event::Prepared(..) | Event::Nothing => None,
        }
    }

    fn see_to(&mut self, step: Step, errands: &mut Vec<Errand>) -> Result<(), Refused> {
        if let Some(why) = step.refused {
            return Err(Refused(why));
        }
        self.wake = step.wake;
        self.settled = step.settled;
        for errand in step.errands {
            match errand {
                Errand::ConfirmGone(job) => {
                    let planner = self.engine.planner();
                    let (due, presses) = (planner.needs(&job), planner.presses(&job));
                    self.questions.plans.add(job, due, presses);
                }
                Errand::AskSession(ask) => self.questions.sessions.add(ask),
                Errand::Deliver | Errand::Prepare(_) | Errand::ReadWhole => errands.push(errand),
            }
        }
        self.confirm_on(errands);
        self.ask_on(errands);
        Ok(())
    }

    fn confirm_on(&mut self, errands: &mut Vec<Errand>) {
        errands.extend(std::iter::from_fn(|| self.questions.plans.next()).map(Errand::ConfirmGone));
    }

    fn ask_on(&mut self, errands: &mut Vec<Errand>) {
        errands.extend(std::iter::from_fn(|| self.questions.sessions.next()).map(Errand::AskSession));
    }
}
