//! When a great many plans are due at once, the first of them do not wait until the verdicts of all are on the disk.
//!
//! Due times of different plans have nothing to do with each other: a ledger that has the verdicts and runs of some of
//! them is what it would be if the others had not been looked at yet, and a daemon that starts from it decides those
//! as it decides any that fell due while it was away. So of a burst the runs that have a place are recorded and launched in
//! portions, small ones first, and all the rest after that. Still nothing is launched that is not recorded.

use std::collections::HashMap;

use crate::plan::JobId;
use crate::planner::{Input, Order, Record, RunState};

use super::{Engine, Step, Store, Witness};

/// With fewer records than this the whole decision is one transaction: nobody would see the difference.
const BURST: usize = 32;
/// So many runs are in the first portion; each further one has twice as many.
const FIRST: usize = 2;

/// Some of the runs that have a place.
#[derive(Default)]
struct Portion {
    /// All that was decided of their plans.
    records: Vec<Record>,
    launches: Vec<Order>,
}

impl<S: Store, W: Witness> Engine<S, W> {
    /// Of a burst: has the runs that have a place recorded and launched, and leaves the rest undone. What that leads to
    /// is added to `inputs`. `false`: the ledger did not take some of it.
    pub(super) fn launch_some_first(&mut self, step: &mut Step, inputs: &mut Vec<Input>) -> bool {
        if self.holding
            || self.unsaved.records.iter().map(Record::count).sum::<usize>() < BURST
            || !self.unsaved.records.iter().all(is_of_a_due_time)
        {
            return true;
        }
        let mut portions = self.portions().into_iter();
        while let Some(Portion { records, launches }) = portions.next() {
            if let Err(mut records) = self.keep(records, step) {
                self.pending.extend(launches);
                for portion in portions {
                    records.extend(portion.records);
                    self.pending.extend(portion.launches);
                }
                records.append(&mut self.unsaved.take());
                self.unsaved.put_back(records);
                return false;
            }
            for order in launches {
                inputs.extend(self.carry_out(order, step));
            }
        }
        true
    }

    /// Takes what is to be launched, and what was decided of it, out of what is still to be done.
    fn portions(&mut self) -> Vec<Portion> {
        let mut portions: Vec<Portion> = Vec::new();
        let mut portion_of: HashMap<JobId, usize, foldhash::fast::RandomState> = HashMap::default();
        let mut room = 0;
        for launch in self.pending.extract_if(.., |order| job_of(order).is_some()) {
            if portions.last().is_none_or(|last| last.launches.len() >= room) {
                room = if portions.is_empty() { FIRST } else { 2 * room };
                portions.push(Portion::default());
            }
            let number = portions.len() - 1;
            portion_of.extend(job_of(&launch).map(|job| (job.clone(), number)));
            if let Some(portion) = portions.last_mut() {
                portion.launches.push(launch);
            }
        }
        let number = |record: &Record| job_in(record).and_then(|job| portion_of.get(job)).copied();
        for record in self
            .unsaved
            .records
            .extract_if(.., |record| number(record).is_some())
        {
            if let Some(portion) = number(&record).and_then(|number| portions.get_mut(number)) {
                portion.records.push(record);
            }
        }
        portions
    }
}

/// Whose run an order launches, if it does.
fn job_of(order: &Order) -> Option<&JobId> {
    match order {
        Order::Launch { run } => Some(&run.job),
        _ => None,
    }
}

fn job_in(record: &Record) -> Option<&JobId> {
    match record {
        Record::Verdict(verdict) => Some(&verdict.job),
        Record::Run(run) => Some(&run.job),
        // Who is among these has nothing to launch.
        _ => None,
    }
}

/// Whether a record is of a due time that came, and nothing else: what else there is may depend on the records before it.
fn is_of_a_due_time(record: &Record) -> bool {
    match record {
        Record::Verdict(_) | Record::Skipped(_) | Record::Queued(_) => true,
        Record::Run(run) => matches!(run.state, RunState::Queued | RunState::Starting),
        _ => false,
    }
}
