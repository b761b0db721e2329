//! The users' programs, `freezer` and `openstack`, from one process that has them loaded (clients.py says how).
//! The tests of the stack itself start them as users do.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::command::Ended;

/// The process that has the programs loaded. It ends with ours, when its standard input closes.
pub struct Clients {
    dir: TempDir,
    _child: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Clients {
    /// Starts it: `python` is the interpreter with an environment in which the programs find the stack, and
    /// `script` clients.py.
    pub fn start(mut python: Command, script: PathBuf) -> Self {
        let dir = tempfile::tempdir().expect("a folder for its socket");
        let mut child = python
            .env("HOME", dir.path())
            .env("PYTHONWARNINGS", "ignore")
            .arg(script)
            .arg(dir.path().join("socket"))
            // It kills its group when it ends.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let mut stdout = BufReader::new(child.stdout.take().expect("its standard output"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line of it");
        assert_eq!(line, "ready\n");
        Self {
            dir,
            _child: child,
            _stdout: stdout,
        }
    }

    /// Runs a command as it would run by itself: by the name of its program, with its arguments and its environment.
    pub fn run(&self, command: &Command, limit: Duration) -> Ended {
        let text = |text: &std::ffi::OsStr| text.to_str().expect("UTF-8").to_owned();
        let program = text(command.get_program());
        let environment: Map<String, Value> = command
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?).into())))
            .collect();
        let request = json!({
            "program": program.rsplit('/').next(),
            "arguments": command.get_args().map(text).collect::<Vec<_>>(),
            "environment": environment,
        });
        let mut stream = UnixStream::connect(self.dir.path().join("socket")).expect("its socket");
        stream.set_read_timeout(Some(limit)).expect("a limit");
        writeln!(stream, "{request}").expect("its request");
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .unwrap_or_else(|error| panic!("{command:?}: not done within {} s: {error}", limit.as_secs()));
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command:?} died: {error}: {line}"));
        let printed = |name| answer[name].as_str().expect("text").to_owned();
        let status = answer["status"].as_i64().expect("a status");
        Ended {
            // As wait(2) gives it.
            status: ExitStatus::from_raw(i32::try_from(status & 0xff).expect("a byte") << 8),
            stdout: printed("stdout"),
            stderr: printed("stderr"),
        }
    }
}
