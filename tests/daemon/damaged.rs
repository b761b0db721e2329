//! A ledger that is damaged is kept aside, and backups go on: nothing that ran, or runs, is started again.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use freezerd::planner::{Outcome, RunState};
use rusqlite::Connection;

use crate::bed::{Bed, SUCCESS, at_once, each_second, now};
use crate::process::Daemon;
use crate::until::{until, until_is};

/// What is new is seen soon, also where the kernel has no watch left to give.
const OFTEN: &str = "source = { poll = '1s' }";

/// Does something to the ledger of this bed, while no daemon has it.
type Damage = fn(&Bed);

fn file(bed: &Bed) -> PathBuf {
    bed.path("state/ledger.db")
}

/// As one who looks for it would find it: everything in one file.
fn closed(bed: &Bed) -> PathBuf {
    let ledger = Connection::open(file(bed)).expect("a ledger");
    ledger
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("all in one file");
    file(bed)
}

fn overwrite(path: PathBuf, from: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).expect("a ledger");
    file.write_all_at(bytes, from).expect("written");
}

const DAMAGES: [(&str, Damage); 7] = [
    ("no database", |bed| overwrite(closed(bed), 0, &[0xa5; 100])),
    ("cut in half", |bed| {
        let path = closed(bed);
        let length = path.metadata().expect("a file").len();
        let file = OpenOptions::new().write(true).open(path).expect("a ledger");
        file.set_len(length / 2).expect("cut");
    }),
    ("of no length", |bed| {
        let path = closed(bed);
        fs::write(path, "").expect("emptied");
        let _ = fs::remove_file(bed.path("state/ledger.db-wal"));
    }),
    ("bytes flipped in every page", |bed| {
        let path = closed(bed);
        let pages = path.metadata().expect("a file").len() / 4096;
        for page in 1..pages {
            overwrite(path.clone(), page * 4096, &[0xff; 64]);
        }
    }),
    ("a page of zeros", |bed| overwrite(closed(bed), 4096, &[0; 4096])),
    ("a folder in its place", |bed| {
        let path = closed(bed);
        fs::remove_file(&path).expect("removed");
        fs::create_dir(path).expect("a folder");
    }),
    ("a log that is another's", |bed| {
        // A whole log, whose pages are none of this ledger's.
        overwrite(closed(bed), 100, &[0xff; 200]);
        fs::write(bed.path("state/ledger.db-wal"), [7; 5000]).expect("written");
    }),
];

/// Such an id is no part of a file's name, so the name of its run has a digest of it, and the run's traces have to tell it.
const LONG: &str = "db.example";

#[test]
fn it_is_kept_aside_and_nothing_runs_again() {
    std::thread::scope(|scope| {
        for (name, damage) in DAMAGES {
            scope.spawn(move || kept_aside(name, damage));
        }
    });
}

/// Runs of which there are traces.
fn traces(bed: &Bed) -> Vec<String> {
    let folder = fs::read_dir(bed.path("state/runs")).expect("a folder").flatten();
    let names = folder.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).collect()
}

fn kept_aside(name: &str, damage: Damage) {
    let bed = Bed::new(OFTEN);
    bed.put(&at_once("done", "done"));
    bed.put(&at_once(LONG, "gate"));
    bed.put(&each_second("often", "done"));
    let daemon = Daemon::start(&bed);
    until_is("one is done", &vec![SUCCESS], || bed.outcomes("done"));
    until_is("one runs", &vec![RunState::Running], || bed.states(LONG));
    until_is("the traces of the other are gone", &false, || {
        traces(&bed).iter().any(|run| run.starts_with("done-"))
    });
    until("one is due each second", || bed.served("often").first().copied());
    daemon.kill();
    damage(&bed);
    let left = traces(&bed).len();

    let again = now();
    let daemon = Daemon::start(&bed);
    let said = daemon.says("the ledger was damaged");
    assert!(said.contains("ledger.db.damaged-"), "{name}: {said}");
    let found = format!("Runs found by their traces: {left}.");
    assert!(left > 0 && said.contains(&found), "{name}, {found}: {said}");
    assert!(
        daemon.metric("freezerd_ledger_errors_total") >= Some(1.0),
        "{name}"
    );
    let kept = fs::read_dir(bed.path("state")).expect("a folder").flatten();
    let kept = kept.filter(|entry| entry.file_name().to_string_lossy().contains("damaged"));
    assert!(kept.count() >= 1, "{name}");
    // What runs is known again, what comes new runs, what is due by its schedule goes on.
    until_is("it is found again", &vec![RunState::Running], || bed.states(LONG));
    bed.put(&at_once("new", "done"));
    until_is("a new one runs", &vec![SUCCESS], || bed.outcomes("new"));
    bed.open_gate();
    until_is("its end is recorded", &vec![SUCCESS], || bed.outcomes(LONG));
    until_is("what is due each second goes on", &true, || {
        bed.served("often").into_iter().filter(|due| *due > again).count() > 1
    });
    // And the start after that finds a sound ledger.
    assert!(daemon.stop().success(), "{name}");
    let daemon = Daemon::start(&bed);
    assert!(daemon.said("the ledger was damaged").is_empty(), "{name}");
    for job in ["done", "new"] {
        assert_eq!(bed.diary_of(job), ["start done", "end done"], "{name}");
    }
    assert_eq!(bed.diary_of(LONG), ["start gate", "end gate"], "{name}");
    assert!(daemon.stop().success(), "{name}");
    assert_eq!(
        bed.faults_of_each_second("often", again),
        Vec::<String>::new(),
        "{name}"
    );
}

