//! Keystone and the API in one, with jobs in memory; it can go away and come back.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::bed::{Bed, now, soon};
use crate::certificate::acceptor;
use crate::port::Port;
use crate::server::{Reply, Seen, Server, ok, query, reply, token_until};
use crate::shelf::Shelf;
use crate::until::until;

pub const PASSWORD: &str = "pa55-word";
const JOBS: &str = "/v2/p1/jobs";

#[derive(Default)]
struct Inside {
    jobs: BTreeMap<String, Value>,
    /// Each write that was taken: of which job, and its body.
    patches: Vec<(String, Value)>,
    /// How many tokens were given, and how many of them, the oldest, are worth nothing any more.
    tokens: (usize, usize),
    /// Answers this listing, and then nothing any more.
    last_listing: bool,
    out_of_order: bool,
    /// Reads work, writes do not.
    read_only: bool,
    /// A job that listings leave out, though it is there.
    hidden: Option<String>,
    backups: Shelf,
    /// Where the catalogue leads, if not to where it was asked.
    endpoint: Option<String>,
    /// Answers in place of the API, but for what it leaves to it.
    hostile: Option<Answering>,
}

pub type Answering = Box<dyn Fn(&Seen) -> Option<Reply> + Send>;

pub struct Cloud {
    tasks: Runtime,
    port: Port,
    /// Presented to whoever connects; `None`: it speaks in clear.
    certificate: Option<&'static str>,
    inside: Arc<Mutex<Inside>>,
    server: Option<Server>,
}

impl Cloud {
    /// One without jobs, and a bed whose daemon polls it every second.
    pub fn new(settings: &str) -> (Self, Bed) {
        let mut cloud = Self {
            tasks: Runtime::new().expect("a runtime"),
            port: Port::new(),
            certificate: None,
            inside: Arc::default(),
            server: None,
        };
        cloud.come_back();
        let api = "source = { kind = 'api', poll = '1s' }\napi = { client_id = '*' }\n";
        let mut bed = Bed::new(&format!("{api}{settings}"));
        let url = format!("http://{}", cloud.port.address);
        for (name, value) in [
            ("OS_AUTH_URL", url.as_str()),
            ("OS_USERNAME", "freezer"),
            ("OS_PASSWORD", PASSWORD),
            ("OS_PROJECT_NAME", "service"),
        ] {
            bed.environment.insert(name.to_owned(), value.to_owned());
        }
        (cloud, bed)
    }

    /// A user's write: the job is new, or edited this moment.
    pub fn put(&self, job: &Value) {
        self.inside.lock().unwrap().put(now(), job);
    }

    pub fn job_schedule(&self, id: &str) -> Value {
        self.job(id)["job_schedule"].clone()
    }

    /// The job as it is there now.
    pub fn job(&self, id: &str) -> Value {
        self.inside.lock().unwrap().jobs[id].clone()
    }

    /// The records of backups.
    #[allow(dead_code, reason = "tests/crashes looks at them")]
    pub fn backups(&self) -> Vec<Value> {
        self.inside.lock().unwrap().backups.0.lock().unwrap().clone()
    }

    /// What was written of this job, by a daemon.
    pub fn patches(&self, id: &str) -> Vec<Value> {
        let inside = self.inside.lock().unwrap();
        let of_job = inside.patches.iter().filter(|(job, _)| job == id);
        of_job.map(|(_, body)| body.clone()).collect()
    }

    /// From now on all tokens that were given are refused.
    pub fn expire_tokens(&self) {
        let mut inside = self.inside.lock().unwrap();
        inside.tokens.1 = inside.tokens.0;
    }

    pub fn remove(&self, id: &str) {
        self.inside.lock().unwrap().jobs.remove(id);
    }

    /// Leaves this job out of the listings, as paging over a changing list does.
    pub fn hide(&self, id: &str) {
        self.inside.lock().unwrap().hidden = Some(id.to_owned());
    }

    /// From now on this answers, but for what it leaves to the API.
    pub fn turn_hostile(&self, answers: Answering) {
        self.inside.lock().unwrap().hostile = Some(answers);
    }

    /// From now on it speaks TLS, with this certificate; whoever is connected is not any more.
    pub fn present(&mut self, certificate: &'static str) {
        self.go_away();
        self.certificate = Some(certificate);
        self.come_back();
    }

