//! A session of the API, its rounds and its hold-off; and how a question gets there and its answer back.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use freezerd::plan::JobId;
use freezerd::planner::{Input, Refusal, SessionAnswer, SessionAsk, SessionState};
use freezerd::schedule::DueTime;

use super::checker::{Said, Spoken};
use super::cloud::{Cloud, NoAnswer};
use super::machine::Killed;
use super::script::Weather;
use super::world::World;

/// The hold-off of the session, in seconds.
const HOLD_OFF: i64 = 60;

/// By the API's clock, which shows the true time.
#[derive(Debug, Default)]
pub struct Session {
    tag: i64,
    started: Option<i64>,
    /// When each job joined last.
    joined: BTreeMap<String, i64>,
    pub spoken: Vec<Spoken>,
}

impl Session {
    fn log(&mut self, job: &str, at: i64, said: Said) -> usize {
        self.spoken.push(Spoken {
            job: job.to_owned(),
            at,
            said,
            heard: false,
        });
        self.spoken.len() - 1
    }

    /// As the API lets a job start, or does not.
    fn start(&mut self, job: &str, tag: i64, now: i64) -> SessionAnswer {
        let inside = self.started.is_some_and(|started| now <= started + HOLD_OFF);
        let joins = if inside { tag < self.tag } else { tag == self.tag };
        if !joins {
            let again = inside && tag == self.tag;
            let why = if again {
                Refusal::HoldOff
            } else {
                Refusal::OutOfSync
            };
            return SessionAnswer::Refused {
                why,
                session: SessionState {
                    tag: self.tag,
                    hold_off: HOLD_OFF,
                    started: self.started.map(DueTime::from_epoch),
                    joined: self.joined.get(job).copied().map(DueTime::from_epoch),
                },
            };
        }
        if !inside {
            self.tag += 1;
            self.started = Some(now);
        }
        self.joined.insert(job.to_owned(), now);
        SessionAnswer::Joined { tag: self.tag }
    }
}

impl Cloud {
    /// Whether the job with this id is in the session.
    pub fn is_member(&self, id: &str) -> bool {
        self.session.is_some() && id.ends_with(['0', '1', '2'])
    }

    /// Asks the session; gives its answer, and where that is written down.
    fn ask_session(&mut self, weather: Weather, job: &str, tag: i64, now: i64) -> (SessionAnswer, usize) {
        let away = self.fails(weather);
        let session = self.session.as_mut().expect("a session");
        let unreachable = || SessionAnswer::Unreachable {
            error: "no answer".to_owned(),
        };
        if away {
            return (unreachable(), session.log(job, now, Said::Nothing));
        }
        let answer = session.start(job, tag, now);
        let said = match &answer {
            SessionAnswer::Joined { tag } => Said::Joined(*tag),
            _ => Said::Refused,
        };
        let at = session.log(job, now, said);
        if weather == Weather::LostReplies {
            session.log(job, now, Said::Nothing);
            return (unreachable(), at);
        }
        (answer, at)
    }

    fn end_session(&mut self, weather: Weather, job: &str, result: &str, now: i64) -> Result<(), NoAnswer> {
        if self.fails(weather) {
            return Err(NoAnswer);
        }
        let session = self.session.as_mut().expect("a session");
        session.log(job, now, Said::Ended(result.to_owned()));
        if weather == Weather::LostReplies {
            return Err(NoAnswer);
        }
        Ok(())
    }
}

/// An answer on its way, and where in what was spoken it stands.
pub(super) struct Sent {
    arrives: i64,
    ask: Box<SessionAsk>,
    answer: SessionAnswer,
    at: usize,
}

#[derive(Default)]
pub(super) struct Answers(Vec<Sent>);

impl Answers {
    pub(super) fn next(&self) -> Option<i64> {
        self.0.iter().map(|sent| sent.arrives).min()
    }

    /// One that has arrived.
    pub(super) fn due(&mut self, now: i64) -> Option<Sent> {
        let at = self.0.iter().position(|sent| sent.arrives <= now)?;
        Some(self.0.remove(at))
    }
}

impl World {
    /// As the daemon does: an end that still waits goes first.
    pub(super) fn ask_session(&mut self, ask: Box<SessionAsk>) {
        if self.daemon.is_none() {
            return;
        }
        let now = self.machine.clock.now();
        let ended = self.deliver_session_ends(Some(&ask.job));
        if self.daemon.is_none() {
            return;
        }
        let weather = if ended { self.weather } else { Weather::Away };
        let (answer, at) = self.cloud.ask_session(weather, ask.job.as_str(), ask.tag, now);
        let late = match self.weather {
            Weather::Slow(seconds) => seconds,
            _ => 0,
        };
        self.answers.0.push(Sent {
            arrives: now + late,
            ask,
            answer,
            at,
        });
    }

    pub(super) fn session_answers(&mut self, sent: Sent) {
        let Sent { ask, answer, at, .. } = sent;
        let heard = matches!(answer, SessionAnswer::Joined { .. });
        if self.step_safely(vec![Input::Session { ask, answer }])
            && heard
            && let Some(session) = &mut self.cloud.session
        {
            session.spoken[at].heard = true;
        }
    }

    /// The ends that wait for the session, all or those of one job: whether none is left.
    pub(super) fn deliver_session_ends(&mut self, of: Option<&JobId>) -> bool {
        let waiting: Vec<_> = {
            let shelf = self.shelf.lock().expect("single-threaded");
            let meant = |job: &&JobId| of.is_none_or(|of| of == *job);
            let ends = shelf.session_ends.iter().filter(|(job, _)| meant(job));
            ends.map(|(job, end)| (job.clone(), end.clone())).collect()
        };
        let fate = Arc::clone(&self.machine.fate);
        for (job, (number, end)) in waiting {
            let now = self.machine.clock.now();
            let (cloud, shelf, weather) = (&mut self.cloud, &self.shelf, self.weather);
            let sent = catch_unwind(AssertUnwindSafe(|| {
                fate.strikes();
                let said = cloud.end_session(weather, job.as_str(), &end.result, now);
                fate.strikes();
                if said.is_err() || fate.disk_fails() {
                    return false;
                }
                shelf.lock().expect("single-threaded").session_told(&job, number);
                fate.strikes();
                true
            }));
            match sent {
                Ok(true) => {}
                Ok(false) => {
                    self.deliver_later();
                    return false;
                }
                Err(payload) if payload.is::<Killed>() => {
                    self.die();
                    return false;
                }
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
        true
    }
}
