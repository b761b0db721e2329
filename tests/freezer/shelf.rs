//! `backups`, as the real API keeps them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freezerd::freezer::Api;
use serde_json::{Value, json};

use crate::server::{PROJECT, Reply, Seen, Server, TestClock, ok, query, reply};

/// Records as the real API keeps them: everything of the body but `status` within `backup_metadata`.
#[derive(Clone, Default)]
pub struct Shelf(pub Arc<Mutex<Vec<Value>>>);

impl Shelf {
    pub fn add(&self, mut metadata: Value) -> Value {
        let mut records = self.0.lock().unwrap();
        let id = format!("b{}", records.len() + 1);
        let status = metadata.as_object_mut().unwrap().remove("status");
        records.push(json!({"backup_id": id, "project_id": PROJECT, "user_id": "u1",
            "status": status.unwrap_or(json!("available")), "backup_metadata": metadata}));
        json!({"backup_id": id})
    }

    pub fn ids(&self) -> Vec<String> {
        let records = self.0.lock().unwrap();
        records
            .iter()
            .map(|record| record["backup_id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Answers as the real API does, with its search if `search`.
    pub fn answer(&self, seen: &Seen, search: bool) -> Option<Reply> {
        let path = seen
            .target
            .split('?')
            .next()?
            .strip_prefix("/v2/p1/backups")?
            .trim_start_matches('/');
        let find = |records: &[Value]| records.iter().position(|record| record["backup_id"] == path);
        match seen.method.as_str() {
            "POST" => Some(reply(201, self.add(seen.json()).to_string())),
            "DELETE" => {
                let mut records = self.0.lock().unwrap();
                if let Some(at) = find(&records) {
                    records.remove(at);
                }
                Some(reply(204, ""))
            }
            "PATCH" => {
                let mut records = self.0.lock().unwrap();
                let Some(at) = find(&records) else {
                    return Some(reply(404, r#"{"title": "Not Found"}"#));
                };
                let patch = seen.json();
                let into = records[at]["backup_metadata"].as_object_mut().unwrap();
                into.extend(patch["backup_metadata"].as_object().unwrap().clone());
                if let Some(status) = patch.get("status") {
                    records[at]["status"] = status.clone();
                }
                Some(ok(&records[at]))
            }
            "GET" => {
                let wanted = seen.json()["match"][0]["freezerd_run"].clone();
                let number = |key| query(seen, key).unwrap().parse::<usize>().unwrap();
                let records = self.0.lock().unwrap();
                let page: Vec<_> = records
                    .iter()
                    .filter(|record| !search || record["backup_metadata"]["freezerd_run"] == wanted)
                    .skip(number("offset"))
                    .take(number("limit"))
                    .collect();
                Some(ok(&json!({"backups": page})))
            }
            _ => None,
        }
    }
}

/// Gives up soon, and after so many further tries.
pub fn impatient(server: &Server, retries: u32) -> Api {
    let mut access = server.access();
    access.patience.retries = retries;
    access.patience.request = Duration::from_secs(2);
    Api::connect(access, TestClock::new()).unwrap()
}

/// The methods of what came, but for token requests.
pub fn methods(server: &Server) -> Vec<String> {
    let word = |target: String| target.split(' ').next().unwrap().to_owned();
    server.targets().into_iter().map(word).collect()
}