    /// Where the catalogue leads from now on.
    pub fn lead_to(&self, endpoint: &str) {
        self.inside.lock().unwrap().endpoint = Some(endpoint.to_owned());
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// What was asked since it last came back.
    pub fn seen(&self) -> Vec<Seen> {
        self.server.as_ref().map(Server::seen).unwrap_or_default()
    }

    pub fn set_read_only(&self) {
        self.inside.lock().unwrap().read_only = true;
    }

    pub fn tokens_given(&self) -> usize {
        self.inside.lock().unwrap().tokens.0
    }

    /// The same, and then it gives one more listing, with this job in it, before it is out of order: nobody
    /// can ask for anything else in between.
    pub fn put_and_break(&self, job: &Value) {
        self.inside.lock().unwrap().put_and_break(now(), job);
    }

    /// The same with a job that is due soon.
    pub fn put_soon_and_break(&self, job: impl FnOnce(DateTime<Utc>) -> Value) {
        // Nothing is listed between this look at the clock and the job.
        let mut inside = self.inside.lock().unwrap();
        let (made, due) = soon();
        inside.put_and_break(made, &job(due));
    }

    /// Nobody listens any more.
    pub fn go_away(&mut self) {
        self.server = None;
        until("nobody listens", || {
            TcpStream::connect(self.port.address).is_err().then_some(())
        });
    }

    /// It listens, where it always did, and is in order.
    pub fn come_back(&mut self) {
        self.inside.lock().unwrap().out_of_order = false;
        if self.server.is_some() {
            return;
        }
        let inside = Arc::clone(&self.inside);
        let script = move |seen: &Seen| Some(inside.lock().unwrap().answer(seen));
        let tls = self.certificate.map(acceptor);
        let server = self
            .tasks
            .block_on(Server::start_at(self.port.address, script, tls));
        self.server = Some(server);
    }
}

impl Inside {
    fn put_and_break(&mut self, made: DateTime<Utc>, job: &Value) {
        self.put(made, job);
        self.last_listing = true;
    }

    fn put(&mut self, made: DateTime<Utc>, job: &Value) {
        let mut job = job.clone();
        job["updated_at"] = json!(made.to_rfc3339());
        let id = job["job_id"].as_str().expect("an id").to_owned();
        self.jobs.insert(id, job);
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        if self.out_of_order {
            return reply(503, "");
        }
        if let Some(reply) = self.hostile.as_ref().and_then(|answers| answers(seen)) {
            return reply;
        }
        if seen.is("POST", "/v3/auth/tokens") {
            self.tokens.0 += 1;
            let here = || format!("http://{}", seen.headers["host"]);
            let endpoint = self.endpoint.clone().unwrap_or_else(here);
            let name = format!("token-{}", self.tokens.0);
            return token_until(&name, &endpoint, now() + TimeDelta::hours(1));
        }
        let token = seen
            .token()
            .strip_prefix("token-")
            .and_then(|number| number.parse().ok());
        if token.is_none_or(|number: usize| number <= self.tokens.1) {
            return reply(
                401,
                json!({"error": {"code": 401, "message": "expired"}}).to_string(),
            );
        }
        if let Some(reply) = self.backups.answer(seen, true) {
            return reply;
        }
        let path = seen.target.split('?').next().unwrap_or_default();
        let id = path
            .strip_prefix(JOBS)
            .unwrap_or_default()
            .trim_start_matches('/');
        match (seen.method.as_str(), self.jobs.get_mut(id)) {
            ("GET", None) if path == JOBS => {
                let offset = query(seen, "offset").map_or(0, |offset| offset.parse().unwrap());
                let hidden = self.hidden.as_deref();
                let listed = self.jobs.values().filter(|job| job["job_id"].as_str() != hidden);
                let page: Vec<&Value> = listed.skip(offset).collect();
                // The page after the last: now whoever asked has it all.
                if page.is_empty() && offset > 0 {
                    self.out_of_order = std::mem::take(&mut self.last_listing);
                }
                ok(&json!({ "jobs": page }))
            }
            ("GET", Some(job)) => ok(job),
            ("PATCH", Some(_)) if self.read_only => reply(503, ""),
            ("PATCH", Some(job)) => {
                let body = seen.json();
                // As the real one: replaced whole, and no word about what was there.
                job["job_schedule"] = body["job_schedule"].clone();
                job["updated_at"] = json!(now().to_rfc3339());
                self.patches.push((id.to_owned(), body));
                ok(&json!({"job_id": id, "version": 0}))
            }
            _ => reply(404, ""),
        }
    }
}
