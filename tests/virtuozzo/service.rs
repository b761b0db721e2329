//! The service: what the document shows, and nothing else. A request that the document does not know is refused,
//! and fails the test.
//!
//! Beside the listing it knows what the document's source (the API that it names) has for a single plan: reading it,
//! and the events `start` and `abort`.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use freezerd::ledger::Ledger;
use freezerd::planner::Record;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::bed::{Bed, now, soon};
use crate::port::Port;
use crate::server::{Fault, Reply, Seen, Server, ok, reply, token_until};
use crate::until::until;

const JOBS: &str = "/v2/p1/jobs";
/// The clock of the service is not ours.
const SKEW: TimeDelta = TimeDelta::minutes(-7);

/// What happens to the next start that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is started, and the answer breaks off.
    AnswerLost,
    /// It is started, and the answer never comes.
    AnswerStalls,
    /// The request is lost on the way, and so is the answer.
    RequestLost,
    /// It is refused.
    Refused,
    /// It is taken, and nothing ever comes of it.
    Forgotten,
}

#[derive(Default)]
struct Inside {
    plans: Vec<Value>,
    mishap: Option<Mishap>,
    /// The events that came, `start a`, whatever became of them.
    asked: Vec<String>,
    /// How often each was really started.
    starts: Vec<String>,
    /// What was asked for that the document does not know.
    breaches: Vec<String>,
    /// Deletes this plan when the page behind it is asked for.
    vanishing: Option<String>,
    writes: Vec<Value>,
    takes_writes: bool,
    /// Reads of single plans so far.
    looks: usize,
    /// Single plans cannot be read.
    unreadable: bool,
}

pub struct Service {
    tasks: Runtime,
    port: Port,
    inside: Arc<Mutex<Inside>>,
    server: Option<Server>,
}

impl Service {
    /// One without plans, and a bed whose daemon polls it every second.
    pub fn new(settings: &str) -> (Self, Bed) {
        let mut service = Self {
            tasks: Runtime::new().expect("a runtime"),
            port: Port::new(),
            inside: Arc::default(),
            server: None,
        };
        service.come_back();
        let mut bed = Bed::new("");
        bed.set(&format!(
            "source = {{ kind = 'api', poll = '1s' }}\n{settings}\n\
             [api]\nclient_id = 'hci'\npage_size = 10\n"
        ));
        let url = format!("http://{}", service.port.address);
        for (name, value) in [
            ("OS_AUTH_URL", url.as_str()),
            ("OS_USERNAME", "freezer"),
            ("OS_PASSWORD", "pa55-word"),
            ("OS_PROJECT_NAME", "service"),
        ] {
            bed.environment.insert(name.to_owned(), value.to_owned());
        }
        // What falls due while a daemon takes long to start is not passed over for being older than its first listing.
        let mut ledger = Ledger::open(&bed.path("state/ledger.db")).expect("a ledger");
        let at = now() - TimeDelta::minutes(1);
        ledger.commit(&[Record::Polled { at }]).expect("polled");
        (service, bed)
    }

