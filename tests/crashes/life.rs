//! One life: a daemon that dies at a failpoint, another that takes up what it left, and what is wrong in the end.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use freezerd::failpoint::Failpoint;
use freezerd::ledger::Ledger;
use freezerd::plan::JobId;
use freezerd::planner::{Outcome, Record, RunState};
use freezerd::schedule::DueTime;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bed::{Bed, at_once, date, now, plan};
use crate::cloud::Cloud;
use crate::history::{self, Fate};
use crate::old;
use crate::older;
use crate::process::Daemon;
use crate::refusing::refusing;
use crate::session::Session;
use crate::until::{until, until_is};

/// The plan in the session, and the one whose agent makes no backup though there is a record of it.
const MEMBER: &str = "joins";
const UNMADE: &str = "unmade";

/// Runs that may run at a time: fewer than there are plans.
pub const AT_A_TIME: usize = 2;

/// Which processes are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// The daemon, once, at the failpoint; the next one goes on.
    Daemon,
    /// The same, and the next one dies at this failpoint, if it comes there; the one after that goes on.
    Twice(Failpoint),
    /// Every supervisor, at the failpoint; the daemon sees it.
    Supervisors,
    /// Supervisors at the failpoint, and then the daemon, too; the next one, and its supervisors, live.
    Both,
}

/// Which plans there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// Those that a node has.
    Plain,
    /// The same; but a daemon of an earlier version knows them, and has begun, when the life begins.
    Known,
    /// One in a session, and two whose records are made before their backups; of one of these no backup is made.
    Others,
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub at: Failpoint,
    pub death: Death,
    pub plans: Plans,
}

/// A bed with a ledger that has seen an empty listing, so that all that is put into the API now is new. The ledger
/// itself counts how often the end of a run is put into its outbox.
fn prepared() -> (Cloud, Bed) {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes/agent");
    let (cloud, bed) = Cloud::new(&format!(
        "dispatch = {{ agent = '{}', max_concurrent = {AT_A_TIME} }}\n",
        agent.display()
    ));
    let path = bed.path("state/ledger.db");
    let mut ledger = Ledger::open(&path).expect("a ledger");
    let at = now() - TimeDelta::minutes(1);
    ledger.commit(&[Record::Polled { at }]).expect("polled");
    ledger.commit(&old::history()).expect("history");
    drop(ledger);
    let ledger = Connection::open(path).expect("a ledger");
    ledger
        .execute_batch(
            "CREATE TABLE reported (run TEXT);
             CREATE TRIGGER reports AFTER INSERT ON report WHEN NEW.time_ended >= 0 AND NEW.run IS NOT NULL
             BEGIN INSERT INTO reported VALUES (NEW.run); END;",
        )
        .expect("a trigger");
    (cloud, bed)
}

/// The plans of a life that begins now, and when the last of their due times is.
fn plans(begins: DateTime<Utc>, which: Plans) -> (Vec<Value>, DateTime<Utc>) {
    let last = begins + TimeDelta::seconds(4);
    let each_second =
        json!({"schedule_second": "*", "schedule_minute": "*", "schedule_end_date": date(last)});
    let recorded_first = |job, task| {
        let mut plan = at_once(job, task);
        plan["job_actions"][0]["freezer_action"]["mode"] = json!("cindernative");
        plan["job_actions"][0]["freezer_action"]["cindernative_vol_id"] = json!("v1");
        plan
    };
    let often = plan("often", &each_second, &["done"]);
    let mut plans = match which {
        Plans::Plain | Plans::Known => vec![
            at_once("once", "done"),
            at_once("fails", "fail"),
            at_once("long", "gate"),
            often,
        ],
        Plans::Others => {
            let mut joins = at_once(MEMBER, "done");
            (joins["session_id"], joins["session_tag"]) = (json!("s"), json!(0));
            vec![
                recorded_first("made", "done"),
                recorded_first(UNMADE, "fail"),
                joins,
                often,
            ]
        }
    };
    for plan in &mut plans {
        plan["created_at"] = json!(begins.to_rfc3339());
    }
    (plans, last)
}

/// All that came due is decided, all that ran is over, the API has heard of it.
fn is_quiet(bed: &Bed, plans: &[Value], last: DateTime<Utc>) -> bool {
    let Some(ledger) = bed.ledger() else { return false };
    let over = |job: &str| {
        let states = bed.states(job);
        !states.is_empty() && states.iter().all(|state| matches!(state, RunState::Done(_)))
    };
    let decided = ledger.verdict_at(&JobId::new("often"), DueTime::floor(last));
    let told = [
        ledger.report_backlog(),
        ledger.backup_backlog(),
        ledger.draft_backlog(),
        ledger.session_backlog(),
    ];
    decided.is_ok_and(|verdict| verdict.is_some())
        && plans.iter().all(|plan| plan["job_id"].as_str().is_some_and(over))
        && ledger
            .polled()
            .is_ok_and(|polled| polled.is_some_and(|polled| polled > last))
        && told
            .into_iter()
            .all(|backlog| backlog.is_ok_and(|backlog| backlog == 0))
}

