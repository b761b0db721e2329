//! Arguments in, exit code out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use freezerd::cli::{self, Cli, Command, Shell};
use freezerd::clock::{Clock, SystemClock};
use freezerd::config::Loader;
use freezerd::launch::{self, supervise::WHEN_TOLD};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

fn main() -> ExitCode {
    dump_no_core();
    // As the launchers call it. An agent waits for it, so it does not wait for clap: of the 1,050,000 instructions of a start
    // (relocation, mostly) that spares another 150,000, and a tenth of a millisecond.
    if let Some((when_told, [state, runtime])) = supervised(std::env::args_os()) {
        return supervise(when_told, Path::new(&state), Path::new(&runtime));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, mistakes to standard error; either may be closed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // A supervisor carries out what it was handed: it reads no configuration, and holds no stream open.
    if let Command::Supervise(args) = &cli.command {
        return supervise(args.when_told, &args.state, &args.runtime);
    }
    dump_nothing();
    if let Command::DryRun(_) = &cli.command {
        widen(&std::io::stdout());
    }
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut stdout = std::io::stdout();
    // Not locked: the daemon's other threads log to it.
    let mut stderr = std::io::stderr();
    let mut shell = Shell {
        search_path: environment.get("PATH").cloned().unwrap_or_default(),
        now: SystemClock::new().now(),
        colour: cli::wants_colour(stdout.is_terminal(), &environment),
        stdout: &mut stdout,
        stderr: &mut stderr,
        loader: Loader::new(environment),
    };
    let result = cli::execute(cli, &mut shell);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.print(shell.stderr)),
    }
}

/// A core would hold passwords and tokens, whatever the command: ours, and those of agents, which inherit this (units of
/// systemd's have it, too).
fn dump_no_core() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Less is always allowed.
    let _ = setrlimit(Resource::Core, none);
}

/// Nor is a core handed to a program that the kernel pipes it to, whatever the limit; nor may others of the same user look into
/// this process. Not so supervisors: the daemon has to see whether one holds its run's lock, and of a process that may not be
/// dumped /proc shows that to those alone who may trace any process (not to a user of its own, not to root in most containers).
/// What is started from here begins anew.
fn dump_nothing() {
    // It fails for no value that there is.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Lets a pipe hold a megabyte, so that who writes and who reads it take turns less often. What is no pipe stays as it is.
fn widen(stdout: &std::io::Stdout) {
    let _ = rustix::pipe::fcntl_setpipe_size(stdout, 1 << 20);
}

/// `freezerd supervise [--when-told] STATE RUNTIME`, and nothing more: what the launchers say.
fn supervised(arguments: impl Iterator<Item = OsString>) -> Option<(bool, [OsString; 2])> {
    let mut arguments = arguments.skip(1).peekable();
    arguments.next().filter(|word| word == "supervise")?;
    let when_told = arguments.next_if(|word| word == WHEN_TOLD).is_some();
    let folders = [arguments.next()?, arguments.next()?];
    let plain = folders.iter().all(|folder| Path::new(folder).is_absolute());
    (plain && arguments.next().is_none()).then_some((when_told, folders))
}

fn supervise(when_told: bool, state: &Path, runtime: &Path) -> ExitCode {
    if when_told {
        launch::supervise::main_when_told(state, runtime)
    } else {
        launch::supervise::main(state, runtime)
    }
}
