//! The first daemon of a machine dies while it begins its ledger: the next one begins as if it had not been there.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use freezerd::failpoint::Failpoint;

use crate::bed::{Bed, SUCCESS, at_once};
use crate::life::starts;
use crate::process::{Daemon, PROGRAM};
use crate::until::until_is;

/// Lives it; gives what is wrong.
pub fn live(at: Failpoint) -> Vec<String> {
    let agent = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crashes/agent");
    let mut bed = Bed::new(&format!(
        "source = {{ poll = '1s' }}\ndispatch = {{ agent = '{agent}' }}\n"
    ));
    // Nobody is asked about it, as after a ledger was lost: nothing was.
    bed.put(&at_once("once", "done"));
    bed.environment.insert("FAILPOINT".to_owned(), at.name());
    let (status, log) = Daemon::launch(&bed, PROGRAM.as_ref(), &[]).ended();
    bed.environment.remove("FAILPOINT");
    assert_eq!(status.signal(), Some(9), "{at:?} was not reached: {log}");

    let daemon = Daemon::start(&bed);
    let mut faults = daemon.said("damaged");
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("once"));
    assert!(daemon.stop().success());
    if starts(&bed, "once") != 1 {
        faults.push(format!("it was started {} times", starts(&bed, "once")));
    }
    let state = fs::read_dir(bed.path("state")).expect("a folder").flatten();
    let names = state.filter_map(|entry| entry.file_name().into_string().ok());
    faults.extend(names.filter(|name| name.contains(".damaged-") || name.contains(".new")));
    faults
}
