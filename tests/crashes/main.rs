//! Real crashes: the real program, on a real ledger, with real agents, is killed at every one of its failpoints
//! (`freezerd::failpoint`), started again, and judged by the simulator's checker.
//!
//! What happened is known from outside: from the agents' own diary, from what the API was told, and from the marks
//! that the dying left. A failpoint that nothing reaches fails its test, and so does one that is not tried.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]
#![cfg(debug_assertions)]

#[path = "../daemon/bed.rs"]
#[allow(dead_code, reason = "of tests/daemon, which uses all of it")]
mod bed;
#[path = "../freezer/certificate.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod certificate;
#[allow(dead_code, reason = "of tests/sim, which uses all of it")]
#[path = "../checker/mod.rs"]
mod checker;
#[path = "../daemon/cloud.rs"]
#[allow(dead_code, reason = "of tests/daemon, which uses all of it")]
mod cloud;
#[path = "../daemon/port.rs"]
mod port;
#[path = "../daemon/process.rs"]
#[allow(dead_code, reason = "of tests/daemon, which uses all of it")]
mod process;
#[path = "../freezer/server.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod server;
#[path = "../freezer/shelf.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod shelf;
#[path = "../daemon/until.rs"]
mod until;

mod aside;
mod first;
mod history;
mod life;
mod old;
mod older;
mod refusing;
mod session;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use freezerd::failpoint::Failpoint::{self, *};

use life::{Case, Death, Plans, live};

/// Lives that are lived side by side: each mostly waits.
const AT_ONCE: usize = 8;

/// The daemon dies here.
const DAEMON: [Failpoint; 31] = [
    ListingCommit,
    ListingCommitted,
    DueCommit,
    DueCommitted,
    StartCommit,
    StartCommitted,
    EndCommit,
    EndCommitted,
    Launch,
    LaunchDirectory,
    LaunchFurnished,
    LaunchSpawned,
    Launched,
    EndFound,
    Forget,
    ForgetRenamed,
    Report,
    ReportSent,
    ReportCommit,
    ReportRecorded,
    ReportFailed,
    BackupNote,
    BackupNoted,
    BackupSent,
    BackupCommit,
    BackupRecorded,
    BackupFailed,
    PruneCommit,
    PruneCommitted,
    CondenseCommit,
    CondenseCommitted,
];

/// The daemon dies here, in a life with what only some plans have: a session, records made before their backups.
const OTHERS: [Failpoint; 15] = [
    DraftNote,
    DraftNoted,
    DraftSent,
    DraftRecorded,
    DraftFailed,
    DraftEnd,
    DraftEndSent,
    DraftEndRecorded,
    DraftEndFailed,
    SessionAsk,
    SessionAnswered,
    SessionEnd,
    SessionEndSent,
    SessionEndRecorded,
    SessionEndFailed,
];

/// The first daemon of a machine begins its ledger, and dies here.
const FIRST: [Failpoint; 4] = [LedgerMade, LedgerBegun, SchemaCommit, SchemaCommitted];

/// The daemon makes the ledger of an earlier version one of its own, and dies here.
const OLDER: [Failpoint; 4] = [SchemaCommit, SchemaCommitted, BriefsCommit, BriefsCommitted];

/// The daemon puts a damaged ledger aside, and dies here.
const ASIDE: [Failpoint; 5] = [Aside, AsideFile, AsideWhole, AsideBegun, AsideTakenUp];

/// Supervisors die here.
const SUPERVISOR: [Failpoint; 9] = [
    Supervisor,
    SupervisorLocked,
    SupervisorClaim,
    SupervisorClaimed,
    AgentStarted,
    AgentAnnounced,
    AgentsEnded,
    ReportDrafted,
    ReportLeft,
];

/// Lives them all; fails with what is wrong with each that went wrong.
fn live_all<C: Copy + Debug + Send>(cases: impl IntoIterator<Item = C>, live: fn(C) -> Vec<String>) {
    let cases = Mutex::new(cases.into_iter().collect::<Vec<_>>());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().pop() else {
                        return;
                    };
                    match catch_unwind(AssertUnwindSafe(|| live(case))) {
                        Ok(found) if found.is_empty() => {}
                        Ok(found) => faults
                            .lock()
                            .unwrap()
                            .push(format!("{case:?}: {}", found.join("\n  "))),
                        Err(_) => faults.lock().unwrap().push(format!("{case:?}: see above")),
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn with(plans: Plans, death: Death) -> impl Fn(Failpoint) -> Case {
    move |at| Case { at, death, plans }
}

#[test]
fn the_daemon_may_die_anywhere() {
    live_all(DAEMON.map(with(Plans::Plain, Death::Daemon)), live);
}

/// The second death is wherever the first one was, or at some other place: which, is as good as chance.
#[test]
fn the_daemon_may_die_twice() {
    let others = DAEMON.iter().cycle().skip(5).step_by(7);
    let pairs = DAEMON.into_iter().zip(others.copied());
    let same = DAEMON.into_iter().zip(DAEMON);
    live_all(
        pairs
            .chain(same)
            .map(|(at, then)| with(Plans::Plain, Death::Twice(then))(at)),
        live,
    );
}

#[test]
fn it_may_die_while_it_speaks_of_drafts_and_sessions() {
    live_all(OTHERS.map(with(Plans::Others, Death::Daemon)), live);
}

#[test]
fn and_die_twice_there() {
    let then = OTHERS.iter().cycle().skip(3).step_by(4);
    let pairs = OTHERS
        .into_iter()
        .zip(then.copied())
        .chain(OTHERS.into_iter().zip(OTHERS));
    live_all(
        pairs.map(|(at, then)| with(Plans::Others, Death::Twice(then))(at)),
        live,
    );
}

#[test]
fn the_first_may_die_while_it_begins_its_ledger() {
    live_all(FIRST, first::live);
}

#[test]
fn it_may_die_while_it_takes_over_the_ledger_of_an_earlier_version() {
    let once = OLDER.map(with(Plans::Known, Death::Daemon));
    let twice = OLDER.map(|at| with(Plans::Known, Death::Twice(at))(at));
    live_all(once.into_iter().chain(twice), live);
}

#[test]
fn it_may_die_while_it_puts_its_ledger_aside() {
    live_all(ASIDE.into_iter().chain(FIRST), aside::live);
}

#[test]
fn a_supervisor_may_die_anywhere() {
    live_all(SUPERVISOR.map(with(Plans::Plain, Death::Supervisors)), live);
}

#[test]
fn both_may_die() {
    live_all(SUPERVISOR.map(with(Plans::Plain, Death::Both)), live);
}

#[test]
fn every_failpoint_is_tried() {
    let daemon = DAEMON
        .into_iter()
        .chain(OTHERS)
        .chain(FIRST)
        .chain(OLDER)
        .chain(ASIDE);
    let tried: BTreeSet<Failpoint> = daemon.chain(SUPERVISOR).collect();
    assert_eq!(tried, BTreeSet::from(Failpoint::ALL));
}

/// What ships has none of them: they are there with `debug_assertions` alone, which no profile that ships turns on.
#[test]
fn no_profile_that_ships_has_failpoints() {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    for (name, profile) in manifest["profile"].as_table().unwrap() {
        let told = profile.get("debug-assertions");
        assert!(name == "dev" || told.is_none(), "{name}: {told:?}");
    }
}