    /// The same, for a node without an agent.
    pub fn without_agent(settings: &str) -> (Self, Bed) {
        Self::new(&format!(
            "[dispatch]\nlauncher = 'event'\nagent = '/nowhere'\n{settings}"
        ))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// A user makes a plan, or changes it this moment.
    pub fn put(&self, plan: &Value) {
        self.inside().put(now(), plan.clone());
    }

    /// A user makes the plan `a`, or another one, that is due soon, and once.
    pub fn put_soon(&self, id: &str) {
        self.put_once(|schedule| plan(id, schedule));
    }

    /// The same, with this schedule in it; the plan.
    pub fn put_once(&self, plan: impl FnOnce(&Value) -> Value) -> Value {
        // Nothing is listed between this look at the clock and the plan.
        let mut inside = self.inside();
        let (made, due) = soon();
        let plan = plan(&once(due));
        inside.put(made, plan.clone());
        plan
    }

    /// From now on single plans cannot be read, or they can again.
    pub fn set_unreadable(&self, unreadable: bool) {
        self.inside().unreadable = unreadable;
    }

    /// Changes one key of a plan, as its user or the service does.
    pub fn set(&self, id: &str, key: &str, value: Value) {
        let mut inside = self.inside();
        inside.plan(id).expect("a plan")[key] = value;
    }

    pub fn remove(&self, id: &str) {
        self.inside().plans.retain(|plan| plan["job_id"] != id);
    }

    /// Deletes this plan when the page behind it is asked for.
    pub fn remove_while_listed(&self, id: &str) {
        self.inside().vanishing = Some(id.to_owned());
    }

    pub fn document(&self, id: &str) -> Value {
        self.inside().plan(id).cloned().expect("a plan")
    }

    pub fn next(&self, mishap: Mishap) {
        self.inside().mishap = Some(mishap);
    }

    /// A user, or the daemon, has it started.
    pub fn begin(&self, id: &str) {
        self.inside().begin(id);
    }

    /// The run that is under way ends: the plan's status is this word then.
    pub fn end(&self, id: &str, status: &str) {
        let mut inside = self.inside();
        let plan = inside.plan(id).expect("a plan");
        plan["status"] = json!(status);
        plan["ended_at"] = stamp(now() + SKEW);
    }

    /// The events that came.
    pub fn asked(&self) -> Vec<String> {
        self.inside().asked.clone()
    }

    /// What was really started, in order.
    pub fn starts(&self) -> Vec<String> {
        self.inside().starts.clone()
    }

    /// What was written to plans.
    pub fn writes(&self) -> Vec<Value> {
        self.inside().writes.clone()
    }

    pub fn take_writes(&self) {
        self.inside().takes_writes = true;
    }

    pub fn looks(&self) -> usize {
        self.inside().looks
    }

    /// Nobody listens any more.
    pub fn go_away(&mut self) {
        self.server = None;
        until("nobody listens", || {
            TcpStream::connect(self.port.address).is_err().then_some(())
        });
    }

    /// It listens, where it always did.
    pub fn come_back(&mut self) {
        let inside = Arc::clone(&self.inside);
        let script = move |seen: &Seen| Some(inside.lock().unwrap().answer(seen));
        let server = self
            .tasks
            .block_on(Server::start_at(self.port.address, script, None));
        self.server = Some(server);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let breaches = std::mem::take(&mut self.inside().breaches);
            assert!(
                breaches.is_empty(),
                "asked for what no document knows: {breaches:?}"
            );
        }
    }
}

impl Inside {
    fn plan(&mut self, id: &str) -> Option<&mut Value> {
        self.plans.iter_mut().find(|plan| plan["job_id"] == id)
    }

    fn put(&mut self, made: DateTime<Utc>, mut plan: Value) {
        plan["updated_at"] = stamp(made);
        let same = |known: &Value| known["job_id"] == plan["job_id"];
        match self.plans.iter().position(same) {
            Some(place) => self.plans[place] = plan,
            None => self.plans.push(plan),
        }
    }

    fn begin(&mut self, id: &str) {
        self.starts.push(id.to_owned());
        let plan = self.plan(id).expect("a plan");
        plan["status"] = json!("running");
        plan["started_at"] = stamp(now() + SKEW);
        plan["ended_at"] = Value::Null;
    }

    fn breach(&mut self, seen: &Seen) -> Reply {
        self.breaches
            .push(format!("{} {} {}", seen.method, seen.target, seen.body));
        refusal()
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        if seen.is("POST", "/v3/auth/tokens") {
            let endpoint = format!("http://{}", seen.headers["host"]);
            return token_until("token", &endpoint, now() + TimeDelta::hours(1));
        }
        if seen.token() != "token" {
            return reply(401, json!({"error": {"code": 401}}).to_string());
        }
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let below = path.strip_prefix(JOBS).unwrap_or("/?").trim_start_matches('/');
        match (seen.method.as_str(), below.split_once('/')) {
            ("GET", None) if below.is_empty() && seen.body.is_empty() => self.page(seen, query),
            ("GET", None) if query.is_empty() && seen.body.is_empty() => {
                self.looks += 1;
                if self.unreadable {
                    return reply(503, "");
                }
                self.plan(below).map_or_else(|| reply(404, ""), |plan| ok(plan))
            }
            ("POST", Some((id, "event"))) if query.is_empty() => self.event(seen, id),
            ("PATCH", None) if query.is_empty() && self.takes_writes => self.write(seen, below),
            _ => self.breach(seen),
        }
    }

