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
use freezerd::launch;

fn main() -> ExitCode {
    // As the launchers call it, a thousand times in a burst: an agent waits for it, so it does not wait for clap.
    if let Some([state, runtime]) = supervised(std::env::args_os()) {
        return launch::supervise::main(Path::new(&state), Path::new(&runtime));
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
        return launch::supervise::main(&args.state, &args.runtime);
    }
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

/// Lets a pipe hold a megabyte, so that who writes and who reads it take turns less often. What is no pipe stays as it is.
fn widen(stdout: &std::io::Stdout) {
    let _ = rustix::pipe::fcntl_setpipe_size(stdout, 1 << 20);
}

/// `freezerd supervise STATE RUNTIME`, and nothing more: what the launchers say.
fn supervised(mut arguments: impl Iterator<Item = OsString>) -> Option<[OsString; 2]> {
    arguments.nth(1).filter(|word| word == "supervise")?;
    let folders = [arguments.next()?, arguments.next()?];
    let plain = folders.iter().all(|folder| Path::new(folder).is_absolute());
    (plain && arguments.next().is_none()).then_some(folders)
}
