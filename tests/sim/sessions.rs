//! A session of the API, its rounds and its hold-off; and how a question gets there and its answer back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::daemon::main_loop::Event as Came;
use freezerd::daemon::sessions;
use freezerd::planner::{SessionAnswer, SessionAsk};
use serde_json::{Value, json};

use super::checker::{Said, Spoken};
use super::cloud::Cloud;
use super::keeping::{PATIENCE, ready};
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

    /// As the API lets a job start, or does not.
    fn start(&mut self, job: &str, tag: i64, now: i64) -> &'static str {
        let inside = self.started.is_some_and(|started| now <= started + HOLD_OFF);
        let joins = if inside { tag < self.tag } else { tag == self.tag };
        if !joins {
            self.log(job, now, Said::Refused);
            return if inside && tag == self.tag {
                "hold-off"
            } else {
                "out-of-sync"
            };
        }
        if !inside {
            self.tag += 1;
            self.started = Some(now);
        }
        self.joined.insert(job.to_owned(), now);
        self.running.insert(job.to_owned());
        self.log(job, now, Said::Joined(self.tag));
        "success"
    }
}

impl Cloud {
    /// Whether the job with this id is in the session.
    pub fn is_member(&self, id: &str) -> bool {
        self.session.is_some() && id.ends_with(['0', '1', '2'])
    }

    /// The session as it is, if there is one.
    pub fn show_session(&self) -> Option<Value> {
        let session = self.session.as_ref()?;
        let members = self.jobs.keys().filter(|id| self.is_member(id));
        let jobs = members.chain(session.joined.keys()).map(|id| {
            let status = if session.running.contains(id) {
                "running"
            } else {
                "completed"
            };
            let job = json!({"status": status, "time_started": session.joined.get(id)});
            (id.clone(), job)
        });
        let jobs: serde_json::Map<String, Value> = jobs.collect();
        Some(json!({
            "session_id": "s", "session_tag": session.tag, "hold_off": HOLD_OFF, "time_start": session.started,
            "jobs": jobs,
        }))
    }

    /// What the session says to an action; `None`: there is no such session, or the job is not in it.
    pub fn act(&mut self, action: &Value, now: i64) -> Option<Value> {
        let (word, action) = action.as_object()?.iter().next()?;
        let job = action["job_id"].as_str()?;
        if !self.is_member(job) {
            return None;
        }
        let session = self.session.as_mut()?;
        let result = match word.as_str() {
            "start" => session.start(job, action["current_tag"].as_i64()?, now),
            "end" => {
                session.running.remove(job);
                let result = action["result"].as_str()?.to_owned();
                session.log(job, now, Said::Ended(result));
                "success"
            }
            _ => return None,
        };
        Some(json!({"result": result, "session_tag": session.tag}))
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
    /// As the daemon does; its answer takes its time, and is given up when that is too long.
    pub(super) fn ask_session(&mut self, ask: Box<SessionAsk>) {
        if self.daemon.is_none() {
            return;
        }
        let now = self.machine.clock.now();
        let late = self.late();
        self.cloud().too_slow = late > PATIENCE;
        let troubles = self.troubles_so_far();
        let turns = Arc::clone(&self.outbox.turns);
        let answer = self.beside(|api, hand| ready(sessions::ask(hand, api, &turns, &ask)));
        self.cloud().too_slow = false;
        let Some(answer) = answer else { return };
        // Where nothing went wrong, nobody believes that there was no answer.
        if matches!(answer, SessionAnswer::Unreachable { .. }) && self.troubles_so_far() > troubles {
            let mut cloud = self.cloud();
            let session = cloud.session.as_mut().expect("a session");
            session.log(ask.job.as_str(), now, Said::Nothing);
        }
        self.answers.0.push(Sent {
            arrives: now + late.min(PATIENCE),
            ask,
            answer,
        });
    }

    /// How often the API did not do what it was asked to, or its answer did not arrive, or the disk failed.
    fn troubles_so_far(&self) -> u64 {
        let disk = self.machine.fate.failed().map(|(_, times)| times);
        self.cloud().unanswered + disk.iter().sum::<u64>()
    }

    pub(super) fn session_answers(&mut self, sent: Sent) {
        let Sent { ask, answer, .. } = sent;
        self.come(Came::Answered(ask, answer));
    }
}
