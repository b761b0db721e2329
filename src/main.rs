//! freezerd: arguments in, exit code out.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [command, state, runtime] if command == "supervise" => {
            freezerd::launch::supervise::main(Path::new(state), Path::new(runtime))
        }
        _ => ExitCode::from(2),
    }
}
