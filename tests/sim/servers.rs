//! Keystone, and the API's jobs, backups and session one by one, as freezerd's own client meets them: requests in, answers
//! out. What is asked most, listings above all, goes to the same [`Cloud`] by a shorter way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use freezerd::freezer::{
    Access, Answer, ApiError, Ask, Auth, ClientFilter, Exchange, Named, Peer, Scope, Secret, Wire,
};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::checker::{Asked, Given, Recorded};
use super::cloud::{Cloud, no_answer};
use super::fate::Fate;
use super::machine::{Virtual, instant};
use super::rng::Rng;
use super::script::{HOUR, Weather};

/// The project of our own token.
const OURS: &str = "service";

/// Settings that lead here. A try that fails is for the outbox to make again.
pub fn access() -> Access {
    let auth = Auth::Password {
        user: Named::Id("u".to_owned()),
        password: Secret::new("password"),
        scope: Scope::Project(Named::Id(OURS.to_owned())),
    };
    let mut access = Access::new(auth, "http://keystone");
    access.backup_url = Some("http://api".to_owned());
    access.patience.retries = 0;
    access.clients = ClientFilter::All;
    access
}

/// The project of a job.
pub fn project_of(job: &str) -> String {
    format!("p{}", job.len() % 2)
}

pub struct Servers {
    pub cloud: Arc<Mutex<Cloud>>,
    pub clock: Arc<Virtual>,
    pub fate: Arc<Fate>,
}

impl Wire for Servers {
    fn exchange<'a>(&'a self, ask: &'a Ask<'a>) -> Exchange<'a> {
        let writes = ask.peer == Peer::Freezer && ask.method != Method::GET;
        if writes {
            self.fate.strikes();
        }
        let answer = {
            let mut cloud = self.cloud.lock().expect("no thread panics with it");
            let answer = cloud.exchange(ask, self.clock.now());
            let good = |answer: &Answer| answer.status.is_success() || answer.status == StatusCode::NOT_FOUND;
            cloud.unanswered += u64::from(!answer.as_ref().is_ok_and(good));
            answer
        };
        if writes {
            self.fate.strikes();
        }
        Box::pin(std::future::ready(answer))
    }
}

/// Who came with a token.
#[derive(Debug, Clone)]
struct Bearer {
    trust: Option<String>,
    project: String,
    until: i64,
}

/// Tokens, and the trusts by which some are given.
#[derive(Debug, Default)]
pub struct Keystone {
    tokens: BTreeMap<String, Bearer>,
    given: u64,
    /// Until when (true time) no token is given by these.
    taken_back: BTreeMap<String, i64>,
    pub asked: Vec<Asked>,
}

impl Keystone {
    /// The trust is no good for so long, and neither is what was given by it.
    pub fn take_back(&mut self, trust: &str, until: i64) {
        self.taken_back.insert(trust.to_owned(), until);
        self.tokens
            .retain(|_, bearer| bearer.trust.as_deref() != Some(trust));
    }

    pub fn give_all_back(&mut self) {
        self.taken_back.clear();
    }

    fn exchange(&mut self, ask: &Ask<'_>, weather: Weather, now: i64) -> Result<Answer, ApiError> {
        // Most requests are for our own token: only what names a trust is read.
        let names_one = |body: &[u8]| body.windows(8).any(|text| text == b"OS-TRUST");
        let body = ask.body.as_deref().is_some_and(names_one).then(|| read(ask));
        let trust = body.and_then(|body| {
            let trust = body["auth"]["scope"]["OS-TRUST:trust"]["id"].as_str();
            trust.map(str::to_owned)
        });
        let taken_back = trust.as_ref().and_then(|trust| self.taken_back.get(trust));
        let given = match weather {
            Weather::Away | Weather::NoKeystone => Given::Nothing,
            _ if taken_back.is_some_and(|until| now < *until) => Given::Refused,
            _ => Given::Token,
        };
        if let Some(trust) = trust.clone() {
            self.asked.push(Asked {
                trust,
                at: now,
                given,
            });
        }
        match given {
            Given::Nothing if weather == Weather::Away => return Err(no_answer()),
            Given::Nothing => return Ok(answer(StatusCode::SERVICE_UNAVAILABLE, &json!("not now"))),
            Given::Refused => return Ok(answer(StatusCode::NOT_FOUND, &json!("Could not find trust"))),
            Given::Token => {}
        }
        self.given += 1;
        let token = format!("token{}", self.given);
        let job = trust.as_deref().map(|trust| trust.trim_start_matches("trust-"));
        let project = job.map_or_else(|| OURS.to_owned(), project_of);
        let until = now + HOUR;
        let mut good = answer(
            StatusCode::CREATED,
            &json!({"token": {
                "issued_at": instant(now), "expires_at": instant(until), "project": {"id": project}}}),
        );
        let header = token.parse().expect("a header's value");
        good.headers.insert("X-Subject-Token", header);
        self.tokens.retain(|_, bearer| now < bearer.until);
        let bearer = Bearer {
            trust,
            project,
            until,
        };
        self.tokens.insert(token, bearer);
        Ok(good)
    }
}

/// The API's `backups`.
#[derive(Debug, Default)]
pub struct Backups {
    pub there: BTreeMap<u64, Recorded>,
    pub removed: Vec<Recorded>,
    made: u64,
}

impl Backups {
    fn with_id(&mut self, id: &str, bearer: &Bearer) -> Option<u64> {
        let number = id.strip_prefix('b')?.parse().ok()?;
        let mine = |record: &Recorded| bearer.trust.is_none() || record.project == bearer.project;
        self.there.get(&number).is_some_and(mine).then_some(number)
    }

