//! freezer-scheduler 19.0.0 itself, the incumbent, at a node of its own: what freezerd is compared with.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::eventually::eventually;
use crate::node::Node;
use crate::services::Stack;

/// Runs it with another grace than its hour: nobody can wait that long. Nothing else of it is changed.
const OTHER_GRACE: &str = "
import sys
from apscheduler.schedulers import background
add_job = background.BackgroundScheduler.add_job
def add_with_other_grace(self, *args, **kwargs):
    if kwargs.get('misfire_grace_time') == 3600:
        kwargs['misfire_grace_time'] = GRACE
    return add_job(self, *args, **kwargs)
background.BackgroundScheduler.add_job = add_with_other_grace
from freezer.scheduler.freezer_scheduler import main
sys.exit(main())
";

/// How it is to run.
pub struct Options {
    /// The node's, unless given.
    pub client_id: Option<String>,
    /// Seconds between its polls.
    pub interval: u32,
    pub concurrent_jobs: u32,
    /// Seconds after which it drops what waits, instead of an hour.
    pub grace: Option<u32>,
    /// Without the API, from this folder of the node.
    pub no_api: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client_id: None,
            interval: 2,
            concurrent_jobs: 4,
            grace: None,
            no_api: None,
        }
    }
}

/// A freezer-scheduler that runs. Dropped, it is killed; after a failed test it also shows the end of its log.
pub struct Incumbent<'a> {
    child: Child,
    node: &'a Node,
}

impl<'a> Incumbent<'a> {
    /// Starts it, with its agents behind the node's gate.
    pub fn start(stack: &Stack, node: &'a Node, options: &Options) -> Self {
        let jobs = node.path(options.no_api.unwrap_or("incumbent"));
        let text = format!(
            "[DEFAULT]\nlog_file = {log}\nuse_stderr = false\n[scheduler]\nclient_id = {client}\njobs_dir = {jobs}\n\
             interval = {interval}\nconcurrent_jobs = {at_once}\nno_daemon = true\nno_api = {no_api}\n",
            log = node.path("scheduler.log").display(),
            client = options.client_id.as_ref().unwrap_or(&node.client_id),
            jobs = jobs.display(),
            interval = options.interval,
            at_once = options.concurrent_jobs,
            no_api = options.no_api.is_some(),
        );
        fs::write(node.path("scheduler.conf"), text).expect("its configuration");
        Self::configured(stack, node, options.grace)
    }

    /// Starts it on the `scheduler.conf` that the node has.
    pub fn configured(stack: &Stack, node: &'a Node, grace: Option<u32>) -> Self {
        // It takes the agent that it finds in PATH.
        let bin = node.path("bin");
        fs::create_dir_all(&bin).expect("a folder");
        let _ = symlink(node.path("agent"), bin.join("freezer-agent"));
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = match grace {
            None => stack.command(stack.value("STACK_SCHEDULER"), &node.home()),
            Some(grace) => {
                let mut command = stack.command(stack.value("STACK_PYTHON"), &node.home());
                command.args(["-c", &OTHER_GRACE.replace("GRACE", &grace.to_string())]);
                command
            }
        };
        let output = File::create(node.path("scheduler.out")).expect("its output");
        let child = command
            .env("PATH", path)
            .env("PYTHONWARNINGS", "ignore")
            .arg("--config-file")
            .arg(node.path("scheduler.conf"))
            .arg("start")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .expect("freezer-scheduler");
        Self { child, node }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that freezer-schedulers of this node have logged.
    fn log(&self) -> String {
        fs::read_to_string(self.node.path("scheduler.log")).unwrap_or_default()
    }

    /// Waits for a text in the log.
    pub fn await_log(&self, text: &str) {
        eventually(Duration::from_secs(180), text, || {
            let log = self.log();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    }

    /// Waits until it has begun so many more polls: what it does about a listing it has done by then.
    pub fn await_polls(&self, more: usize) {
        let polls = || self.log().matches("Polling for jobs from API").count();
        let wanted = polls() + more;
        eventually(Duration::from_secs(180), "more of its polls", || match polls() {
            now if now >= wanted => Ok(()),
            now => Err(format!("{now} of {wanted}")),
        });
    }

    /// Waits until it has used a second of processor time more, and again, while it begins no poll: it is caught in
    /// a loop.
    pub fn await_spinning(&self) {
        let used = || -> u64 {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it lives");
            let (_, fields) = stat.rsplit_once(") ").expect("its fields");
            let ticks = |field: usize| {
                fields
                    .split(' ')
                    .nth(field)
                    .and_then(|text| text.parse::<u64>().ok())
            };
            ticks(11).expect("user time")
        };
        let polls = || self.log().matches("Polling for jobs from API").count();
        let mut since = (polls(), used());
        eventually(Duration::from_secs(180), "it turns round and round", || {
            let now = (polls(), used());
            if now.0 != since.0 {
                since = now;
            }
            // Hundredths of a second.
            if now.1 >= since.1 + 300 {
                Ok(())
            } else {
                Err(format!("{since:?}, {now:?}"))
            }
        });
    }

    /// `kill -9`
    pub fn kill(mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("its end");
    }
}

impl Drop for Incumbent<'_> {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the incumbent said")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let output = fs::read_to_string(self.node.path("scheduler.out")).unwrap_or_default();
            let log = self.log();
            let lines: Vec<_> = log.lines().chain(output.lines()).collect();
            let from = lines.len().saturating_sub(40);
            let end = lines.get(from..).unwrap_or_default().join("\n");
            eprintln!("--- the end of freezer-scheduler's log:\n{end}");
        }
    }
}
