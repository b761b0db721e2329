//! An API that was taken over, or is broken beyond belief: what is due runs all the same, memory stays bounded, each fault
//! is named, and the token goes nowhere else.

use std::fs;
use std::process::Command;
use std::time::Duration;

use freezerd::planner::Outcome;
use serde_json::{Value, json};

use crate::bed::{Bed, SUCCESS, at_once, now};
use crate::cloud::{Answering, Cloud};
use crate::process::Daemon;
use crate::punctual::{Watch, often};
use crate::server::{Fault, Reply, Seen, Server, ok, query, reply};
use crate::until::{until, until_is};

/// The most memory a daemon may ever have had, in KiB: the 64 MiB that one answer may have, and as much again for each of what it
/// is itself, what it reads, and what it does not expect.
const PEAK: u64 = 256 * 1024;

/// Jobs in a page: few, so that a thousand pages do not take long.
const PAGE: usize = 25;

/// Of the process, in KiB: the most that it ever had in memory.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line
        .expect("its peak")
        .trim()
        .strip_suffix(" kB")
        .expect("in KiB");
    number.parse().expect("a number")
}

/// Answers every request for a listing so.
fn listings(answer: impl Fn(&Seen) -> Reply + Send + 'static) -> Answering {
    Box::new(move |seen| seen.is("GET", "/v2/p1/jobs").then(|| answer(seen)))
}

