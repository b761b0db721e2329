//! Sessions: plans of several nodes that run as one. Before a run of such a plan is launched the API is asked
//! whether it may start with the session; at its end the session is told how it went.
//!
//! The API counts rounds in the session's tag. Who comes first, outside the hold-off, starts a round and the tag
//! moves on by one; the others join it during the hold-off with the tag of the round before. Whoever has the
//! tag already is held off; whoever comes late is out of sync. So an ask may be repeated after a lost answer:
//! within the hold-off the old tag joins once more, and after it the session itself says that we are in.
//!
//! A run that waits for its session takes no place and holds up nobody: it waits where runs wait for their window.

mod ends;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::{JobId, ProjectId};
use crate::schedule::{DueTime, Kind};

use super::{Brief, Decision, Outcome, Planner, Reason, Record, RunId, RunRecord};

use ends::{end, leave};
pub(super) use ends::{told, withdrawn};

/// The longest pause between two asks, in seconds.
const LONGEST_PAUSE: i64 = 60;

/// What becomes of a run that its session does not let start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionRefused {
    /// It is skipped.
    Skip,
    /// It runs all the same.
    Run,
}

/// Why a session does not let a run start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The session has just started, with this plan in it.
    HoldOff,
    /// The session has started without this plan.
    OutOfSync,
    /// The session does not know this plan.
    NotMember,
    /// There is no such session any more.
    NoSession,
    /// The API cannot be asked.
    Unreachable,
}

impl Refusal {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HoldOff => "hold-off",
            Self::OutOfSync => "out-of-sync",
            Self::NotMember => "not-a-member",
            Self::NoSession => "no-session",
            Self::Unreachable => "unreachable",
        }
    }
}

/// How a run stands to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// It waits to be let in.
    Waiting,
    /// It starts with the session.
    Joined,
    /// It starts without the session: `refused` says why.
    Alone,
}

/// A run's part in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Which session.
    pub session: String,
    /// The round: the last one we know to have been in, and once it has joined, the one it is in.
    pub tag: i64,
    /// When it first asked.
    pub asked: DateTime<Utc>,
    /// How it stands.
    pub admission: Admission,
    /// What it was told last, if that was no.
    pub refused: Option<Refusal>,
    /// It was asked for, and what came of that is not known: the API may count it in.
    #[serde(default)]
    pub unheard: bool,
    /// It is asked for again at once, as the session turned out to be in another round. In a row that is done once.
    #[serde(default)]
    pub again: bool,
}

/// A question to the API: may this run start with its session?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAsk {
    /// Which run.
    pub run: RunId,
    /// Its plan.
    pub job: JobId,
    /// That plan's project: where its session is.
    pub project: Option<ProjectId>,
    /// Which session.
    pub session: String,
    /// The last round we know to have been in.
    pub tag: i64,
}

/// What the API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAnswer {
    /// It may, in this round.
    Joined {
        /// The round.
        tag: i64,
    },
    /// It may not, and the session looks like this.
    Refused {
        /// Why.
        why: Refusal,
        /// The session, looked at right afterwards.
        session: SessionState,
    },
    /// There is no such session.
    NoSession,
    /// It could not be asked, or gave no answer that means anything.
    Unreachable {
        /// Why.
        error: String,
    },
}

/// A session as the API shows it. All instants are by the API's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionState {
    /// Its round.
    pub tag: i64,
    /// For so many seconds after it started, others join and nobody starts another round.
    pub hold_off: i64,
    /// When its round started; `None`: there was none yet.
    pub started: Option<DueTime>,
    /// When our plan last joined a round of it.
    pub joined: Option<DueTime>,
    /// Our plan joined, and its end was not told since: it is waited for.
    pub running: bool,
}

/// The end of a run, as its session is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// Which session.
    pub session: String,
    /// The round.
    pub tag: i64,
    /// `success`, `fail` or `aborted`.
    pub result: String,
    /// Whether the session waits for the plan is not known: only if it does it is told.
    pub unsure: bool,
}

/// What follows from a refusal.
enum Next {
    /// It is in the round of this tag: the answer that said so was lost.
    In(i64),
    /// The tag we sent is of another time: ask again with this one.
    Again(i64),
    /// It was refused.
    No,
}

