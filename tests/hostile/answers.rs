//! What a server says: every text as a listing, as an error, as a token; as it is, and damaged.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freezerd::freezer::{Api, Auth, Named, Scope, Secret};
use tokio::runtime::Runtime;

use crate::server::{Seen, Server, TestClock, reply, token};
use crate::{PLANTED, corpus, damaged};

/// The token it gives; it stands in the corpus, too.
const TOKEN: &str = "pl4nted-t0ken";

/// What the server answers to which request, and with which status.
#[derive(Clone, Copy)]
enum As {
    Listing,
    Error(u16),
    Token,
    Refusal,
}

const ALL: [As; 6] = [
    As::Listing,
    As::Error(400),
    As::Error(403),
    As::Error(502),
    As::Token,
    As::Refusal,
];

/// A server that answers with whatever it is handed.
struct Stranger {
    tasks: Runtime,
    /// Held, so that it lives.
    _server: Server,
    /// One that has a token, and one that asks for its first.
    known: Api,
    new: Api,
    says: Arc<Mutex<(String, As)>>,
}

impl Stranger {
    fn new() -> Self {
        let tasks = Runtime::new().unwrap();
        let says = Arc::new(Mutex::new((String::new(), As::Token)));
        let said = Arc::clone(&says);
        let script = move |seen: &Seen| {
            let (text, place) = said.lock().unwrap().clone();
            let listing = seen.method == "GET";
            match place {
                As::Listing if listing => Some(reply(200, text)),
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
        let api = || Api::connect(access.clone(), TestClock::new()).unwrap();
        Self {
            tasks,
            known: api(),
            new: api(),
            _server: server,
            says,
        }
    }

    /// Every document is taken or refused; what is said of it is fit to be said.
    fn say(&self, text: &str) {
        for place in ALL {
            *self.says.lock().unwrap() = (text.to_owned(), place);
            // Our own, and sent back to us.
            let (api, secret) = match place {
                As::Listing | As::Error(_) => (&self.known, TOKEN),
                As::Token | As::Refusal => (&self.new, PLANTED),
            };
            if let Err(error) = self.tasks.block_on(api.list()) {
                let said = error.to_string();
                assert!(!said.contains(char::is_control), "{said:?}");
                assert!(said.len() < 2_000, "{} bytes are said", said.len());
                assert!(!said.contains(secret), "{said:?}");
            }
        }
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