    fn list(&self, search: &Value, project: &str, skip: usize, limit: usize) -> Answer {
        let mark = &search["match"][0]["freezerd_run"];
        let found = self.there.values().filter(|record| {
            record.project == project && (mark.is_null() || record.metadata["freezerd_run"] == *mark)
        });
        let shown = found.skip(skip).take(limit).map(|record| {
            json!({"backup_id": record.id, "status": record.status, "backup_metadata": record.metadata})
        });
        answer(StatusCode::OK, &json!({"backups": shown.collect::<Vec<_>>()}))
    }

    fn make(&mut self, project: &str, body: Value) -> Answer {
        self.made += 1;
        let id = format!("b{}", self.made);
        let record = Recorded {
            id: id.clone(),
            project: project.to_owned(),
            status: body["status"].as_str().map(str::to_owned),
            metadata: body,
        };
        self.there.insert(self.made, record);
        answer(StatusCode::CREATED, &json!({"backup_id": id}))
    }

    fn fill_in(&mut self, number: u64, body: &Value) {
        let record = self.there.get_mut(&number).expect("it is there");
        if let Some(status) = body["status"].as_str() {
            record.status = Some(status.to_owned());
        }
        for (key, value) in body["backup_metadata"].as_object().into_iter().flatten() {
            record.metadata[key] = value.clone();
        }
    }
}

impl Cloud {
    fn exchange(&mut self, ask: &Ask<'_>, now: i64) -> Result<Answer, ApiError> {
        if ask.peer == Peer::Keystone {
            return self.keystone.exchange(ask, self.weather, now);
        }
        let writes = ask.method != Method::GET;
        let failed = match self.answer(self.weather) {
            Err(ApiError::Auth { .. }) => return Ok(answer(StatusCode::UNAUTHORIZED, &json!("no"))),
            // Some faults come when it is done.
            Err(ApiError::Server { .. }) if !writes || Rng::new(now.unsigned_abs()).chance(70) => {
                return Ok(answer(StatusCode::INTERNAL_SERVER_ERROR, &json!("no")));
            }
            Err(ApiError::Server { .. }) => true,
            Err(error) => return Err(error),
            Ok(()) => false,
        };
        let token = ask.token.map_or("", Secret::expose);
        let bearer = self.keystone.tokens.get(token);
        let Some(bearer) = bearer.filter(|bearer| now < bearer.until).cloned() else {
            return Ok(answer(StatusCode::UNAUTHORIZED, &json!("no such token")));
        };
        let said = self.serve(ask, &bearer, now);
        let lost = self.too_slow || writes && self.weather == Weather::LostReplies;
        self.unheard += u64::from(writes && (failed || lost));
        if failed {
            return Ok(answer(StatusCode::INTERNAL_SERVER_ERROR, &json!("no")));
        }
        if lost {
            return Err(no_answer());
        }
        Ok(said)
    }

    fn serve(&mut self, ask: &Ask<'_>, bearer: &Bearer, now: i64) -> Answer {
        let path: Vec<&str> = ask.url.path_segments().expect("an address").collect();
        let ["v2", project, path @ ..] = &path[..] else {
            return missing();
        };
        let mine = |project: &str| bearer.trust.is_none() || project == bearer.project;
        if !mine(project) {
            return answer(StatusCode::FORBIDDEN, &json!("another's project"));
        }
        let done = || answer(StatusCode::OK, &json!({}));
        match (&ask.method, path) {
            (&Method::GET, ["jobs"]) => answer(StatusCode::OK, &json!({"jobs": []})),
            (method, ["jobs", id]) => match self.jobs.get(*id) {
                Some(job) if mine(job["project_id"].as_str().unwrap_or_default()) => {
                    if method == Method::PATCH {
                        self.patch(id, read(ask), now);
                        return done();
                    }
                    answer(StatusCode::OK, job)
                }
                _ => missing(),
            },
            (&Method::GET, ["sessions", "s"]) => self
                .show_session()
                .map_or_else(missing, |session| answer(StatusCode::OK, &session)),
            (&Method::POST, ["sessions", "s", "action"]) => self
                .act(&read(ask), now)
                .map_or_else(missing, |said| answer(StatusCode::ACCEPTED, &said)),
            (&Method::GET, ["backups"]) => {
                let query = |key: &str| {
                    let mut pairs = ask.url.query_pairs();
                    let value = pairs.find(|(name, _)| name == key).expect("it is asked for").1;
                    value.parse().expect("a number")
                };
                self.backups
                    .list(&read(ask), project, query("offset"), query("limit"))
            }
            (&Method::POST, ["backups"]) => self.backups.make(project, read(ask)),
            (method, ["backups", id]) => {
                let Some(number) = self.backups.with_id(id, bearer) else {
                    return missing();
                };
                if method == Method::DELETE {
                    let record = self.backups.there.remove(&number).expect("it is there");
                    self.backups.removed.push(record);
                } else {
                    self.backups.fill_in(number, &read(ask));
                }
                done()
            }
            _ => missing(),
        }
    }
}

fn read(ask: &Ask<'_>) -> Value {
    let body = ask.body.as_deref();
    body.map(|body| serde_json::from_slice(body).expect("JSON"))
        .unwrap_or_default()
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: body.to_string().into_bytes(),
    }
}

/// As the API says it of one document.
fn missing() -> Answer {
    Answer {
        status: StatusCode::NOT_FOUND,
        headers: HeaderMap::new(),
        body: Vec::new(),
    }
}