impl Membership {
    /// What a refusal means for a run due at `due` that serves due times up to `covers`.
    fn judge(&self, session: SessionState, due: DueTime, covers: DueTime) -> Next {
        if session.tag == self.tag {
            return Next::No;
        }
        if session.tag < self.tag {
            // Somebody has set the session back.
            return Next::Again(session.tag);
        }
        let Some(started) = session.started else {
            return Next::Again(session.tag);
        };
        // Clocks differ; but within the hold-off of a round nobody needs another one.
        let ours = started.plus(session.hold_off) >= due;
        if ours && session.joined.is_some_and(|joined| joined >= started) {
            if session.running {
                Next::In(session.tag)
            } else {
                // It has been in it, and that is over.
                Next::Again(session.tag)
            }
        } else if started.plus(session.hold_off) < covers {
            // That was an earlier round, which this plan missed. The one of this due time is still to start.
            Next::Again(session.tag)
        } else {
            Next::No
        }
    }
}

/// The word for an outcome, as the API knows it.
pub(super) fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Aborted => "aborted",
        // The API has no word for a lost run, and its backup cannot be counted on.
        Outcome::Fail | Outcome::Lost => "fail",
    }
}

impl Planner {
    /// Whether `run` has to ask its session before it may start. Makes its membership what it is by the plan
    /// as it is now.
    pub(super) fn question(
        &self,
        now: DateTime<Utc>,
        run: &mut RunRecord,
        plan: &Brief,
    ) -> Option<SessionAsk> {
        let session = plan
            .session
            .as_deref()
            .filter(|_| self.policy.reports_all(&plan.common));
        let Some(session) = session else {
            run.session = None;
            return None;
        };
        let id = session.id.as_ref();
        let mine = run.session.take().filter(|mine| mine.session == id);
        let mut mine = mine.unwrap_or_else(|| {
            let last = self
                .slots
                .get(&run.job)
                .and_then(|slot| slot.slot.last.as_ref()?.session.as_ref())
                .filter(|last| last.session == id && last.admission == Admission::Joined);
            Box::new(Membership {
                session: id.to_owned(),
                tag: last.map_or(session.tag, |last| last.tag.max(session.tag)),
                asked: now,
                admission: Admission::Waiting,
                refused: None,
                unheard: false,
                again: false,
            })
        });
        // The clock was set back: nobody waits until it comes round again.
        mine.asked = mine.asked.min(now);
        // Whoever starts from the ledger does not know whether it was.
        mine.unheard |= mine.admission == Admission::Waiting;
        let ask = (mine.admission == Admission::Waiting).then(|| SessionAsk {
            run: run.id.clone(),
            job: run.job.clone(),
            project: plan.project.clone(),
            session: mine.session.clone(),
            tag: mine.tag,
        });
        run.session = Some(mine);
        ask
    }

