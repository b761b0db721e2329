//! The stack as the tests share it: brought up once a process, used by a few tests at a time, or by one that stops
//! and starts its services.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::clients::Clients;
use crate::command::succeed;
use crate::eventually::eventually;

/// From nothing, on a busy machine, with a slow way to the package index.
const UP_LIMIT: Duration = Duration::from_secs(1200);

const CLIENT_LIMIT: Duration = Duration::from_secs(120);

/// A running stack, and the turn to use it: other tests wait, in this process and in others.
pub struct Stack {
    up: &'static Up,
    _turn: File,
    _seat: Option<Seat>,
}

/// What lives as long as this test process.
struct Up {
    dir: PathBuf,
    environment: BTreeMap<String, String>,
    clients: OnceLock<Clients>,
    /// Held shared by every process that uses the stack.
    _users: File,
    /// Stops the stack when its standard input closes, that is when this process ends, however it ends.
    _caretaker: Option<Child>,
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack")
}

fn lock_file(dir: &Path, name: &str) -> File {
    let path = dir.join(name);
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()))
}

/// The stack in `.stack` (or `STACK_DIR`), running, for the caller alone. With `STACK_KEEP` in the environment
/// it is left running at the end.
pub fn stack() -> Stack {
    let up = up();
    let turn = lock_file(&up.dir, "turn.lock");
    turn.lock().expect("the turn");
    // A test that failed while the API was down must not fail the next one too.
    succeed(&mut up.script("up.sh"), UP_LIMIT);
    Stack {
        up,
        _turn: turn,
        _seat: None,
    }
}

/// The same, for those who leave its services alone: several of them use it at once.
pub fn shared_stack() -> Stack {
    let up = up();
    let seat = Seat::take();
    let turn = lock_file(&up.dir, "turn.lock");
    turn.lock_shared().expect("the turn");
    // As above; two at once take turns.
    succeed(&mut up.script("up.sh"), UP_LIMIT);
    Stack {
        up,
        _turn: turn,
        _seat: Some(seat),
    }
}

/// How many tests use the stack at once. They wait more than they work, on one API that does one thing at a time.
const SEATS: usize = 5;

static TAKEN: Mutex<usize> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();

/// One test's place among those who share the stack. It is counted here, and not by the number of the test threads, because
/// those who want the stack for themselves wait for all the others, and would keep threads from them.
struct Seat(());

impl Seat {
    fn take() -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut usize| *taken >= SEATS;
        let mut taken = LEFT
            .wait_while(taken, full)
            .unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Self(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        LEFT.notify_one();
    }
}

fn up() -> &'static Up {
    static UP: OnceLock<Up> = OnceLock::new();
    UP.get_or_init(bring_up)
}

fn bring_up() -> Up {
    let dir = std::env::var_os("STACK_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".stack"),
        PathBuf::from,
    );
    fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("cannot make {}: {error}", dir.display()));
    let users = lock_file(&dir, "users.lock");
    users.lock_shared().expect("the users' lock");
    let mut up = Up {
        dir,
        environment: BTreeMap::new(),
        clients: OnceLock::new(),
        _users: users,
        _caretaker: None,
    };
    if std::env::var_os("STACK_KEEP").is_none() {
        up._caretaker = Some(up.caretaker());
    }
    succeed(&mut up.script("up.sh"), UP_LIMIT);
    let env = fs::read_to_string(up.dir.join("env")).expect("the env file that up.sh wrote");
    up.environment = env
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    up
}

