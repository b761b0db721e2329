//! Many plans are due at one second, most of them are alike, and there is no place for them: they wait together.
//!
//! A run by itself is a record, a name, a place among the open runs and one in the queue, in as many corners of the
//! memory; nearly all of a hundred thousand need none of that for hours. So a plan that waits with others is a seat in a line of
//! the [`queue`](super::queue), one mark at its [`front`](super::front), and one in a record that is of all of them. It gets a run of
//! its own when it is its turn, or anything else happens to its plan.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::plan::JobId;
use crate::schedule::{DueTime, Missed};

use super::directory::Jobs;
use super::lines::Leaver;
use super::owners::Owner;
use super::queue::measure;
use super::seat::Seat;
use super::{Decision, Planner, Record, RunId, RunRecord, Verdict, VerdictRecord};

/// Runs of many plans that are due at one second, and wait for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Whose. Each is there once.
    pub jobs: Jobs,
    /// The due time they serve.
    pub due: DueTime,
    /// When that was decided.
    pub decided: DateTime<Utc>,
}

impl Queued {
    /// The verdict of one of its plans.
    #[must_use]
    pub fn verdict(&self, job: JobId) -> VerdictRecord {
        VerdictRecord {
            verdict: Verdict::Run(RunId::new(&job, self.due)),
            job,
            first: self.due,
            last: self.due,
            count: 1,
            decided: self.decided,
        }
    }

    /// The run of one of its plans; whose that is and how often it is due is for the plan to say.
    #[must_use]
    pub fn run(&self, job: JobId) -> RunRecord {
        RunRecord::new(job, self.due, self.decided)
    }

    /// A verdict for each of its plans.
    pub fn verdicts(&self) -> impl Iterator<Item = VerdictRecord> + '_ {
        self.jobs.iter().map(|job| self.verdict(job.clone()))
    }

    /// A run for each of its plans.
    pub fn runs(&self) -> impl Iterator<Item = RunRecord> + '_ {
        self.jobs.iter().map(|job| self.run(job.clone()))
    }
}

/// Which runs would start if they were decided now.
enum Places {
    /// None.
    Taken,
    /// Only those of other projects.
    KeptFrom(Option<Owner>),
    /// Some.
    Free,
}

impl Planner {
    /// The runs of these plans, which are alike, wait together from now on, if none of them can start now. Gives back those of
    /// which nothing was decided.
    pub(super) fn wait_together(
        &mut self,
        now: DateTime<Utc>,
        seats: Vec<Seat>,
        missed: Missed,
        out: &mut Decision,
    ) -> Vec<Seat> {
        let due = missed.last;
        let (waiting, others) = match self.places() {
            // What was missed before is coalesced into each one's own run.
            _ if missed.count > 1 => (Vec::new(), seats),
            Places::Taken => (seats, Vec::new()),
            Places::Free => (Vec::new(), seats),
            Places::KeptFrom(barred) => seats
                .into_iter()
                .partition(|seat| Some(self.slots.owners().of(*seat)) == barred),
        };
        if let [_, _, ..] = *waiting {
            self.line_up(now, due, waiting, out);
            others
        } else {
            let mut all = [waiting, others].concat();
            all.sort();
            all
        }
    }

    fn places(&self) -> Places {
        if self.holding || self.open.busy() >= self.policy.max_concurrent {
            return Places::Taken;
        }
        match self.barred() {
            Some(project) => Places::KeptFrom(self.slots.owners().number(&project)),
            None => Places::Free,
        }
    }

    fn line_up(&mut self, now: DateTime<Utc>, due: DueTime, seats: Vec<Seat>, out: &mut Decision) {
        let Some(slot) = seats.first().and_then(|seat| self.slots.at(*seat)) else {
            return;
        };
        let next = slot.timetable.next(due).map(|next| next.due);
        let cadence = measure(slot.cadence(due));
        self.slots.wait_all(&seats, due, next);
        let mut lines: HashMap<Owner, Vec<Seat>, foldhash::fast::RandomState> = HashMap::default();
        for seat in &seats {
            lines
                .entry(self.slots.owners().of(*seat))
                .or_default()
                .push(*seat);
        }
        for (owner, seats) in lines {
            if let Some(project) = self.slots.owners().project(owner) {
                self.queue
                    .lines
                    .line_up((project.clone(), cadence, due, now), seats);
            }
        }
        out.records.push(Record::Queued(Queued {
            jobs: self.slots.jobs(seats.clone()),
            due,
            decided: now,
        }));
        if let Some(next) = next {
            self.timers.set_all(next, seats);
        }
    }

    /// The plan that sits there waits with others no more: from now on its run is one by itself, in the queue.
    pub(super) fn part(&mut self, seat: Seat) {
        let Some(slot) = self.slots.at(seat).filter(|slot| slot.front.waits()) else {
            return;
        };
        let (project, due) = (&slot.slot.plan.project, slot.front.covered);
        if let Some(leaver) = self
            .queue
            .lines
            .leave(project, measure(slot.cadence(due)), due, seat)
        {
            self.parted(leaver);
        }
    }

    /// The same, of the plan of this id.
    pub(super) fn part_job(&mut self, job: &JobId) {
        if let Some(seat) = self.slots.seat(job) {
            self.part(seat);
        }
    }

    /// All that wait together wait by themselves.
    pub(super) fn part_all(&mut self) {
        for seat in self.queue.lines.seats() {
            self.part(seat);
        }
    }

    /// Who has left its line gets a run by itself, in the queue. What is recorded of it still holds, until the run is changed.
    pub(super) fn parted(&mut self, leaver: Leaver) -> Option<RunId> {
        let due = self.slots.stop_waiting(leaver.seat)?;
        let mut slot = self.slots.at_mut(leaver.seat)?;
        let run = RunRecord {
            project: slot.plan.project.clone(),
            cadence: slot.cadence(due),
            ..RunRecord::new(slot.plan.id.clone(), due, leaver.decided)
        };
        slot.open = Some(run.id.clone());
        slot.ran = Some(due);
        let id = run.id.clone();
        self.queue.push(&run);
        self.open.insert(run);
        Some(id)
    }
}