    /// The API has answered.
    pub(super) fn answered(
        &mut self,
        now: DateTime<Utc>,
        ask: &SessionAsk,
        answer: &SessionAnswer,
        out: &mut Decision,
    ) {
        let asked = self.asking.remove(&ask.run);
        let record = self.open.get(&ask.run).filter(|_| asked).cloned();
        let Some((mut record, mut mine)) =
            record.and_then(|mut record| Some((record.clone(), record.session.take()?)))
        else {
            self.answered_late(ask, answer, out);
            return;
        };
        mine.unheard = match answer {
            SessionAnswer::Unreachable { .. } => true,
            // In a round that is not this due time's, by its clock: it waits for us all the same.
            SessionAnswer::Refused { session, .. } => session.running,
            SessionAnswer::Joined { .. } | SessionAnswer::NoSession => false,
        };
        let again = std::mem::take(&mut mine.again);
        let (why, hold_off) = match *answer {
            SessionAnswer::Joined { tag } => {
                (mine.tag, mine.admission, mine.refused) = (tag, Admission::Joined, None);
                (None, None)
            }
            SessionAnswer::NoSession => {
                // Nobody is left to run together with.
                (mine.admission, mine.refused) = (Admission::Alone, Some(Refusal::NoSession));
                (None, None)
            }
            SessionAnswer::Refused { why, session } => match mine.judge(session, record.due, record.covers) {
                Next::In(tag) => {
                    (mine.tag, mine.admission, mine.refused) = (tag, Admission::Joined, None);
                    (None, None)
                }
                Next::Again(tag) => {
                    (mine.tag, mine.again) = (tag, !again);
                    (again.then_some(why), Some(session.hold_off))
                }
                Next::No => (Some(why), Some(session.hold_off)),
            },
            SessionAnswer::Unreachable { .. } => (Some(Refusal::Unreachable), None),
        };
        let Some(why) = why else {
            record.session = Some(mine);
            self.wait(record, out);
            return;
        };
        mine.refused = Some(why);
        // A second more, because the API counts whole ones.
        let most = hold_off.map_or(i64::MAX, |seconds| seconds.max(0).saturating_add(1));
        let patience = self.policy.session_wait.min(most);
        let (second, asked) = (DueTime::floor(now), DueTime::floor(mine.asked));
        let waited = second.since(asked).max(0);
        if waited < patience {
            let next = second.plus(waited.clamp(1, LONGEST_PAUSE));
            record.not_before = Some(next.min(asked.plus(patience)));
        } else if self.policy.session_refused == SessionRefused::Run {
            mine.admission = Admission::Alone;
        } else {
            record.session = Some(mine);
            self.give_up(now, &record, why, out);
            return;
        }
        record.session = Some(mine);
        self.wait(record, out);
    }

    /// Nobody waits for this answer any more: the run was withdrawn meanwhile. Its session must not wait for its end.
    fn answered_late(&mut self, ask: &SessionAsk, answer: &SessionAnswer, out: &mut Decision) {
        let tag = match *answer {
            SessionAnswer::Joined { tag } => tag,
            // The answer that said so was lost.
            SessionAnswer::Refused { session, .. } if session.running => session.tag,
            // That it may be in was told when it was withdrawn; by then the question may not have arrived.
            SessionAnswer::Unreachable { .. } => ask.tag,
            _ => return,
        };
        let unsure = matches!(answer, SessionAnswer::Unreachable { .. });
        // A later run of the plan may be in that round by now, or is being told so: its own end is what is to be told.
        let stays = self.open.of(&ask.job).any(|run| {
            let in_it = |mine: &Membership| {
                let joined = mine.admission == Admission::Joined && mine.tag >= tag;
                mine.session == ask.session && (joined || self.asking.contains(&run.id))
            };
            run.session.as_deref().is_some_and(in_it)
        });
        if !stays {
            let end = SessionEnd {
                unsure,
                ..end(&ask.session, tag, Outcome::Aborted)
            };
            leave(&ask.job, &ask.run, end, out);
        }
    }

    /// A run that may have joined its session is shut out, for so many seconds. Its session does not wait for it longer than
    /// it would for its session: then it leaves the round, and asks anew when it is let in.
    pub(super) fn wait_without_session(&self, run: &mut RunRecord, seconds: i64, out: &mut Decision) {
        if seconds > self.policy.session_wait {
            withdrawn(run, out);
            run.session = None;
        }
    }

    /// Back into the queue, or to those that wait for a time.
    fn wait(&mut self, record: RunRecord, out: &mut Decision) {
        out.records.push(Record::Run(record.clone()));
        self.enqueue(&record);
        self.open.insert(record);
    }

    fn give_up(&mut self, now: DateTime<Utc>, record: &RunRecord, why: Refusal, out: &mut Decision) {
        let reason = match why {
            Refusal::Unreachable => Reason::SessionUnreachable,
            Refusal::HoldOff | Refusal::OutOfSync | Refusal::NotMember | Refusal::NoSession => {
                Reason::SessionRefused
            }
        };
        // So that whoever hears of the withdrawal has heard why.
        out.records.push(Record::Run(record.clone()));
        self.withdraw(now, record, reason, out);
        let slot = self.slots.get(&record.job);
        if slot.is_some_and(|slot| slot.kind() == Kind::Continuous) {
            self.cover(&record.job, DueTime::floor(now), out);
        }
        self.arm(&record.job);
    }
}
