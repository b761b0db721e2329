//! The API: its jobs, and its moods. ([`super::servers`] has the wire, [`super::listings`] what is asked most.)

use std::collections::{BTreeMap, BTreeSet};

use freezerd::freezer::ApiError;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::checker::Told;
use super::machine::instant;
use super::rng::Rng;
use super::script::Weather;
use super::servers::{Backups, Keystone};
use super::sessions::Session;

/// How often the API did not do what it was asked to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Our token was refused (401).
    pub refused: u64,
    /// It had a fault of its own (500).
    pub failed: u64,
}

#[derive(Default)]
pub struct Cloud {
    /// The session that some of the jobs are in.
    pub session: Option<Session>,
    pub keystone: Keystone,
    pub backups: Backups,
    /// How it is now, to who asks over the wire.
    pub weather: Weather,
    pub jobs: BTreeMap<String, Value>,
    /// The jobs' texts, until they change.
    texts: BTreeMap<String, Box<RawValue>>,
    /// How often any job has changed.
    changes: u64,
    pub told: Vec<Told>,
    /// Every end that was written, also such as were there already.
    pub written: Vec<Told>,
    /// Jobs whose result a user has wiped since it was told.
    pub wiped: BTreeSet<String>,
    asked: u64,
    /// It refuses so many tokens from now on.
    pub refuses: u64,
    pub faults: Faults,
    /// Who asks gives up before it answers.
    pub too_slow: bool,
    /// So many requests over the wire were not answered as they should have been.
    pub unanswered: u64,
    /// So many of them it did nevertheless.
    pub unheard: u64,
}

impl Cloud {
    pub fn new(with_session: bool) -> Self {
        Self {
            session: with_session.then(Session::default),
            ..Self::default()
        }
    }

    /// A job as a user makes it.
    pub fn make(&mut self, id: &str, job: Value) {
        self.changed(id);
        self.jobs.insert(id.to_owned(), job);
    }

    pub fn delete(&mut self, id: &str) {
        self.changed(id);
        self.jobs.remove(id);
    }

    fn changed(&mut self, id: &str) {
        self.changes += 1;
        self.texts.remove(id);
    }

    fn text(&mut self, id: &str) -> Box<RawValue> {
        let job = &self.jobs[id];
        self.texts
            .entry(id.to_owned())
            .or_insert_with(|| raw(job))
            .clone()
    }

    /// A user's write.
    pub fn write(&mut self, id: &str, now: i64, change: impl FnOnce(&mut Value)) {
        self.write_job(id, now, |job| change(&mut job["job_schedule"]));
    }

    /// The same, of anything in a job.
    pub fn write_job(&mut self, id: &str, now: i64, change: impl FnOnce(&mut Value)) {
        self.changed(id);
        let job = self.jobs.get_mut(id).expect("a job");
        change(job);
        job["updated_at"] = json!(stamp(now));
    }

    /// As the command line client does: the whole `job_schedule` is replaced, what was reported is gone with it.
    pub fn rewrite(&mut self, id: &str, now: i64, schedule: Value) {
        self.wiped.insert(id.to_owned());
        self.write(id, now, |old| *old = schedule);
    }

    /// POST event `start`.
    pub fn start(&mut self, id: &str, now: i64) {
        self.wiped.insert(id.to_owned());
        self.write(id, now, |schedule| {
            schedule["event"] = json!("start");
            schedule["status"] = json!("");
            schedule["result"] = json!("");
        });
    }

    /// One request, as freezerd's client makes it: a token that is refused is replaced, once.
    pub fn ask(&mut self, weather: Weather) -> Result<(), ApiError> {
        match self.answer(weather) {
            Err(ApiError::Auth { .. }) => self.answer(weather),
            answer => answer,
        }
    }

    pub fn answer(&mut self, weather: Weather) -> Result<(), ApiError> {
        self.asked += 1;
        let refuses = std::mem::take(&mut self.refuses);
        self.refuses = refuses.saturating_sub(1);
        let (at, said) = ("the API".to_owned(), "no".to_owned());
        match weather {
            Weather::Away => Err(no_answer()),
            _ if refuses > 0 || weather == Weather::Refusing => {
                self.faults.refused += 1;
                Err(ApiError::Auth { at, said, hint: "" })
            }
            Weather::Failing(percent) if Rng::new(self.asked).chance(percent) => {
                self.faults.failed += 1;
                let (status, retry_after) = (500, None);
                Err(ApiError::Server {
                    at,
                    status,
                    said,
                    retry_after,
                })
            }
            _ => Ok(()),
        }
    }

    /// How often any job has changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How often it was asked for a page of a listing, or for anything else.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// A page of a listing of the jobs in this order. Upstream's `offset`: a number, or `None` is said.
    pub fn page(&mut self, ids: &[String], offset: Option<&str>, size: usize) -> Option<String> {
        let offset = offset.unwrap_or("0").parse().ok()?;
        let ids = ids.iter().skip(offset).take(size);
        let page: Vec<_> = ids.map(|id| self.text(id)).collect();
        let page: Vec<&str> = page.iter().map(|text| text.get()).collect();
        Some(format!("{{\"jobs\": [{}]}}", page.join(", ")))
    }

    /// A job as freezerd's client writes it back.
    pub fn patch(&mut self, id: &str, mut body: Value, now: i64) {
        let job = self.jobs.get_mut(id).expect("a job");
        let end = |job: &Value| {
            let schedule = &job["job_schedule"];
            let result = schedule["result"].as_str().unwrap_or_default().to_owned();
            let ended = schedule["time_ended"].as_i64().filter(|ended| *ended > 0)?;
            (!result.is_empty()).then_some((ended, result))
        };
        let (before, schedule) = (end(job), body["job_schedule"].take());
        let tag = body.get("session_tag").cloned();
        let idle =
            job["job_schedule"] == schedule && tag.as_ref().is_none_or(|tag| job["session_tag"] == *tag);
        self.changes += 1;
        self.texts.remove(id);
        job["job_schedule"] = schedule;
        job["updated_at"] = json!(stamp(now));
        if let Some(tag) = tag {
            job["session_tag"] = tag;
        }
        if let Some((ended, result)) = end(job) {
            let told = Told {
                job: id.to_owned(),
                ended,
                result,
            };
            let news = before != end(job);
            if news || idle {
                self.written.push(told.clone());
            }
            if news && !self.wiped.remove(id) {
                self.told.push(told);
            }
        }
    }
}

/// It is down, or what it answers does not arrive.
pub fn no_answer() -> ApiError {
    ApiError::Timeout {
        at: "the API".to_owned(),
        cause: "no answer".to_owned(),
    }
}

fn raw(job: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(job).expect("JSON")
}

pub fn stamp(now: i64) -> String {
    instant(now).format("%Y-%m-%dT%H:%M:%S").to_string()
}
