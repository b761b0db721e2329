//! Of more that are due at one second than there are places for, those who get a place are decided first.
//!
//! To decide on a hundred thousand runs takes a moment, and nearly all of them will wait for a place anyway. So those whose
//! turn it is are decided by themselves, and the others once these are launched. Nothing else is changed by it: who has which
//! turn, and who gets a place, is what it would be if all had been decided together. (Of two plans of one
//! project and cadence it may be the other.)

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::schedule::{DueTime, Missed};

use super::due::Judgement;
use super::front::Likeness;
use super::queue::measure;
use super::seat::Seat;
use super::slot::Seated;
use super::{Decision, Phase, Planner, RunId};

impl Planner {
    /// Gives what has come due its verdict: if there are more than places, those who get one, once; the others stay due
    /// ([`Decision::more`]).
    pub(super) fn decide_first(&mut self, now: DateTime<Utc>, out: &mut Decision) {
        let second = DueTime::floor(now);
        let Some((due, seats)) = self.timers.take_due(second) else {
            return;
        };
        let mut seats = self.decide_alike(now, due, seats, out);
        let mut first = self.go_first(due, second, &seats);
        if first.is_empty() {
            self.decide_each(now, due, seats, out);
            self.decide_due(now, out);
            return;
        }
        first.sort_unstable();
        seats.retain(|seat| first.binary_search(seat).is_err());
        self.decide_each(now, due, first, out);
        self.timers.set_all(due, seats);
        self.gone_first = Some(due);
        out.more = true;
    }

    /// Who of those that are due at `due` are to be decided before the others; nobody, if all are to be together. (So are
    /// those that are late: how late each is tells its turn.)
    fn go_first(&self, due: DueTime, now: DueTime, seats: &[Seat]) -> Vec<Seat> {
        let places = self.places_for_those_due(now);
        if due == now && self.gone_first != Some(due) && places > 0 && seats.len() > places {
            self.first_in_turn(due, seats, places)
        } else {
            Vec::new()
        }
    }

    /// How many of those that are due now get a place; none, if anybody waits already: whose turn it is then is for the queue
    /// to say. (The last place may be kept for another project.)
    fn places_for_those_due(&self, now: DueTime) -> usize {
        let comes = self.held.first().is_some_and(|(opens, _)| *opens <= now);
        if self.phase != Phase::Live || self.holding || self.queue.len() > 0 || comes {
            return 0;
        }
        self.policy.max_concurrent.saturating_sub(self.open.busy())
    }

    /// Whose runs the queue would let go first, so many of them. (One that asks its session takes no place meanwhile: then one of
    /// the others gets it, in its turn.)
    fn first_in_turn(&self, due: DueTime, seats: &[Seat], places: usize) -> Vec<Seat> {
        let mut of_project: HashMap<_, Vec<_>, foldhash::fast::RandomState> = HashMap::default();
        let mut known: HashMap<_, _, foldhash::fast::RandomState> = HashMap::default();
        for seat in seats {
            let measure = match self.slots.likeness(*seat) {
                Likeness::NONE | Likeness::WAITS => self.runs_by(due, *seat),
                likeness => *known.entry(likeness).or_insert_with(|| self.runs_by(due, *seat)),
            };
            if let Some(measure) = measure {
                let plans = of_project.entry(self.slots.owner(*seat)).or_default();
                plans.push((measure, *seat));
            }
        }
        let projects = of_project.into_iter().filter_map(|(owner, plans)| {
            let project = self.slots.owners().project(owner)?;
            Some((self.queue.turn(project), plans))
        });
        let projects = lowest(projects.collect(), places, |(turn, _)| *turn).into_iter();
        // All are equally late: the shorter cadence goes first.
        let in_order = |plans| lowest(plans, places, |place| *place).into_iter();
        let mut projects: Vec<_> = projects.map(|(_, plans)| in_order(plans)).collect();
        let mut first = Vec::new();
        while first.len() < places && !projects.is_empty() {
            first.extend(projects.iter_mut().filter_map(|plans| Some(plans.next()?.1)));
            projects.retain(|plans| plans.len() > 0);
        }
        first.truncate(places);
        first
    }

    /// The measure of this plan's run, if it runs at `due`, and then.
    fn runs_by(&self, due: DueTime, seat: Seat) -> Option<i64> {
        let slot = self.slots.at(seat)?;
        self.runs_at_once(&slot, due, due)?;
        Some(measure(slot.cadence(due)))
    }

    /// What is undecided of a plan, from `due` on, if it runs and waits for nothing but a place.
    fn runs_at_once(&self, slot: &Seated, due: DueTime, now: DueTime) -> Option<Missed> {
        if slot.front.waits() {
            return None;
        }
        let missed = slot.undecided_from(due, now)?;
        let judgement = self.judge(slot, missed, now);
        matches!(judgement, Judgement::Run { not_before: None }).then_some(missed)
    }

    /// A run that will start as soon as it is recorded, if `now` is when it is decided: a guess, by one of the plans that are
    /// due, for those who can get something ready meanwhile. Nothing is decided by it.
    #[must_use]
    pub fn about_to_start(&self, now: DateTime<Utc>) -> Option<RunId> {
        let second = DueTime::floor(now);
        let (due, seat) = self.timers.peek_due(second)?;
        // The last place may be kept for another project.
        if self.places_for_those_due(second) <= usize::from(self.policy.max_concurrent > 1) {
            return None;
        }
        let slot = self.slots.at(seat).filter(|slot| slot.front.armed == Some(due))?;
        let missed = self.runs_at_once(&slot, due, second)?;
        let in_doubt = self.doubts.until(&slot.plan.id, second).is_some();
        (!in_doubt).then(|| RunId::new(&slot.plan.id, missed.last))
    }
}

/// The lowest `most` of these, in order.
fn lowest<T, K: Ord>(mut all: Vec<T>, most: usize, key: impl Fn(&T) -> K) -> Vec<T> {
    let order = |one: &T, other: &T| key(one).cmp(&key(other));
    if all.len() > most {
        all.select_nth_unstable_by(most, order);
        all.truncate(most);
    }
    all.sort_unstable_by(order);
    all
}