fn nested(depth: usize) -> String {
    format!(r#"{{"jobs": {}{}}}"#, "[".repeat(depth), "]".repeat(depth))
}

/// A listing of plans with so many bytes each, that take forty times as much memory once they are read; and one that cannot be used.
fn heavy(documents: &[usize]) -> String {
    let plan = |(number, bytes): (usize, &usize)| {
        let (before, after) = (
            format!(
                r#"{{"job_id": "heavy-{number}-{bytes}", "job_schedule": {{"schedule_year": 2099}},
                "job_actions": [{{"freezer_action": {{"action": "backup", "x": [0"#
            ),
            "]}}]}",
        );
        let zeros = ",0".repeat((bytes - before.len() - after.len()) / 2);
        before + &zeros + after
    };
    let mut plans: Vec<String> = documents.iter().enumerate().map(plan).collect();
    plans.push(format!(
        r#"{{"job_id": "heavy-{}", "job_actions": [0{}]}}"#,
        documents.len(),
        ",0".repeat(1 << 17)
    ));
    format!(r#"{{"jobs": [{}]}}"#, plans.join(","))
}

/// 256 MiB of nothing, by gzip.
fn bomb() -> Vec<u8> {
    let packed = Command::new("sh")
        .args(["-c", "head -c 268435456 /dev/zero | gzip -1"])
        .output()
        .expect("gzip");
    assert!(packed.stdout.len() > 1000, "{packed:?}");
    packed.stdout
}

/// What it answers, and what is said of that.
fn hostilities(elsewhere: String) -> Vec<(Answering, &'static str)> {
    let page_without_end = |seen: &Seen| {
        let offset: usize = query(seen, "offset").map_or(0, |offset| offset.parse().unwrap_or(0));
        let jobs: Vec<Value> = (offset..offset + PAGE)
            .map(|number| json!({"job_id": format!("j{number}")}))
            .collect();
        ok(&json!({ "jobs": jobs }))
    };
    vec![
        (
            listings(|_| reply(200, vec![b' '; 1 << 20]).fault(Fault::Endless)),
            "more than 67108864 bytes",
        ),
        (
            listings(|_| {
                reply(200, vec![0; 1 << 20])
                    .with("Content-Encoding", "gzip")
                    .fault(Fault::Endless)
            }),
            "compressed (gzip)",
        ),
        // A kilobyte for each megabyte of nothing.
        (
            listings(|_| reply(200, bomb()).with("Content-Encoding", "gzip")),
            "compressed (gzip)",
        ),
        (listings(|_| reply(200, bomb())), "no listing: "),
        (listings(page_without_end), "has not ended after 1000 pages"),
        (listings(|_| ok(&json!({"jobs": {"a": 1}}))), "no listing: "),
        (listings(|_| ok(&json!([1, "two", null]))), "no listing: "),
        (listings(|_| reply(200, vec![0xff; 1 << 20])), "no listing: "),
        (
            listings(move |_| reply(302, "").with("Location", elsewhere.clone())),
            "a redirect to",
        ),
        (
            listings(|_| reply(200, "{").with("Content-Length", "18446744073709551615")),
            "no listing: ",
        ),
        (
            listings(|_| reply(403, vec![b'\x1b'; 1 << 20]).fault(Fault::Endless)),
            "forbidden (403)",
        ),
        (
            Box::new(|_| Some(reply(401, vec![b'x'; 1 << 20]))),
            "no listing: ",
        ),
    ]
}

#[test]
fn a_hostile_api_stops_nothing_and_costs_bounded_memory() {
    let (cloud, mut bed) = Cloud::new("dispatch = { stop_grace = '1s' }");
    bed.environment
        .insert("FREEZERD_API__PAGE_SIZE".to_owned(), PAGE.to_string());
    cloud.put(&often());
    let daemon = Daemon::start(&bed);
    let runs = |bed: &Bed| {
        bed.diary_of("often")
            .iter()
            .filter(|line| *line == "end done")
            .count()
    };
    until("it runs", || (runs(&bed) > 0).then_some(()));
    let watch = Watch::over(&bed);

    let there = tokio::runtime::Runtime::new().expect("a runtime");
    let elsewhere = there.block_on(Server::start(|_| None));
    for (number, (answers, said)) in hostilities(elsewhere.url()).into_iter().enumerate() {
        let (from, before) = (now(), daemon.said("no listing: ").len());
        cloud.turn_hostile(answers);
        let line = until("it is said", || {
            let lines = daemon.said("no listing: ");
            lines.into_iter().skip(before).find(|line| line.contains(said))
        });
        assert!(line.len() < 2000, "{number}: {} bytes are said", line.len());
        let ran = runs(&bed);
        until("it runs all the same", || (runs(&bed) > ran).then_some(()));
        watch.punctual_since(from);
    }
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
    // A listing of nonsense is one of broken documents: those are told, and what is known goes on.
    let from = now();
    cloud.turn_hostile(listings(|_| {
        ok(&json!({"jobs": [1, null, "text", [[]], {}, {"job_id": 5}, {"job_id": "x", "job_schedule": "y"}]}))
    }));
    daemon.says(r#""job_id":"x","field":"job_schedule""#);
    let before = daemon.said("a plan has a problem").len();
    cloud.turn_hostile(listings(|_| reply(200, nested(1_000_000))));
    daemon.says_at_least(before + 1, "a plan has a problem");
    for documents in [&[8 << 20][..], &[512 << 10; 20]] {
        let (before, page) = (daemon.said("a plan has a problem").len(), heavy(documents));
        cloud.turn_hostile(listings(move |_| reply(200, page.clone())));
        daemon.says_at_least(before + 1, "a plan has a problem");
        daemon.await_listing();
    }
    watch.punctual_though_unlisted_since(from);
    // Whether it is gone, as such a listing means, is asked of the API, and no answer is waited for a little: so it is
    // listed once more.
    cloud.turn_hostile(Box::new(|_| None));
    daemon.await_listing();
    let ran = runs(&bed);
    until("it runs", || (runs(&bed) > ran).then_some(()));
    // Silence, at last: it holds up nobody, not even the end.
    let from = now();
    cloud.turn_hostile(Box::new(|_| Some(reply(200, "").fault(Fault::Silent))));
    let ran = runs(&bed);
    until("it runs all the same", || (runs(&bed) > ran + 1).then_some(()));
    watch.punctual_since(from);
    until_is("it lives", &200, || daemon.get("/healthz").0);
    let peak = peak(daemon.pid());
    assert!(peak < PEAK, "{peak} KiB");
    assert!(daemon.stop().success());
}

/// A byte a second is no silence, and a listing of megabytes would take weeks.
#[test]
fn an_api_that_drips_holds_up_nobody() {
    let (cloud, mut bed) = Cloud::new("");
    // Longer than a start may be late, so that it would show if the daemon waited for the answer.
    bed.environment
        .insert("FREEZERD_API__TIMEOUT".to_owned(), "10s".to_owned());
    cloud.put(&often());
    let daemon = Daemon::start(&bed);
    until_is("it runs", &true, || !bed.diary_of("often").is_empty());
    let (watch, from) = (Watch::over(&bed), now());
    cloud.turn_hostile(listings(|_| {
        reply(200, nested(1000)).fault(Fault::Drip(Duration::from_secs(1)))
    }));
    daemon.says("no whole answer within 10s (api.timeout)");
    let ran = bed.diary_of("often").len();
    until_is("it runs all the same", &true, || {
        bed.diary_of("often").len() > ran
    });
    watch.punctual_since(from);
    let peak = peak(daemon.pid());
    assert!(peak < PEAK, "{peak} KiB");
    assert!(daemon.stop().success());
}

/// Its agents are not its friends either.
#[test]
fn an_agent_that_floods_or_leaves_others_behind_is_one_runs_affair() {
    let bed = Bed::new("");
    bed.put(&at_once("flood", "flood"));
    bed.put(&at_once("leaves", "leaves"));
    bed.put(&at_once("a", "done"));
    bed.put(&often());
    let daemon = Daemon::start(&bed);
    let (watch, from) = (Watch::over(&bed), now());
    for job in ["a", "leaves"] {
        until_is("it runs", &vec![SUCCESS], || bed.outcomes(job));
    }
    // It floods for a while.
    let ran = bed.served("often").len();
    until_is("others run", &true, || bed.served("often").len() > ran + 5);
    watch.punctual_since(from);
    assert_eq!(bed.outcomes("flood"), [None], "it would go on for ever");
    let mut enough = at_once("flood", "flood");
    enough["job_schedule"]["event"] = json!("abort");
    bed.put(&enough);
    until_is("it is ended", &vec![Some(Outcome::Aborted)], || {
        bed.outcomes("flood")
    });
    bed.open_gate();
    let peak = peak(daemon.pid());
    assert!(peak < PEAK, "{peak} KiB");
    assert!(daemon.stop().success());
}
