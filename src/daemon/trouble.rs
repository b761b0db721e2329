//! What is wrong with the plans of the last listing: each problem is told once, and of very many only how many there are.

use std::collections::BTreeSet;

use crate::plan::Problem;
use crate::planner::MOST_PLANS;

/// New problems of one listing that are told one by one.
const TOLD: usize = 100;

/// A problem: whose, at which key, with which text there, and what.
type Known = (String, String, String, String);

/// The problems of the last listing.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    known: BTreeSet<Known>,
    /// Those that are not kept.
    further: usize,
    /// Plans that are too many.
    turned_away: usize,
}

impl Trouble {
    /// How much there is.
    pub(super) fn count(&self) -> usize {
        self.known.len() + self.further + self.turned_away
    }

    /// A listing is in: what is new of its problems is told. There are `further` ones.
    pub(super) fn tell(&mut self, problems: Vec<Problem>, further: usize) {
        let (new, untold) = self.renew(problems, further);
        for (job_id, field, text, error) in new {
            tracing::warn!(%job_id, field, text, "a plan has a problem: {error}");
        }
        if untold > 0 {
            tracing::warn!("{untold} more problems of plans are new; `freezerd check` shows them all");
        }
    }

    /// The first of those that are new, and how many there are beside them.
    fn renew(&mut self, problems: Vec<Problem>, further: usize) -> (Vec<Known>, usize) {
        let problems: BTreeSet<Known> = problems
            .into_iter()
            .map(|one| (one.job_id, one.field, one.text, one.error))
            .collect();
        let mut new = problems.difference(&self.known);
        let told: Vec<Known> = new.by_ref().take(TOLD).cloned().collect();
        let untold = new.count() + further.saturating_sub(self.further);
        (self.known, self.further) = (problems, further);
        (told, untold)
    }

    /// So many plans of the listing that is over were not taken in.
    pub(super) fn turned_away(&mut self, plans: usize) {
        if plans > 0 {
            tracing::error!(
                plans,
                "these are not taken in: {MOST_PLANS} plans are known, and one node carries no more; give the node a \
                 client_id or a project of its own"
            );
        }
        self.turned_away = plans;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(count: usize) -> Vec<Problem> {
        let one = |number: usize| Problem::new(&format!("j{number:04}"), "field", "text", "error");
        (0..count).map(one).collect()
    }

    #[test]
    fn of_very_many_the_first_are_told_and_the_others_counted_once() {
        let mut trouble = Trouble::default();
        let (told, untold) = trouble.renew(problems(130), 7);
        assert_eq!((told.len(), untold, trouble.count()), (TOLD, 37, 137));
        let (told, untold) = trouble.renew(problems(131), 7);
        assert_eq!((told.len(), untold, trouble.count()), (1, 0, 138));
        assert_eq!(told[0].0, "j0130");
        trouble.turned_away(3);
        assert_eq!(trouble.count(), 141);
        let (told, untold) = trouble.renew(Vec::new(), 0);
        assert_eq!((told.len(), untold, trouble.count()), (0, 0, 3));
    }
}
