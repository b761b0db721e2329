//! Registration: what is sent, when, and what becomes of a server that does not take it.

use std::sync::Arc;
use std::time::Duration;

use freezerd::config::Capabilities;
use freezerd::daemon::listing::{Polling, Source};
use freezerd::daemon::register::{self, BackOff, Contact};
use freezerd::daemon::registering::Registering;
use freezerd::freezer::{Api, ApiError, ClientFilter, Registration};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::{InTurn, Reply, Seen, Server, TestClock, reply};

const CLIENTS: &str = "/v2/p1/clients";

fn created() -> Reply {
    reply(201, json!({"client_id": "node-1"}).to_string())
}

fn forbidden() -> Reply {
    let said =
        json!({"title": "Access Forbidden", "description": "clients:create_central is disallowed by policy"});
    reply(403, said.to_string())
}

fn posts(server: &Server) -> Vec<Value> {
    let posts = server.seen().into_iter().filter(|seen| seen.is("POST", CLIENTS));
    posts.map(|seen| seen.json()).collect()
}

#[tokio::test]
async fn it_is_posted_whole_and_twice_is_harmless() {
    let server = Server::start(|seen| seen.is("POST", CLIENTS).then(created)).await;
    let api = server.api();
    let registration = Registration::new("node-1", "host");
    api.register(&registration).await.unwrap();
    api.register(&registration).await.unwrap();
    let words = |text: &str| json!(text.split(',').collect::<Vec<_>>());
    // The defaults of freezer-scheduler 19.0.0, as it has them in its options.
    let expected = json!({
        "client_id": "node-1", "hostname": "host", "is_central": false,
        "supported_actions": words("backup,restore,info,admin,exec"),
        "supported_modes": words("fs,mongo,mysql,sqlserver,cinder,glance,cindernative,nova"),
        "supported_storages": words("local,swift,ssh,s3,ftp,ftps"),
        "supported_engines": words("tar,rsync,rsyncv2,nova,osbrick,glance"),
    });
    assert_eq!(posts(&server), [expected.clone(), expected]);
    let seen = server.seen();
    let post = seen.last().unwrap();
    assert_eq!(post.headers["content-type"], "application/json");
    assert!(!post.token().is_empty());
}

#[tokio::test]
async fn a_fault_that_passes_is_tried_again_and_a_refusal_is_not() {
    let answers = InTurn::new([reply(503, ""), created()]);
    let server = Server::start(move |seen| seen.is("POST", CLIENTS).then(|| answers.next())).await;
    server.api().register(&Registration::new("n", "h")).await.unwrap();
    assert_eq!(posts(&server).len(), 2);

    let said = json!({"title": "Bad request", "description": "'hci-volumes' is not one of ['fs']"});
    let server =
        Server::start(move |seen| seen.is("POST", CLIENTS).then(|| reply(400, said.to_string()))).await;
    let error = server
        .api()
        .register(&Registration::new("n", "h"))
        .await
        .unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("hci-volumes"),
        "{error}"
    );
    assert_eq!(posts(&server).len(), 1);

    let server = Server::start(|seen| seen.is("POST", CLIENTS).then(forbidden)).await;
    let error = server
        .api()
        .register(&Registration::new("n", "h"))
        .await
        .unwrap_err();
    assert!(matches!(error, ApiError::Forbidden { .. }), "{error}");
}

