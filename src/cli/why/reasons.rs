//! Why a due time did not run, and what can be done about it.

use std::time::Duration;

use super::Scene;
use crate::cli::known::Document;
use crate::cli::times::between;
use crate::config::show_length;
use crate::ledger::LedgerError;
use crate::planner::{CatchUp, Outcome, Reason, RunState, VerdictRecord};
use crate::schedule::DueTime;

/// From so many seconds on, a verdict came late.
const LATE: i64 = 60;

/// What can be done about a lost run.
pub(super) const LOST: &str = "nobody knows whether a lost run left a whole backup: count on the one before, and look into the node's \
     journal of that time";

/// What can be done about a due time that nobody came to.
pub(super) const UNDECIDED: &str =
    "see whether the daemon runs; it decides what it missed as soon as it does";

/// What can be done about a verdict, where something can.
pub(super) fn advice(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Overlap => Some(
            "its runs take longer than the time between its due times: let it be due less often, or see with \
             `freezerd history` how long they take",
        ),
        Reason::Expired => Some(
            "dispatch.catch_up says how late a missed due time may still run; with \"until-next\" none expires",
        ),
        Reason::Disabled => {
            Some("enable the plan, and it runs at its next due time; the past is not made up for")
        }
        Reason::Stopped => {
            Some("start the plan, and it runs at its next due time; the past is not made up for")
        }
        Reason::Unsupported => Some("`freezerd check` tells what the plan lacks"),
        Reason::ExecDenied => {
            Some("dispatch.allow_exec = true lets this node carry out the commands that plans name")
        }
        Reason::OutsideWindow => {
            Some("outside = \"wait\" in its [[window]] lets it wait for the window instead of being skipped")
        }
        Reason::Superseded => None,
        Reason::SessionRefused => Some(
            "with dispatch.session_refused = \"run\" it runs all the same; `freezer session-show` tells when the session \
             started last and with whom",
        ),
        Reason::SessionUnreachable => Some(
            "dispatch.session_wait says how long it waits for the API, and dispatch.session_refused what happens then",
        ),
        Reason::Shadow => Some("without --shadow the daemon launches what it decides"),
        Reason::NoTrust => Some(
            "its user makes it anew, now that this node is registered as a central client: then the API gives it a \
             trust",
        ),
    }
}

impl Scene<'_> {
    /// Why it did not run.
    pub(super) fn skipped(&self, verdict: &VerdictRecord, reason: Reason) -> Result<String, LedgerError> {
        let mut text = match reason {
            Reason::Overlap => return self.overlap(verdict),
            Reason::Expired => return Ok(self.expired(verdict)),
            Reason::Disabled => "its user had disabled it".to_owned(),
            Reason::Stopped => "its user had stopped it".to_owned(),
            Reason::Unsupported => self.unsupported(),
            Reason::ExecDenied => "it has an exec action, which this node does not allow".to_owned(),
            Reason::OutsideWindow => "its window was shut, and it is not to wait for it".to_owned(),
            Reason::Superseded => "the plan was edited or removed before it could start".to_owned(),
            Reason::NoTrust => {
                "it came without a trust, and this node is a central client, which runs plans in their \
                                users' names (api.central)"
                    .to_owned()
            }
            Reason::SessionRefused => {
                "its session did not let it start: it had just started with this plan in it, \
                                       or had started without it"
                    .to_owned()
            }
            Reason::SessionUnreachable => {
                "the API could not be asked whether it may start with its session".to_owned()
            }
            Reason::Shadow => "the daemon ran in shadow: it decides, and launches nothing".to_owned(),
        };
        let decided = DueTime::floor(verdict.decided);
        if decided.since(verdict.last) >= LATE {
            let decided = self.beside(decided, verdict.first);
            text.push_str(&format!(" (decided at {decided})"));
        }
        Ok(text)
    }

    fn overlap(&self, verdict: &VerdictRecord) -> Result<String, LedgerError> {
        let job = &self.overview.known.plan.job;
        let Some(run) = self.reader.run_before(job, verdict.first)? else {
            return Ok("the run before it was not over".to_owned());
        };
        let due = self.beside(run.due, verdict.first);
        Ok(match (run.state, run.ended) {
            (RunState::Done(outcome), Some(ended)) => {
                let at = self.beside(DueTime::floor(ended), verdict.first);
                match outcome {
                    Outcome::Lost => {
                        format!("the run of {due} was not over (it was found to be lost at {at})")
                    }
                    // The news of its end had not come yet.
                    _ if ended < verdict.decided => {
                        format!(
                            "the run of {due} was not known to be over (it ended {at}: {})",
                            outcome.word()
                        )
                    }
                    _ => format!("the run of {due} still ran (it ended {at}: {})", outcome.word()),
                }
            }
            _ => match run.started {
                Some(started) if run.state == RunState::Running => {
                    let so_far = between(started, self.now);
                    format!("the run of {due} still ran (and runs now, for {so_far})")
                }
                _ => format!("the run of {due} was not over (it is {} now)", run.state.word()),
            },
        })
    }

    fn expired(&self, verdict: &VerdictRecord) -> String {
        let decided = DueTime::floor(verdict.decided);
        let late = between(verdict.last.instant(), verdict.decided);
        let at = self.beside(decided, verdict.first);
        let which = if verdict.count > 1 {
            "the last of them"
        } else {
            "it"
        };
        let limit = match self.policy.catch_up {
            CatchUp::Within(seconds) if decided.since(verdict.last) > seconds => {
                format!("later than catch_up = {} allows", text_of(seconds))
            }
            CatchUp::Within(seconds) => {
                format!(
                    "later than catch_up allowed then (it is {} now)",
                    text_of(seconds)
                )
            }
            CatchUp::UntilNext => "later than catch_up allowed then (it is until-next now)".to_owned(),
        };
        format!("the daemon came to it {late} after {which} was due (at {at}), {limit}")
    }

    fn unsupported(&self) -> String {
        let unsupported = match &self.overview.known.document {
            Document::Usable(plan) => self.policy.capabilities.unsupported(plan),
            Document::Gone | Document::Broken(_) => None,
        };
        unsupported.map_or_else(
            || "it had no actions, or one that this node cannot carry out".to_owned(),
            |unsupported| unsupported.to_string(),
        )
    }
}

/// As the configuration has it: `10m`, `1h30m`.
fn text_of(seconds: i64) -> String {
    show_length(Duration::from_secs(seconds.max(0).unsigned_abs()))
}