/// What became of the runs whose supervisors died, by the mark that each left.
fn fates(case: Case, marks: &str) -> Vec<(String, Fate)> {
    let fate = match case.at {
        Failpoint::Supervisor | Failpoint::SupervisorLocked => Fate::NotStarted,
        Failpoint::ReportLeft => return Vec::new(),
        _ => Fate::Lost,
    };
    if matches!(case.death, Death::Daemon | Death::Twice(_)) {
        return Vec::new();
    }
    let run = |line: &str| line.rsplit('/').next().expect("a run").to_owned();
    marks.lines().map(|line| (run(line), fate)).collect()
}

/// Lives it; gives what is wrong.
pub fn live(case: Case) -> Vec<String> {
    let (cloud, mut bed) = prepared();
    let begins = now().trunc_subsecs(0);
    let (plans, last) = plans(begins, case.plans);
    let session = Session::default();
    cloud.turn_hostile(refusing(case.at, session.answering()));
    for plan in &plans {
        cloud.put(plan);
    }
    if case.plans == Plans::Known {
        older::live(&bed);
    }
    let mark = bed.path("mark");
    bed.environment.insert("FAILPOINT".to_owned(), case.at.name());
    bed.environment
        .insert("FAILPOINT_MARK".to_owned(), mark.display().to_string());
    let daemon = Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[]);
    let marks = || fs::read_to_string(&mark).unwrap_or_default();
    bed.environment.remove("FAILPOINT");
    let dies = |daemon: Daemon| {
        let (status, log) = daemon.ended();
        assert_eq!(status.signal(), Some(9), "{case:?}: {log}");
    };
    let daemon = match case.death {
        Death::Daemon => {
            dies(daemon);
            Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[])
        }
        Death::Twice(then) => {
            dies(daemon);
            bed.environment.insert("FAILPOINT".to_owned(), then.name());
            let second = Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[]);
            bed.environment.remove("FAILPOINT");
            // The last of what there is to do lies behind the gate.
            bed.open_gate();
            let over = until("it dies, or all is quiet", || {
                let died = marks().lines().count() > 1;
                (died || is_quiet(&bed, &plans, last)).then_some(died)
            });
            if over {
                dies(second);
                Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[])
            } else {
                second
            }
        }
        Death::Supervisors => daemon,
        Death::Both => {
            until("a supervisor dies", || (!marks().is_empty()).then_some(()));
            daemon.kill();
            Daemon::launch(&bed, crate::process::PROGRAM.as_ref(), &[])
        }
    };
    bed.open_gate();
    until_is("all is quiet", &true, || is_quiet(&bed, &plans, last));
    assert!(daemon.stop().success(), "{case:?}");
    let marks = marks();
    assert!(
        marks.starts_with(&case.at.name()),
        "{case:?} was not reached: {marks}"
    );

    let mut history = history::of(&bed, &cloud, &plans, begins, &fates(case, &marks));
    if case.plans == Plans::Others {
        history.members = BTreeSet::from([MEMBER.to_owned()]);
        history.spoken = session.spoken();
    }
    let mut faults = crate::checker::check(&history);
    faults.extend(records_of_backups(&history, &cloud));
    faults.extend(old::faults(&bed));
    faults.extend(older::faults(&bed));
    for folder in ["state/runs", "runtime/runs"] {
        let left = fs::read_dir(bed.path(folder)).expect("a folder").flatten();
        faults.extend(left.map(|entry| format!("{} was left", entry.path().display())));
    }
    if !faults.is_empty() {
        faults.push(story(&history, &bed));
    }
    faults
}

/// How often an agent of this plan was started.
pub fn starts(bed: &Bed, job: &str) -> usize {
    let starts = |line: &&String| line.starts_with("start ") && line.split(' ').nth(2) == Some(job);
    bed.diary().iter().filter(starts).count()
}

/// For whoever looks for what went wrong.
fn story(history: &crate::checker::History, bed: &Bed) -> String {
    let mut story = String::new();
    for run in history.runs.values() {
        let (id, state, started, ended) = (&run.id, run.state, run.started, run.ended);
        story.push_str(&format!(
            "{id}: {state:?} {started:?} .. {ended:?} {}\n",
            run.detail
        ));
    }
    story + &bed.diary().join("\n")
}

/// One for each run that succeeded; where the record is made before the backup, one of the others as well, which says so.
fn records_of_backups(history: &crate::checker::History, cloud: &Cloud) -> Vec<String> {
    let record = |record: &Value| {
        (
            record["backup_metadata"]["freezerd_run"].clone(),
            record["status"].clone(),
        )
    };
    let mut made: Vec<String> = cloud
        .backups()
        .iter()
        .map(|one| format!("{:?}", record(one)))
        .collect();
    made.sort();
    let mut wanted: Vec<String> = history
        .runs
        .values()
        .filter_map(|run| match run.state {
            RunState::Done(Outcome::Success) => Some((run, "available")),
            _ if run.job.as_str() == UNMADE => Some((run, "error")),
            _ => None,
        })
        .map(|(run, status)| format!("{:?}", (json!(format!("{}/0", run.id)), json!(status))))
        .collect();
    wanted.sort();
    if made == wanted {
        return Vec::new();
    }
    vec![format!(
        "the API has records of {made:?}, and should have {wanted:?}"
    )]
}
