//! A damaged ledger is put aside by a daemon that dies in the middle of it: the next one goes on.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;

use freezerd::failpoint::Failpoint;
use freezerd::planner::RunState;
use rusqlite::Connection;

use crate::bed::{Bed, SUCCESS, at_once, each_second, now};
use crate::life::starts;
use crate::process::{Daemon, PROGRAM};
use crate::until::{until, until_is};

/// Lives it; gives what is wrong.
pub fn live(at: Failpoint) -> Vec<String> {
    let agent = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crashes/agent");
    let mut bed = Bed::new(&format!(
        "source = {{ poll = '1s' }}\ndispatch = {{ agent = '{agent}' }}\n"
    ));
    bed.put(&at_once("done", "done"));
    bed.put(&at_once("long", "gate"));
    bed.put(&each_second("often", "done"));
    let daemon = Daemon::start(&bed);
    until_is("one is done", &vec![SUCCESS], || bed.outcomes("done"));
    until_is("one runs", &vec![RunState::Running], || bed.states("long"));
    until("one is due each second", || bed.served("often").first().copied());
    daemon.kill();
    let again = now();
    let path = bed.path("state/ledger.db");
    Connection::open(&path)
        .and_then(|ledger| ledger.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
        .expect("all in one file");
    let ledger = OpenOptions::new().write(true).open(path);
    ledger
        .expect("a ledger")
        .write_all_at(&[0xa5; 100], 0)
        .expect("damaged");

    bed.environment.insert("FAILPOINT".to_owned(), at.name());
    let (status, log) = Daemon::launch(&bed, PROGRAM.as_ref(), &[]).ended();
    bed.environment.remove("FAILPOINT");
    assert_eq!(status.signal(), Some(9), "{at:?} was not reached: {log}");

    let daemon = Daemon::start(&bed);
    if at != Failpoint::AsideTakenUp {
        daemon.says("the ledger was damaged");
    }
    until_is("it is found again", &vec![RunState::Running], || {
        bed.states("long")
    });
    bed.put(&at_once("new", "done"));
    until_is("a new one runs", &vec![SUCCESS], || bed.outcomes("new"));
    bed.open_gate();
    until_is("its end is recorded", &vec![SUCCESS], || bed.outcomes("long"));
    until_is("what is due each second goes on", &true, || {
        bed.served("often").into_iter().filter(|due| *due > again).count() > 1
    });
    assert!(daemon.stop().success());
    let mut faults = bed.faults_of_each_second("often", again);
    faults.extend(
        ["done", "long", "new"]
            .into_iter()
            .filter(|job| starts(&bed, job) != 1)
            .map(|job| format!("{job} was started {} times", starts(&bed, job))),
    );
    let state = fs::read_dir(bed.path("state")).expect("a folder").flatten();
    let names: Vec<String> = state
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.contains(".damaged-"))
        .collect();
    if names.len() != 1 {
        faults.push(format!("what was put aside is {names:?}"));
    }
    faults
}