    fn page(&mut self, seen: &Seen, query: &str) -> Reply {
        let (mut limit, mut from) = (10, 0);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("limit", number)) => match number.parse() {
                    Ok(number) => limit = number,
                    Err(_) => return self.breach(seen),
                },
                Some(("offset", last)) => {
                    if self.vanishing.as_deref() == Some(last) {
                        self.vanishing = None;
                        self.plans.retain(|plan| plan["job_id"] != last);
                    }
                    // An id that it does not know (any more) leads nowhere.
                    match self.plans.iter().position(|plan| plan["job_id"] == last) {
                        Some(place) => from = place + 1,
                        None => return refusal(),
                    }
                }
                _ => return self.breach(seen),
            }
        }
        ok(&json!({"jobs": self.plans.iter().skip(from).take(limit).collect::<Vec<_>>()}))
    }

    fn event(&mut self, seen: &Seen, id: &str) -> Reply {
        let body = serde_json::from_str::<Value>(&seen.body).unwrap_or_default();
        let event = ["start", "abort"]
            .into_iter()
            .find(|event| body == json!({ *event: null }));
        let (Some(event), true) = (event, self.plan(id).is_some()) else {
            return self.breach(seen);
        };
        self.asked.push(format!("{event} {id}"));
        let taken = reply(202, json!({"result": "success"}).to_string());
        match (event, self.mishap.take()) {
            (_, Some(Mishap::Refused)) => refusal(),
            (_, Some(Mishap::Forgotten)) => taken,
            (_, Some(Mishap::RequestLost)) => taken.fault(Fault::CutAfter(0)),
            ("abort", _) => {
                let plan = self.plan(id).expect("a plan");
                plan["status"] = json!("aborted");
                plan["ended_at"] = stamp(now() + SKEW);
                taken
            }
            (_, mishap) => {
                self.begin(id);
                match mishap {
                    Some(Mishap::AnswerLost) => taken.fault(Fault::CutAfter(0)),
                    Some(Mishap::AnswerStalls) => taken.fault(Fault::Silent),
                    _ => taken,
                }
            }
        }
    }

    /// Only what the document shows a plan to have.
    fn write(&mut self, seen: &Seen, id: &str) -> Reply {
        let body = seen.json();
        let keys = ["status", "started_at", "ended_at", "job_schedule"];
        let known = body
            .as_object()
            .is_some_and(|body| body.keys().all(|key| keys.contains(&key.as_str())));
        let (true, Some(plan)) = (known, self.plan(id)) else {
            return self.breach(seen);
        };
        for (key, value) in body.as_object().expect("an object") {
            plan[key] = value.clone();
        }
        self.writes.push(body);
        ok(&json!({"job_id": id}))
    }
}

fn refusal() -> Reply {
    reply(400, json!({"title": "Bad Request"}).to_string())
}

/// As the document has times: UTC, to the microsecond, without an offset.
pub fn stamp(at: DateTime<Utc>) -> Value {
    json!(at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
}

/// A plan, with every key that the document shows. `schedule`: its `job_schedule`.
pub fn plan(id: &str, schedule: &Value) -> Value {
    json!({
        "created_at": "2024-05-09T09:51:10.785289",
        "updated_at": "2024-05-09T09:52:58.261715",
        "job_id": id,
        "project_id": "p1",
        "user_id": "d1899d7f32d64b1bb95e262e7a6a4bc2",
        "job_schedule": schedule,
        "client_id": "hci",
        "session_id": "",
        "session_tag": 0,
        "name": format!("plan {id}"),
        "description": "My new plan",
        "job_actions": [{
            "freezer_action": {"action": "backup", "mode": "hci-volumes", "recovery_points_rotation": 7},
            "user_id": "d1899d7f32d64b1bb95e262e7a6a4bc2",
            "project_id": "p1",
            "action_id": "b9dc9e548b914b80a06d752342828371"
        }],
        "status": "scheduled",
        "disabled": false,
        "started_at": null,
        "ended_at": null
    })
}

/// The `job_schedule` of a plan that is due once, when this second comes.
fn once(at: DateTime<Utc>) -> Value {
    json!({
        "schedule_year": at.format("%Y").to_string(),
        "schedule_month": at.format("%m").to_string(),
        "schedule_day": at.format("%d").to_string(),
        "schedule_hour": at.format("%H").to_string(),
        "schedule_minute": at.format("%M").to_string(),
        "schedule_second": at.format("%S").to_string()
    })
}
