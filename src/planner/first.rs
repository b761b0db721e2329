//! Of more that are due at one second than there are places for, those who get a place are decided first.
//!
//! To decide on a hundred thousand runs takes a moment, and nearly all of them will wait for a place anyway. So those whose
//! turn it is are decided by themselves, and the others once these are launched. Nothing else is changed by it: who has which
//! turn, and who gets a place, is what it would be if all had been decided together. (Of two plans of one
//! project and cadence it may be the other.)

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::schedule::{DueTime, Missed};

use super::alike::Undecided;
use super::due::Judgement;
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
        // Whoever waits together from now on does not wait already.
        let places = self.places_for_those_due(second);
        let mut undecided = self.decide_alike(now, due, seats, out);
        let mut first = self.go_first(due, second, &undecided, places);
        if first.is_empty() {
            self.decide_each(now, due, undecided.seats(), out);
            self.decide_due(now, out);
            return;
        }
        first.sort_unstable();
        undecided.leave_out(&first);
        self.decide_each(now, due, first, out);
        self.timers.set_all(due, undecided.seats());
        self.gone_first = Some(due);
        out.more = true;
    }

    /// Who of those that are due at `due` are to be decided before the others; nobody, if all are to be together. (So are
    /// those that are late: how late each is tells its turn.)
    fn go_first(&self, due: DueTime, now: DueTime, undecided: &Undecided, places: usize) -> Vec<Seat> {
        if due == now && self.gone_first != Some(due) && places > 0 && undecided.len() > places {
            self.first_in_turn(due, undecided, places)
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
    fn first_in_turn(&self, due: DueTime, undecided: &Undecided, places: usize) -> Vec<Seat> {
        // Those that are alike have one measure; all are equally late, so the shorter cadence goes first.
        let alike = undecided.run.iter().map(Vec::as_slice);
        let all = alike.chain(undecided.each.iter().map(std::slice::from_ref));
        let mut all: Vec<(i64, &[Seat])> = all
            .filter_map(|seats| Some((self.runs_by(due, *seats.first()?)?, seats)))
            .collect();
        all.sort_by_key(|(measure, _)| *measure);
        let mut of_project: HashMap<_, Vec<Seat>, foldhash::fast::RandomState> = HashMap::default();
        for seat in all.into_iter().flat_map(|(_, seats)| seats) {
            let plans = of_project.entry(self.slots.owners().of(*seat)).or_default();
            if plans.len() < places {
                plans.push(*seat);
            }
        }
        let mut projects: Vec<_> = of_project
            .into_iter()
            .filter_map(|(owner, plans)| {
                let project = self.slots.owners().project(owner)?;
                Some((self.queue.turn(project), plans.into_iter()))
            })
            .collect();
        // There may be one for each of a hundred thousand plans.
        if projects.len() > places {
            projects.select_nth_unstable_by(places, |(one, _), (other, _)| one.cmp(other));
            projects.truncate(places);
        }
        projects.sort_unstable_by_key(|(turn, _)| *turn);
        let mut first = Vec::new();
        while first.len() < places && !projects.is_empty() {
            first.extend(projects.iter_mut().filter_map(|(_, plans)| plans.next()));
            projects.retain(|(_, plans)| plans.len() > 0);
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
