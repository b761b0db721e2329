//! How long a run has been waited for, and when that is too long. By the monotonic clock, so that nobody loses patience because the wall clock was set;
//! only how long an earlier daemon waited is known by that one alone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Patience;
use super::traces::Phase;
use crate::clock::Clock;
use crate::planner::Outcome;

/// Since when something is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waited {
    /// Before this daemon did.
    before: TimeDelta,
    /// By the monotonic clock, from when on it does.
    from: Duration,
}

impl Waited {
    /// From now on.
    pub(super) fn anew(clock: &dyn Clock) -> Self {
        Self {
            before: TimeDelta::zero(),
            from: clock.monotonic(),
        }
    }

    /// An earlier daemon has, since then.
    pub(super) fn since(then: DateTime<Utc>, clock: &dyn Clock) -> Self {
        Self {
            before: (clock.now() - then).max(TimeDelta::zero()),
            from: clock.monotonic(),
        }
    }

    /// How long by now.
    pub(super) fn so_far(&self, clock: &dyn Clock) -> TimeDelta {
        let here = self.here(clock);
        self.before.checked_add(&here).unwrap_or(TimeDelta::MAX)
    }

    /// How long this daemon has.
    pub(super) fn here(&self, clock: &dyn Clock) -> TimeDelta {
        let here = clock.monotonic().saturating_sub(self.from);
        TimeDelta::from_std(here).unwrap_or(TimeDelta::MAX)
    }
}

/// What becomes of a run that was waited for so long; `None`: it is waited for. `aborted`: that is wanted, at least. `shown`: the plan's document was just
/// looked at, and shows nothing else; otherwise it could not be.
pub(super) fn given_up(
    phase: &Phase,
    aborted: bool,
    waited: TimeDelta,
    patience: Patience,
    shown: bool,
) -> Option<(Outcome, String)> {
    let Patience {
        start_within,
        run_limit,
    } = patience;
    let lost = match phase {
        Phase::Taken(_) if shown && waited > start_within => {
            if aborted {
                return Some((Outcome::Aborted, "aborted before it started".to_owned()));
            }
            let within = words(start_within);
            let detail = format!("the API took the request, and did not start the plan within {within}");
            return Some((Outcome::Fail, detail));
        }
        // It may have started and ended meanwhile.
        Phase::Taken(_) if waited > run_limit.max(start_within) => {
            "the API took the request, and whether the plan started was never seen".to_owned()
        }
        Phase::Asking if waited > run_limit => {
            "the answer to the request was lost, and whether the plan started was never seen".to_owned()
        }
        // By our own clock: the API's may be minutes away from it.
        Phase::Running(..) if waited > run_limit => {
            let limit = words(run_limit);
            format!("no end of it was seen within {limit} (dispatch.run_limit)")
        }
        _ => return None,
    };
    Some((Outcome::Lost, lost))
}

/// A length of time, for people.
fn words(length: TimeDelta) -> humantime::FormattedDuration {
    humantime::format_duration(length.to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::{Patience, given_up};
    use crate::launch::event::course::UnderWay;
    use crate::launch::event::traces::Phase;
    use crate::planner::Outcome;

    #[test]
    fn what_could_not_be_looked_at_is_lost_at_last_and_never_a_failure() {
        let patience = Patience {
            start_within: TimeDelta::hours(1),
            run_limit: TimeDelta::hours(24),
        };
        let outcome = |phase: &Phase, aborted, hours, shown| {
            let waited = TimeDelta::hours(hours) + TimeDelta::seconds(1);
            given_up(phase, aborted, waited, patience, shown).map(|(outcome, _)| outcome)
        };
        let at = DateTime::UNIX_EPOCH;
        let taken = &Phase::Taken(at);
        assert_eq!(outcome(taken, false, 0, true), None);
        assert_eq!(outcome(taken, false, 1, true), Some(Outcome::Fail));
        assert_eq!(outcome(taken, true, 1, true), Some(Outcome::Aborted));
        assert_eq!(outcome(taken, true, 23, false), None);
        assert_eq!(outcome(taken, true, 24, false), Some(Outcome::Lost));
        let under_way = UnderWay {
            started: None,
            said_running: true,
        };
        for phase in [Phase::Asking, Phase::Running(at, under_way)] {
            for shown in [true, false] {
                assert_eq!(outcome(&phase, false, 23, shown), None);
                assert_eq!(outcome(&phase, false, 24, shown), Some(Outcome::Lost));
            }
        }
    }
}