/// The daemon's task, at a server.
struct Task {
    server: Server,
    polling: watch::Sender<Polling>,
    contact: watch::Sender<Contact>,
    task: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Task {
    async fn start(
        registering: Registering,
        clients: ClientFilter,
        script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let server = Server::start(script).await;
        let mut access = server.access();
        access.clients = clients;
        access.patience.retries = 0;
        let api = Api::connect(access, TestClock::new()).unwrap();
        let polling = watch::Sender::new(Polling {
            source: Source::Api(Arc::new(api)),
            every: Duration::from_secs(60),
            registering,
            copies: false,
        });
        let contact = watch::Sender::new(Contact::None);
        let back_off = BackOff {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(8),
        };
        let task = register::forever(polling.subscribe(), contact.subscribe(), back_off);
        Self {
            task: tokio::spawn(task),
            server,
            polling,
            contact,
        }
    }

    /// The registrations that came, once there are so many.
    async fn posts(&self, count: usize) -> Vec<Value> {
        let wait = async {
            while posts(&self.server).len() < count {
                freezerd::clock::pause(Duration::from_millis(2)).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(120), wait).await;
        assert!(came.is_ok(), "{:?}", self.server.targets());
        posts(&self.server)
    }

    /// What came in all, when as much time has gone by as a registration takes many times over.
    async fn quiet(&self) -> Vec<Value> {
        freezerd::clock::pause(Duration::from_millis(150)).await;
        posts(&self.server)
    }
}

fn own() -> ClientFilter {
    ClientFilter::Own(Some("node-1".into()))
}

fn taken(seen: &Seen) -> Option<Reply> {
    seen.is("POST", CLIENTS).then(created)
}

#[tokio::test]
async fn it_waits_for_the_first_listing_and_is_done_once_until_a_reload() {
    let registering = Registering {
        capabilities: Capabilities {
            modes: Some(vec!["fs".into()]),
            engines: Some(Vec::new()),
            ..Capabilities::default()
        },
        ..Registering::default()
    };
    let task = Task::start(registering, own(), taken).await;
    assert_eq!(task.quiet().await, [] as [Value; 0]);
    assert_eq!(
        task.server.tokens_given(),
        0,
        "nobody is asked before the listing"
    );

    task.contact.send_replace(Contact::Made);
    let first = task.posts(1).await.remove(0);
    assert_eq!(first["client_id"], "node-1");
    assert_eq!(first["supported_modes"], json!(["fs"]));
    assert_eq!(first["supported_engines"], json!([]));
    assert_eq!(
        first["supported_actions"],
        json!(Registration::new("", "").supported_actions)
    );
    task.contact.send_replace(Contact::Made);
    assert_eq!(
        task.quiet().await.len(),
        1,
        "every listing is contact, and only one registers"
    );

    task.polling
        .send_modify(|polling| polling.registering.capabilities = Capabilities::default());
    let second = task.posts(2).await.remove(1);
    assert_eq!(
        second["supported_modes"],
        json!(Registration::new("", "").supported_modes)
    );
}

#[tokio::test]
async fn without_a_configured_id_it_is_the_projects_and_the_hosts_name() {
    let task = Task::start(Registering::default(), ClientFilter::Own(None), taken).await;
    task.contact.send_replace(Contact::Made);
    let posted = task.posts(1).await.remove(0);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert_eq!(posted["hostname"], json!(host));
    assert_eq!(posted["client_id"], json!(format!("p1_{host}")));
}

#[tokio::test]
async fn an_api_that_is_away_is_tried_again() {
    let answers = InTurn::new([reply(503, ""), reply(401, "{}"), reply(502, ""), created()]);
    let script = move |seen: &Seen| seen.is("POST", CLIENTS).then(|| answers.next());
    let task = Task::start(Registering::default(), own(), script).await;
    task.contact.send_replace(Contact::Made);
    assert_eq!(task.posts(4).await.len(), 4);
    assert_eq!(task.quiet().await.len(), 4);
}

#[tokio::test]
async fn what_will_never_be_taken_is_not_tried_again() {
    for status in [400, 404, 405, 409, 501] {
        let script = move |seen: &Seen| seen.is("POST", CLIENTS).then(|| reply(status, "{}"));
        let task = Task::start(Registering::default(), own(), script).await;
        task.contact.send_replace(Contact::Made);
        task.posts(1).await;
        assert_eq!(task.quiet().await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn who_may_not_be_central_is_a_plain_client() {
    let central = Registering {
        central: true,
        ..Registering::default()
    };
    let script = |seen: &Seen| {
        let central = seen.is("POST", CLIENTS) && seen.json()["is_central"] == true;
        if central { Some(forbidden()) } else { taken(seen) }
    };
    let task = Task::start(central.clone(), own(), script).await;
    task.contact.send_replace(Contact::Made);
    let said: Vec<Value> = task
        .posts(2)
        .await
        .iter()
        .map(|post| post["is_central"].clone())
        .collect();
    assert_eq!(said, [true, false]);
    assert_eq!(task.quiet().await.len(), 2);

    let task = Task::start(central, own(), taken).await;
    task.contact.send_replace(Contact::Made);
    task.posts(1).await;
    assert_eq!(task.quiet().await[0]["is_central"], true);
}

#[tokio::test]
async fn by_default_neither_virtuozzos_api_nor_everybodys_plans_are_registered_for() {
    let asked = |wanted| Registering {
        wanted,
        ..Registering::default()
    };
    for (wanted, clients, contact, expected) in [
        (None, own(), Contact::Virtuozzo, 0),
        (None, ClientFilter::All, Contact::Made, 0),
        (Some(false), own(), Contact::Made, 0),
        (Some(true), own(), Contact::Virtuozzo, 1),
        (Some(true), ClientFilter::All, Contact::Made, 1),
    ] {
        let case = format!("{wanted:?} {clients:?} {contact:?}");
        let task = Task::start(asked(wanted), clients, taken).await;
        task.contact.send_replace(contact);
        if expected > 0 {
            task.posts(expected).await;
        }
        assert_eq!(task.quiet().await.len(), expected, "{case}");
    }
}

#[tokio::test]
async fn a_listing_that_turns_out_to_be_virtuozzos_ends_the_tries() {
    let script = |seen: &Seen| seen.is("POST", CLIENTS).then(|| reply(500, "{}"));
    let task = Task::start(Registering::default(), own(), script).await;
    // An empty listing shows no dialect.
    task.contact.send_replace(Contact::made(false));
    task.posts(2).await;
    task.contact.send_replace(Contact::made(true));
    let before = task.quiet().await.len();
    // A try that was under way may be noted a moment later; one who goes on would make many more.
    let after = task.quiet().await.len();
    assert!(after <= before + 1, "{before} tries, then {after}");
}
