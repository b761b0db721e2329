//! The program as a user meets it: arguments in; standard output, standard error and an exit code out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

mod api;
mod capabilities;
mod check;
mod dry_run;
mod formats;
mod history;
mod import_config;
mod known;
mod node;
mod shadow_report;
mod streams;
mod usage;
mod vectors;
mod why;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a command left behind.
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The program, in a clean environment in UTC and with an empty configuration.
fn freezerd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freezerd"));
    command
        .env_clear()
        .env("TZ", "UTC")
        .env("FREEZERD_CONFIG", file("empty.toml"))
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Done {
    done(freezerd().args(arguments))
}

fn done(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A file of these tests.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name)
}

fn path(name: &str) -> String {
    file(name).to_str().unwrap().to_owned()
}

impl Done {
    /// Standard output of a command that went well.
    fn fine(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.fine()).unwrap()
    }

    /// What a user reads who made a mistake.
    fn refused(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, "", "a mistake gives no data");
        self.stderr
    }
}