#[test]
fn an_end_that_was_not_recorded_is_found_by_its_traces() {
    let bed = Bed::new(OFTEN);
    bed.put(&at_once("a", "gate"));
    let daemon = Daemon::start(&bed);
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));
    daemon.kill();
    bed.open_gate();
    until("it ends", || (bed.diary().len() == 2).then_some(()));
    overwrite(closed(&bed), 0, &[0; 100]);
    let daemon = Daemon::start(&bed);
    until_is("it is recorded", &vec![Some(Outcome::Success)], || {
        bed.outcomes("a")
    });
    assert_eq!(bed.verdicts("a"), ["run"]);
    assert!(daemon.stop().success());
    assert_eq!(bed.diary_of("a"), ["start gate", "end gate"]);
}

const TEARS: [(&str, Damage); 4] = [
    ("cut within its last page", |bed| {
        let file = OpenOptions::new().write(true).open(log(bed)).expect("a log");
        let length = file.metadata().expect("a file").len();
        file.set_len(length - 1000).expect("cut");
    }),
    ("rubbish at its end", |bed| {
        let length = log(bed).metadata().expect("a file").len();
        overwrite(log(bed), length, &[0xa5; 5000]);
    }),
    ("zeros at its end", |bed| {
        let length = log(bed).metadata().expect("a file").len();
        overwrite(log(bed), length, &[0; 9000]);
    }),
    ("its last page never written", |bed| {
        let length = log(bed).metadata().expect("a file").len();
        overwrite(log(bed), length - 4096, &[0; 4096]);
    }),
];

fn log(bed: &Bed) -> PathBuf {
    bed.path("state/ledger.db-wal")
}

/// As a power cut leaves it: what was committed last may be gone, and is no damage. What that was about is known by
/// its traces.
#[test]
fn a_torn_log_loses_nothing_that_runs() {
    for (name, tear) in TEARS {
        let bed = Bed::new(OFTEN);
        bed.put(&at_once("done", "done"));
        let daemon = Daemon::start(&bed);
        until_is("one is done", &vec![SUCCESS], || bed.outcomes("done"));
        bed.put(&at_once("long", "gate"));
        until_is("one runs", &vec![RunState::Running], || bed.states("long"));
        daemon.kill();
        tear(&bed);
        let daemon = Daemon::start(&bed);
        assert!(daemon.said("the ledger was damaged").is_empty(), "{name}");
        until_is("it is found again", &vec![RunState::Running], || {
            bed.states("long")
        });
        bed.open_gate();
        until_is("its end is recorded", &vec![SUCCESS], || bed.outcomes("long"));
        assert!(daemon.stop().success(), "{name}");
        assert_eq!(bed.diary_of("done"), ["start done", "end done"], "{name}");
        assert_eq!(bed.diary_of("long"), ["start gate", "end gate"], "{name}");
    }
}

/// A great ledger that was closed is not looked through at every start; what is found later is remembered: where what is kept of old is removed from, and where only a commit goes.
#[test]
fn damage_that_is_found_late_is_put_aside_at_the_next_start() {
    for page_of in ["verdict", "sqlite_autoindex_run_1"] {
        found_late(page_of);
    }
}

fn found_late(page_of: &str) {
    let bed = Bed::new(OFTEN);
    let daemon = Daemon::start(&bed);
    assert!(daemon.stop().success());
    let ledger = Connection::open(file(&bed)).expect("a ledger");
    let more = "CREATE TABLE more (x); INSERT INTO more VALUES (zeroblob(66 << 20));";
    ledger.execute_batch(more).expect("a great one");
    let page: u32 = ledger
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
            [page_of],
            |row| row.get(0),
        )
        .expect("a table");
    drop(ledger);
    overwrite(closed(&bed), (u64::from(page) - 1) * 4096, &[0xff; 64]);

    bed.put(&at_once("a", "done"));
    let daemon = Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[]);
    let (status, said) = daemon.ended();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("this ledger is damaged"), "{said}");
    assert!(bed.diary().is_empty(), "nothing runs that is not recorded");
    let daemon = Daemon::start(&bed);
    daemon.says("the ledger was damaged");
    bed.put(&at_once("b", "done"));
    until_is("a new one runs", &vec![SUCCESS], || bed.outcomes("b"));
    assert!(daemon.stop().success());
}

/// It is not damaged, and what it says is not to be thrown away.
#[test]
fn a_ledger_of_a_later_version_is_left_alone() {
    let bed = Bed::new(OFTEN);
    let daemon = Daemon::start(&bed);
    assert!(daemon.stop().success());
    let ledger = Connection::open(file(&bed)).expect("a ledger");
    ledger.pragma_update(None, "user_version", 99).expect("newer");
    drop(ledger);
    let (status, said) = Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[]).ended();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("this ledger is of version 99"), "{said}");
    assert!(
        Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[])
            .ended()
            .1
            .contains("version 99")
    );
}