impl Up {
    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(scripts().join(name));
        command.arg(&self.dir);
        command
    }

    /// The last user stops the stack. Our own lock goes with our process, at the same moment as the pipe to
    /// the caretaker or a little later: hence its five seconds.
    fn caretaker(&self) -> Child {
        Command::new("sh")
            .args([
                "-c",
                "read -r _; exec flock -w 5 -x \"$1\" \"$2\" \"$3\"",
                "caretaker",
            ])
            .args([
                self.dir.join("users.lock"),
                scripts().join("down.sh"),
                self.dir.clone(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; it must outlive them.
            .process_group(0)
            .spawn()
            .expect("sh")
    }
}

/// A request that was to change something, as freezer-api saw it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Witnessed {
    pub method: String,
    /// Without `/v2`: `/PROJECT/jobs/ID`.
    pub path: String,
    pub body: String,
    /// A digest of the token it came with.
    pub token: String,
    /// Of the answer.
    pub status: u16,
    /// The answer itself; that to a listing is left out.
    pub answer: String,
    /// When it was taken up, in seconds since 1970.
    pub taken_up: i64,
}

impl Witnessed {
    /// The `job_schedule` it wrote.
    pub fn job_schedule(&self) -> Value {
        let body: Value = serde_json::from_str(&self.body).expect("a JSON body");
        body.get("job_schedule").cloned().unwrap_or(Value::Null)
    }
}

impl Stack {
    /// One of the values that up.sh wrote.
    pub fn value(&self, name: &str) -> &str {
        self.up
            .environment
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the stack's env file"))
    }

    /// A command that sees nothing of our environment but `PATH`, and the stack's account (`OS_*`).
    pub fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(
            self.up
                .environment
                .iter()
                .filter(|(name, _)| name.starts_with("OS_")),
        );
        command
    }

    /// Runs one of the users' programs, which must succeed; gives its standard output.
    pub fn client(&self, command: &Command) -> String {
        let clients = self.up.clients.get_or_init(|| {
            let python = self.command(self.value("STACK_PYTHON"), Path::new("/"));
            Clients::start(python, scripts().join("clients.py"))
        });
        clients.run(command, CLIENT_LIMIT).success_of(command)
    }

    /// Stops freezer-api. Keystone stays.
    pub fn stop_api(&self) {
        let mut command = Command::new(scripts().join("down.sh"));
        succeed(command.arg("--api").arg(&self.up.dir), Duration::from_secs(60));
    }

    /// Starts freezer-api again, on the same port, with what it held.
    pub fn start_api(&self) {
        succeed(&mut self.up.script("up.sh"), UP_LIMIT);
    }

    /// What was PATCHed to this job, oldest first.
    pub fn patches(&self, job_id: &str) -> Vec<Witnessed> {
        let end = format!("/jobs/{job_id}");
        self.witnessed(|seen| seen.method == "PATCH" && seen.path.ends_with(&end))
    }

    /// The `job_schedule` that was last written to this job; null: nobody wrote to it.
    pub fn last_written(&self, job_id: &str) -> Value {
        self.patches(job_id)
            .last()
            .map_or(Value::Null, Witnessed::job_schedule)
    }

    /// Waits until the `job_schedule` that was last written to this job has this under that key.
    pub fn await_written(&self, job_id: &str, key: &str, text: &str) {
        eventually(
            Duration::from_secs(180),
            &format!("{key} {text:?} is written"),
            || {
                let written = self.last_written(job_id);
                if written.get(key).and_then(Value::as_str) == Some(text) {
                    Ok(())
                } else {
                    Err(format!("{job_id}: {written}"))
                }
            },
        );
    }

    /// What was POSTed to make records of this job's backups, oldest first.
    pub fn backups_made(&self, job_id: &str) -> Vec<Witnessed> {
        self.witnessed(|seen| {
            let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
            let ours = body.get("job_id").and_then(Value::as_str) == Some(job_id);
            seen.method == "POST" && seen.path.ends_with("/backups") && ours
        })
    }

    /// When each round of this session was let start, oldest first, in seconds since 1970.
    pub fn rounds(&self, session_id: &str) -> Vec<i64> {
        let end = format!("/sessions/{session_id}/action");
        let mut rounds = BTreeMap::new();
        for seen in self.witnessed(|seen| seen.method == "POST" && seen.path.ends_with(&end)) {
            let answer: Value = serde_json::from_str(&seen.answer).unwrap_or_default();
            if seen.body.contains("\"start\"") && answer["result"] == "success" {
                rounds
                    .entry(answer["session_tag"].as_i64())
                    .or_insert(seen.taken_up);
            }
        }
        rounds.into_values().collect()
    }

    /// How many requests searched the jobs for this client's: so freezer-scheduler asks for its pages.
    pub fn pages_asked_for(&self, client_id: &str) -> usize {
        let seen = self.witnessed(|seen| {
            seen.method == "GET"
                && seen.path.trim_end_matches('/').ends_with("/jobs")
                && seen.body.contains(client_id)
        });
        seen.len()
    }

    fn witnessed(&self, wanted: impl Fn(&Witnessed) -> bool) -> Vec<Witnessed> {
        let file = File::open(self.value("STACK_WITNESS")).expect("the witness's log");
        let lines = BufReader::new(file)
            .split(b'\n')
            .map(|line| line.expect("a line"));
        // The last one may be written this moment.
        let mut seen: Vec<_> = lines.map(|line| serde_json::from_slice(&line)).collect();
        seen.pop_if(|last: &mut Result<Witnessed, _>| last.is_err());
        seen.into_iter()
            .map(|seen| seen.expect("a line of JSON"))
            .filter(|seen| wanted(seen))
            .collect()
    }
}
