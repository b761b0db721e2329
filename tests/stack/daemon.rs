//! freezerd as a process, and its commands.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::run;
use crate::eventually::eventually;
use crate::node::Node;
use crate::services::Stack;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_freezerd");

/// A daemon that runs. Dropped, it is killed; after a failed test it also shows the end of its log.
pub struct Daemon<'a> {
    child: Child,
    node: &'a Node,
    /// `127.0.0.1:PORT`
    address: String,
}

impl<'a> Daemon<'a> {
    /// Starts it on the node's configuration and waits until it is ready.
    pub fn start(stack: &Stack, node: &'a Node) -> Self {
        Self::start_with(stack, node, &[], &[])
    }

    /// The same, with more arguments and variables.
    pub fn start_with(stack: &Stack, node: &'a Node, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = File::create(node.path("freezerd.log")).expect("its log");
        let child = stack
            .command(PROGRAM, &node.home())
            .args(["run", "--config"])
            .arg(node.config())
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("freezerd");
        let mut daemon = Self {
            child,
            node,
            address: String::new(),
        };
        daemon.address = eventually(Duration::from_secs(120), "freezerd says where it listens", || {
            daemon.assert_alive();
            let log = daemon.log();
            listening(&log).ok_or(log)
        });
        eventually(Duration::from_secs(120), "freezerd is ready", || {
            daemon.assert_alive();
            match daemon.get("/readyz") {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => Ok(()),
                Ok(answer) => Err(answer),
                Err(error) => Err(error.to_string()),
            }
        });
        daemon
    }

    fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("its status") {
            panic!("freezerd ended: {status}");
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has logged since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.node.path("freezerd.log")).unwrap_or_default()
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Waits until the plan was polled: its metrics are there.
    pub fn await_plan(&self, job_id: &str) {
        eventually(Duration::from_secs(120), "the plan is polled", || {
            let metrics = self.get("/metrics").map_err(|error| error.to_string())?;
            if metrics.contains(job_id) {
                Ok(())
            } else {
                Err(metrics)
            }
        });
    }

    /// Waits for a whole listing that was asked for after now. (The second one to end from now: the first may
    /// have begun before.)
    pub fn await_poll(&self) {
        let before = eventually(Duration::from_secs(120), "its polls are counted", || self.polls());
        eventually(Duration::from_secs(120), "two more polls", || {
            match self.polls() {
                Ok(now) if now >= before + 2 => Ok(()),
                Ok(now) => Err(format!("{before} polls, then {now}")),
                Err(seen) => Err(seen),
            }
        });
    }

    /// How many polls it has made.
    pub fn polls(&self) -> Result<usize, String> {
        self.metric("freezerd_poll_duration_seconds_count")
    }

    /// A metric without labels.
    pub fn metric<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let metrics = self.get("/metrics").map_err(|error| error.to_string())?;
        let lines = metrics.lines().filter_map(|line| line.split_once(' '));
        let mut values = lines
            .filter(|(series, _)| *series == name)
            .map(|(_, value)| value);
        let value = values.next().and_then(|value| value.parse().ok());
        value.ok_or(metrics)
    }

    /// One of its commands, on the same configuration.
    pub fn command(&self, stack: &Stack, arguments: &[&str]) -> Command {
        let mut command = stack.command(PROGRAM, &self.node.home());
        command.args(arguments).arg("--config").arg(self.node.config());
        command
    }

    /// `kill -9`
    pub fn kill(mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("its end");
    }

    /// SIGTERM, and its exit status.
    pub fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("SIGTERM");
        eventually(Duration::from_secs(120), "freezerd ends after SIGTERM", || {
            self.child
                .try_wait()
                .expect("its status")
                .ok_or_else(|| "it still runs".to_owned())
        })
    }
}

impl Drop for Daemon<'_> {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the daemon said")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let from = lines.len().saturating_sub(60);
            eprintln!(
                "--- the end of freezerd's log:\n{}",
                lines.get(from..).unwrap_or_default().join("\n")
            );
        }
    }
}

/// The address of `listening on http://127.0.0.1:PORT`, in a log line of any format.
fn listening(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("listening on http://")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')?;
    rest.get(..end).map(str::to_owned)
}

/// The plan's runs, by `freezerd history`; `Err`: what it says instead, of a plan that the ledger may not know yet.
fn known_history(stack: &Stack, node: &Node, job_id: &str) -> Result<Vec<Value>, String> {
    let mut command = stack.command(PROGRAM, &node.home());
    command
        .args(["history", job_id, "--format", "json", "--config"])
        .arg(node.config());
    let ended = run(&mut command, Duration::from_secs(120));
    if !ended.status.success() {
        return Err(ended.stderr);
    }
    let whole: Value = serde_json::from_str(&ended.stdout).expect("JSON of freezerd history");
    let runs = whole.get("runs").and_then(Value::as_array).cloned();
    Ok(runs.expect("its runs"))
}

/// The plan's runs, by `freezerd history`.
pub fn history(stack: &Stack, node: &Node, job_id: &str) -> Vec<Value> {
    known_history(stack, node, job_id).unwrap_or_else(|said| panic!("{said}"))
}

fn outcomes_of(runs: &[Value]) -> Vec<Value> {
    runs.iter()
        .map(|run| run.get("outcome").cloned().unwrap_or(Value::Null))
        .collect()
}

/// The outcomes of the plan's runs; `null` for one that is not over.
pub fn outcomes(stack: &Stack, node: &Node, job_id: &str) -> Vec<Value> {
    outcomes_of(&history(stack, node, job_id))
}

/// The same, of a plan that the ledger may not know yet.
pub fn known_outcomes(stack: &Stack, node: &Node, job_id: &str) -> Result<Vec<Value>, String> {
    Ok(outcomes_of(&known_history(stack, node, job_id)?))
}
