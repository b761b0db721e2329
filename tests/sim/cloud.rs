//! The API: its jobs, and its moods. Listings are read with freezerd's own pager, reports merged with its own
//! merge; only the wire between is left out.

use std::collections::{BTreeMap, BTreeSet};

use freezerd::daemon::reading::Understood;
use freezerd::freezer::{Habits, Merge, Next, Pager, merge};
use freezerd::plan::Plan;
use freezerd::planner::Report;
use freezerd::source::Document;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::checker::Told;
use super::machine::instant;
use super::rng::Rng;
use super::script::Weather;
use super::sessions::Session;

/// Nothing came of a request, as far as who asked can tell.
pub struct NoAnswer;

#[derive(Default)]
pub struct Cloud {
    /// The session that some of the jobs are in.
    pub session: Option<Session>,
    pub jobs: BTreeMap<String, Value>,
    /// The jobs' texts, until they change.
    texts: BTreeMap<String, Box<RawValue>>,
    /// What was understood of a text: most of a life would go into reading it again.
    understood: BTreeMap<Box<str>, Plan>,
    /// How often any job has changed.
    changes: u64,
    pub told: Vec<Told>,
    habits: Habits,
    /// Jobs whose result a user has wiped since it was told.
    pub wiped: BTreeSet<String>,
    asked: u64,
    /// The last whole listing: after how many changes that was, and what was understood.
    read: Option<(u64, Vec<Plan>)>,
}

/// A listing that is as the last one is read anew only once in so many times: most of a life would go into it.
const READ_ANEW: u64 = 64;
/// Texts that are known at a time.
const TEXTS: usize = 64;

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

    fn understand(&mut self, document: &Document) -> Plan {
        let text = document.text.get();
        if let Some(plan) = self.understood.get(text) {
            return plan.clone();
        }
        let mut understood = Understood::of(std::slice::from_ref(document));
        assert!(understood.broken.is_empty(), "every job here can be used");
        let plan = understood.plans.pop().expect("it is not broken");
        if self.understood.len() >= TEXTS {
            self.understood.clear();
        }
        self.understood.insert(text.into(), plan.clone());
        plan
    }

    /// A user's write.
    pub fn write(&mut self, id: &str, now: i64, change: impl FnOnce(&mut Value)) {
        self.changed(id);
        let job = self.jobs.get_mut(id).expect("a job");
        change(&mut job["job_schedule"]);
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

    pub fn fails(&mut self, weather: Weather) -> bool {
        self.asked += 1;
        weather == Weather::Away || (weather == Weather::Failing && Rng::new(self.asked).chance(50))
    }

    /// One listing, page by page.
    pub fn list(&mut self, weather: Weather, page_size: usize) -> Result<Vec<Plan>, NoAnswer> {
        let steady = matches!(weather, Weather::Fair | Weather::Slow(_) | Weather::LostReplies);
        let anew = self.asked.is_multiple_of(READ_ANEW);
        if anew {
            self.understood.clear();
        }
        if let Some((changes, plans)) = &self.read
            && steady
            && !anew
            && *changes == self.changes
        {
            self.asked += 1;
            return Ok(plans.clone());
        }
        let mut pager = Pager::new(page_size, None, self.habits);
        let mut next = Next::Ask(None);
        let mut ids: Vec<String> = self.jobs.keys().cloned().collect();
        while let Next::Ask(offset) = next {
            let cut_off = weather == Weather::CutOff && pager.pages() > 0;
            if cut_off || self.fails(weather) {
                return Err(NoAnswer);
            }
            if weather == Weather::Shifting {
                let from = Rng::new(self.asked).index(ids.len().max(1));
                ids.rotate_left(from);
            }
            // Upstream's: a number, or it is refused.
            let Ok(offset) = offset.as_deref().unwrap_or("0").parse() else {
                next = pager.refused();
                continue;
            };
            let page = ids.iter().skip(offset).take(page_size);
            next = pager.take(page.map(|id| self.text(id)).collect());
        }
        if next == Next::Stuck {
            return Err(NoAnswer);
        }
        self.habits = pager.habits();
        let plans: Vec<Plan> = pager.documents.iter().map(|one| self.understand(one)).collect();
        if steady {
            self.read = Some((self.changes, plans.clone()));
        }
        Ok(plans)
    }

    /// One job.
    pub fn job(&mut self, weather: Weather, id: &str) -> Result<Option<String>, NoAnswer> {
        if self.fails(weather) {
            return Err(NoAnswer);
        }
        Ok(self.jobs.get(id).map(Value::to_string))
    }

    /// GET, merge, PATCH.
    pub fn report(&mut self, weather: Weather, id: &str, report: &Report, now: i64) -> Result<(), NoAnswer> {
        if self.fails(weather) {
            return Err(NoAnswer);
        }
        let Some(job) = self.jobs.get_mut(id) else {
            return Ok(());
        };
        let Merge::Patch { body, .. } = merge(&raw(job), report, false).expect("a job") else {
            return Ok(());
        };
        let mut body: Value = serde_json::from_slice(&body).expect("JSON");
        let end = |job: &Value| {
            let schedule = &job["job_schedule"];
            let result = schedule["result"].as_str().unwrap_or_default().to_owned();
            let ended = schedule["time_ended"].as_i64().filter(|ended| *ended > 0)?;
            (!result.is_empty()).then_some((ended, result))
        };
        let before = end(job);
        self.changes += 1;
        self.texts.remove(id);
        job["job_schedule"] = body["job_schedule"].take();
        job["updated_at"] = json!(stamp(now));
        if let Some(tag) = body.get("session_tag") {
            job["session_tag"] = tag.clone();
        }
        if let Some((ended, result)) = end(job)
            && before != end(job)
            && !self.wiped.remove(id)
        {
            self.told.push(Told {
                job: id.to_owned(),
                ended,
                result,
            });
        }
        if weather == Weather::LostReplies {
            return Err(NoAnswer);
        }
        Ok(())
    }
}

fn raw(job: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(job).expect("JSON")
}

pub fn stamp(now: i64) -> String {
    instant(now).format("%Y-%m-%dT%H:%M:%S").to_string()
}
