//! Many plans are due at one second, and most of them are alike: what is decided of one is decided of all.
//!
//! A cloud's plans share their schedules, so a hundred thousand may be due at once. Looking at each by itself costs little
//! to think and much to fetch: their slots lie far apart, and a record for each fills fresh memory. So those that are
//! due by one timetable, and have nothing of their own that a verdict looks at, are judged once. Of the others only the
//! [`front`](super::front) is fetched, in passes so short that the processor fetches many at a time; and their one record
//! holds their seats, and not their ids ([`directory`](super::directory)).

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::plan::JobId;
use crate::schedule::{DueTime, Missed};

use super::due::Judgement;
use super::front::Likeness;
use super::seat::Seat;
use super::{Decision, Planner, Reason, Record, Verdict, VerdictRecord};

pub use super::directory::Jobs;

/// Due times of many plans that are skipped for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Whose. Each is there once.
    pub jobs: Jobs,
    /// Of each plan the earliest due time it covers.
    pub first: DueTime,
    /// The latest.
    pub last: DueTime,
    /// How many of each plan.
    pub count: u64,
    /// Why.
    pub reason: Reason,
    /// When that was decided.
    pub decided: DateTime<Utc>,
}

impl Skipped {
    /// The verdict of one of its plans.
    #[must_use]
    pub fn verdict(&self, job: JobId) -> VerdictRecord {
        VerdictRecord {
            job,
            first: self.first,
            last: self.last,
            count: self.count,
            verdict: Verdict::Skipped(self.reason),
            decided: self.decided,
        }
    }

    /// A verdict for each of its plans.
    pub fn verdicts(&self) -> impl Iterator<Item = VerdictRecord> + '_ {
        self.jobs.iter().map(|job| self.verdict(job.clone()))
    }
}

/// Plans of which nothing was decided.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    /// Those that are alike and run, as far as it goes by what they have in common. In order.
    pub(super) run: Vec<Vec<Seat>>,
    /// The others, in order.
    pub(super) each: Vec<Seat>,
}

impl Undecided {
    pub(super) fn len(&self) -> usize {
        let alike = self.run.iter().map(Vec::len);
        alike.sum::<usize>().saturating_add(self.each.len())
    }

    /// But for these, which are in order.
    pub(super) fn leave_out(&mut self, those: &[Seat]) {
        for seats in self.run.iter_mut().chain([&mut self.each]) {
            let mut gone = those.iter().peekable();
            seats.retain(|seat| {
                while gone.next_if(|gone| *gone < seat).is_some() {}
                gone.peek() != Some(&seat)
            });
        }
    }

    /// All of them, in order.
    pub(super) fn seats(self) -> Vec<Seat> {
        let mut all = self.run.concat();
        all.extend(self.each);
        all.sort();
        all
    }
}

impl Planner {
    /// Gives those of the plans at these seats their verdict, and their next timer, that are alike, and do not run or wait
    /// together. All are due at `due`, and they are in order. Gives back the others: nothing was decided of them.
    pub(super) fn decide_alike(
        &mut self,
        now: DateTime<Utc>,
        due: DueTime,
        seats: Vec<Seat>,
        out: &mut Decision,
    ) -> Undecided {
        let (alike, mut each) = self.tell_apart(seats);
        let mut run = Vec::new();
        for seats in alike {
            match self.judge_alike(&seats, due, DueTime::floor(now)) {
                Some((
                    missed,
                    Judgement::Skip {
                        reason,
                        covered: None,
                    },
                )) => {
                    self.skip(now, seats, missed, reason, out);
                }
                Some((missed, Judgement::Run { not_before: None })) => {
                    run.push(self.wait_together(now, seats, missed, out));
                }
                _ => each.extend(seats),
            }
        }
        each.sort();
        Undecided { run, each }
    }

    /// Those that are alike, together; and those that have something of their own.
    fn tell_apart(&self, seats: Vec<Seat>) -> (Vec<Vec<Seat>>, Vec<Seat>) {
        let mut alike: Vec<Vec<Seat>> = Vec::new();
        let mut others = Vec::new();
        let mut places: HashMap<Likeness, usize, foldhash::fast::RandomState> = HashMap::default();
        // Mostly it is like the one before it.
        let mut latest = None;
        for seat in seats {
            let likeness = self.slots.likeness(seat);
            if likeness == Likeness::NONE || likeness == Likeness::WAITS {
                others.push(seat);
                continue;
            }
            let place = match latest {
                Some((same, place)) if same == likeness => place,
                _ => *places.entry(likeness).or_insert(alike.len()),
            };
            latest = Some((likeness, place));
            match alike.get_mut(place) {
                Some(seats) => seats.push(seat),
                None => alike.push(vec![seat]),
            }
        }
        (alike, others)
    }

    /// What is made of the due times of these plans, from `due` to `now`; `None`: that is for each by itself.
    fn judge_alike(&self, seats: &[Seat], due: DueTime, now: DueTime) -> Option<(Missed, Judgement)> {
        let [first, _, ..] = seats else { return None };
        let slot = self.slots.at(*first)?;
        if slot.is_now() {
            return None;
        }
        let missed = slot.timetable.missed_from(due, now)?;
        Some((missed, self.judge(&slot, missed, now)))
    }

    /// Gives all of these plans this verdict, and their next timer.
    fn skip(
        &mut self,
        now: DateTime<Utc>,
        seats: Vec<Seat>,
        missed: Missed,
        reason: Reason,
        out: &mut Decision,
    ) {
        let first = seats.first().and_then(|seat| self.slots.at(*seat));
        let next = first.and_then(|slot| slot.timetable.next(missed.last));
        let next = next.map(|next| next.due);
        self.slots.cover_all(&seats, missed.last, next);
        out.records.push(Record::Skipped(Skipped {
            jobs: self.slots.jobs(seats.clone()),
            first: missed.first,
            last: missed.last,
            count: missed.count,
            reason,
            decided: now,
        }));
        if let Some(due) = next {
            self.timers.set_all(due, seats);
        }
    }
}
