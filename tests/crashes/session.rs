//! A session of the API, as it lets jobs start and hears how they ended.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bed::now;
use crate::checker::{Said, Spoken};
use crate::cloud::Answering;
use crate::server::{Reply, Seen, ok, reply};

/// Longer than any life: who asks again after a crash finds the session as it was.
const HOLD_OFF: i64 = 3600;
const ADDRESS: &str = "/v2/p1/sessions/s";

#[derive(Default)]
struct Inside {
    tag: i64,
    started: Option<i64>,
    jobs: serde_json::Map<String, Value>,
    spoken: Vec<Spoken>,
}

/// The session `s`.
#[derive(Clone, Default)]
pub struct Session(Arc<Mutex<Inside>>);

impl Session {
    /// Answers what is asked of the session, and leaves the rest to the API.
    pub fn answering(&self) -> Answering {
        let session = self.clone();
        Box::new(move |seen| session.answer(seen))
    }

    pub fn spoken(&self) -> Vec<Spoken> {
        self.0.lock().unwrap().spoken.clone()
    }

    fn answer(&self, seen: &Seen) -> Option<Reply> {
        let mut inside = self.0.lock().unwrap();
        if seen.is("GET", ADDRESS) {
            return Some(ok(&json!({
                "session_id": "s", "session_tag": inside.tag, "hold_off": HOLD_OFF,
                "time_start": inside.started, "jobs": inside.jobs,
            })));
        }
        if !seen.is("POST", &format!("{ADDRESS}/action")) {
            return None;
        }
        let body = seen.json();
        let (word, action) = body
            .as_object()
            .and_then(|body| body.iter().next())
            .expect("an action");
        let (job, tag) = (
            action["job_id"].as_str().expect("a job"),
            action["current_tag"].as_i64(),
        );
        let said = if word == "start" {
            inside.start(job, tag.expect("a tag"))
        } else {
            inside.jobs[job]["status"] = json!("completed");
            Said::Ended(action["result"].as_str().expect("a result").to_owned())
        };
        let answer = match &said {
            Said::Joined(tag) => json!({"result": "success", "session_tag": tag}),
            Said::Ended(_) => json!({"result": "success", "session_tag": inside.tag}),
            _ if tag == Some(inside.tag) => json!({"result": "hold-off", "session_tag": inside.tag}),
            _ => json!({"result": "out-of-sync", "session_tag": inside.tag}),
        };
        inside.spoken.push(Spoken {
            job: job.to_owned(),
            at: now().timestamp(),
            said,
        });
        Some(reply(202, answer.to_string()))
    }
}

impl Inside {
    fn start(&mut self, job: &str, tag: i64) -> Said {
        let now = now().timestamp();
        let inside = self.started.is_some_and(|started| now <= started + HOLD_OFF);
        let joins = if inside { tag < self.tag } else { tag == self.tag };
        if !joins {
            return Said::Refused;
        }
        if !inside {
            self.tag += 1;
            self.started = Some(now);
        }
        self.jobs
            .insert(job.to_owned(), json!({"status": "running", "time_started": now}));
        Said::Joined(self.tag)
    }
}
