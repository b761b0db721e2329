//! What a server says: every text as a listing, as a session, as a list of backups, as an error, as a token; as it is, and
//! damaged.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freezerd::freezer::{Access, Api, ApiError, Auth, Backup, Drafted, Named, Scope, Secret};
use freezerd::plan::JobId;
use freezerd::planner::{Metadata, RunId, SessionAsk, SessionEnd};
use tokio::runtime::Runtime;

use crate::server::{Seen, Server, TestClock, reply, token};
use crate::{PLANTED, corpus, damaged};

/// The token it gives; it stands in the corpus, too.
pub const TOKEN: &str = "pl4nted-t0ken";

/// What the server answers to which request, and with which status.
#[derive(Clone, Copy)]
pub enum As {
    Listing,
    /// To a run that asks its session.
    Start,
    /// The session, after it refused.
    Session,
    /// To whoever looks for the record of a backup.
    Backups,
    Error(u16),
    Token,
    Refusal,
}

const ALL: [As; 9] = [
    As::Listing,
    As::Start,
    As::Session,
    As::Backups,
    As::Error(400),
    As::Error(403),
    As::Error(502),
    As::Token,
    As::Refusal,
];

/// A server that answers with whatever it is handed.
pub struct Stranger {
    tasks: Runtime,
    server: Server,
    /// One that has a token.
    known: Api,
    access: Access,
    says: Arc<Mutex<(String, As)>>,
}

impl Stranger {
    pub fn new() -> Self {
        let tasks = Runtime::new().unwrap();
        let says = Arc::new(Mutex::new((String::new(), As::Token)));
        let said = Arc::clone(&says);
        let script = move |seen: &Seen| {
            let (text, place) = said.lock().unwrap().clone();
            let listing = seen.method == "GET";
            let about = |what: &str| seen.target.starts_with(&format!("/v2/p1/{what}"));
            match place {
                As::Listing if listing => Some(reply(200, text)),
                As::Start if about("sessions/") => Some(reply(200, text)),
                As::Session if listing && about("sessions/") => Some(reply(200, text)),
                As::Session if about("sessions/") => Some(reply(400, "")),
                As::Backups if listing && about("backups") => Some(reply(200, text)),
                As::Error(status) if listing => Some(reply(status, text)),
                As::Token if !listing => Some(reply(201, text).with("X-Subject-Token", "t")),
                As::Refusal if !listing => Some(reply(401, text)),
                _ => Some(token(TOKEN, &format!("http://{}", seen.headers["host"]))),
            }
        };
        let server = tasks.block_on(Server::start(script));
        let mut access = server.access();
        access.patience.retries = 0;
        access.patience.request = Duration::from_secs(20);
        access.auth = Auth::Password {
            user: Named::Id("u1".into()),
            password: Secret::new(PLANTED),
            scope: Scope::Project(Named::Id("p1".into())),
        };
        Self {
            tasks,
            known: Api::connect(access.clone(), TestClock::new()).unwrap(),
            access,
            server,
            says,
        }
    }

    /// Every document is taken or refused; what is said of it is fit to be said.
    fn say(&self, text: &str) {
        for place in ALL {
            self.say_as(text, place);
        }
    }

    pub fn say_as(&self, text: &str, place: As) {
        *self.says.lock().unwrap() = (text.to_owned(), place);
        // One that asks for its first token.
        let new;
        // Our own, and sent back to us.
        let (api, secret) = match place {
            As::Token | As::Refusal => {
                new = Api::connect(self.access.clone(), TestClock::new()).unwrap();
                (&new, PLANTED)
            }
            _ => (&self.known, TOKEN),
        };
        for error in self.tasks.block_on(ask(api, place)) {
            let said = error.to_string();
            assert!(!said.contains(char::is_control), "{said:?}");
            assert!(said.len() < 2_000, "{} bytes are said", said.len());
            assert!(!said.contains(secret), "{said:?}");
        }
    }

    /// No answer made us ask elsewhere than where our project's documents are.
    pub fn was_asked_only_for_what_is_ours(&self) {
        let targets = self.server.targets();
        assert!(targets.len() > 10, "{targets:?}");
        for target in targets {
            let (_, path) = target.split_once(' ').unwrap();
            let climbs = path.split('/').any(|part| [".", ".."].contains(&part));
            assert!(path.starts_with("/v2/p1/") && !climbs, "{target}");
        }
    }
}

/// Asks what such a text is an answer to; the errors.
async fn ask(api: &Api, place: As) -> Vec<ApiError> {
    let (job, run) = (
        JobId::new("j"),
        RunId::from_stored("j-20260301T010000Z".to_owned()),
    );
    match place {
        As::Start | As::Session => {
            let ask = SessionAsk {
                run,
                job: job.clone(),
                project: None,
                session: "s".to_owned(),
                tag: 7,
            };
            let end = SessionEnd {
                session: "s".to_owned(),
                tag: 7,
                result: "success".to_owned(),
                unsure: true,
            };
            let started = api.start_session(&ask, None).await.map(drop);
            let ended = api.end_session(&job, None, None, &end).await;
            [started, ended].into_iter().filter_map(Result::err).collect()
        }
        As::Backups => {
            let backup = Backup {
                job: &job,
                project: None,
                trust: None,
                draft: Drafted::No,
                run: &run,
                metadata: &Metadata::from_stored(0, r#"{"action": "backup"}"#),
            };
            let kept = api.keep_backup(backup, true).await;
            kept.err().map(|failed| failed.error).into_iter().collect()
        }
        As::Listing | As::Error(_) | As::Token | As::Refusal => api.list().await.err().into_iter().collect(),
    }
}

#[test]
fn the_corpus_as_answers() {
    let stranger = Stranger::new();
    for text in corpus() {
        stranger.say(&text);
    }
}

#[test]
fn damaged_answers() {
    let stranger = Stranger::new();
    damaged(40, |text| stranger.say(text));
}
