//! Arguments in, exit code out.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use freezerd::cli::{self, Cli, Command, Shell};
use freezerd::clock::{Clock, SystemClock};
use freezerd::config::Loader;
use freezerd::launch;

fn main() -> ExitCode {
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
