//! A session of the API, its rounds and its hold-off; and how a question gets there and its answer back.

use std::collections::{BTreeMap, BTreeSet};

use freezerd::freezer::ApiError;
use freezerd::plan::JobId;
use freezerd::planner::{Input, Refusal, SessionAnswer, SessionAsk, SessionEnd, SessionState};
use freezerd::schedule::DueTime;

use super::checker::{Said, Spoken};
use super::cloud::{Cloud, no_answer};
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
    /// Those that joined and have not ended.
    running: BTreeSet<String>,
    pub spoken: Vec<Spoken>,
}

impl Session {
    fn log(&mut self, job: &str, at: i64, said: Said) {
        self.spoken.push(Spoken {
            job: job.to_owned(),
            at,
            said,
        });
    }

    /// As the API shows it.
    fn state(&self, job: &str) -> SessionState {
        SessionState {
            tag: self.tag,
            hold_off: HOLD_OFF,
            started: self.started.map(DueTime::from_epoch),
            joined: self.joined.get(job).copied().map(DueTime::from_epoch),
            running: self.running.contains(job),
        }
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
                session: self.state(job),
            };
        }
        if !inside {
            self.tag += 1;
            self.started = Some(now);
        }
        self.joined.insert(job.to_owned(), now);
        self.running.insert(job.to_owned());
        SessionAnswer::Joined { tag: self.tag }
    }
}

impl Cloud {
    /// Whether the job with this id is in the session.
    pub fn is_member(&self, id: &str) -> bool {
        self.session.is_some() && id.ends_with(['0', '1', '2'])
    }

    /// Asks the session; gives its answer, as it arrives.
    fn ask_session(&mut self, weather: Weather, job: &str, tag: i64, now: i64) -> SessionAnswer {
        let asked = self.ask(weather);
        let session = self.session.as_mut().expect("a session");
        let unreachable = |error: ApiError| SessionAnswer::Unreachable {
            error: error.to_string(),
        };
        if let Err(error) = asked {
            session.log(job, now, Said::Nothing);
            return unreachable(error);
        }
        let answer = session.start(job, tag, now);
        let said = match &answer {
            SessionAnswer::Joined { tag } => Said::Joined(*tag),
            _ => Said::Refused,
        };
        session.log(job, now, said);
        if weather == Weather::LostReplies {
            session.log(job, now, Said::Nothing);
            return unreachable(no_answer());
        }
        answer
    }

    /// One that is unsure looks at the session before it ends anything there, as the daemon's.
    fn end_session(
        &mut self,
        weather: Weather,
        job: &str,
        end: &SessionEnd,
        now: i64,
    ) -> Result<(), ApiError> {
        self.ask(weather)?;
        let session = self.session.as_mut().expect("a session");
        let state = session.state(job);
        if end.unsure && !state.running {
            return Ok(());
        }
        session.running.remove(job);
        session.log(job, now, Said::Ended(end.result.clone()));
        if weather == Weather::LostReplies {
            return Err(no_answer());
        }
        Ok(())
    }
}

/// An answer on its way.
pub(super) struct Sent {
    arrives: i64,
    ask: Box<SessionAsk>,
    answer: SessionAnswer,
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
        let asked = self.beside(|_, hand| {
            hand.fate.strikes();
            let mut cloud = hand.cloud.lock().expect("single-threaded");
            let answer = cloud.ask_session(weather, ask.job.as_str(), ask.tag, now);
            drop(cloud);
            hand.fate.strikes();
            answer
        });
        let Some(answer) = asked else { return };
        let late = match self.weather {
            Weather::Slow(seconds) => seconds,
            _ => 0,
        };
        self.answers.0.push(Sent {
            arrives: now + late,
            ask,
            answer,
        });
    }

    pub(super) fn session_answers(&mut self, sent: Sent) {
        let Sent { ask, answer, .. } = sent;
        self.step(vec![Input::Session { ask, answer }]);
    }

    /// The ends that wait for the session, all or those of one job: whether none is left.
    pub(super) fn deliver_session_ends(&mut self, of: Option<&JobId>) -> bool {
        let waiting: Vec<_> = {
            let shelf = self.shelf.lock().expect("single-threaded");
            let meant = |job: &&JobId| of.is_none_or(|of| of == *job);
            let ends = shelf.session_ends.iter().filter(|(job, _)| meant(job));
            ends.map(|(job, end)| (job.clone(), end.clone())).collect()
        };
        let mut told = true;
        for (job, (number, end)) in waiting {
            let now = self.machine.clock.now();
            let mut taken = false;
            let goes_on = self.deliver(
                |cloud, weather| {
                    let mut cloud = cloud.lock().expect("single-threaded");
                    cloud.end_session(weather, job.as_str(), &end, now)
                },
                |shelf| {
                    taken = true;
                    shelf.session_told(&job, number);
                },
            );
            told &= taken;
            if !goes_on {
                return false;
            }
        }
        told
    }
}
