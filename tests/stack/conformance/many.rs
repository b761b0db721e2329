//! What a poll and a plan cost.

use std::fs;
use std::time::Duration;

use super::{Pair, not_now};
use crate::daemon::Daemon;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};

/// How many plans each node has.
const PLANS: usize = 25;

/// kB of memory that are the process's at present: all of it, and its very own. The rest is of files, and how much of them
/// stays depends on what else the machine does.
fn resident(pid: u32) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let number = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).expect("kB")
    };
    [number("VmRSS:"), number("RssAnon:") + number("VmSwap:")]
}

#[test]
#[expect(clippy::print_stdout, reason = "the table's numbers come from here")]
fn many_plans_take_few_requests_and_little_memory() {
    let pair = Pair::new("many");
    for user in pair.users() {
        user.create_plans(PLANS, &not_now());
    }
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let daemon = Daemon::start_with(&pair.stack, &pair.ours, &[], &[("FREEZERD_LOG", "debug")]);
    let log = || daemon.log();
    // Of the requests that were answered: the API is a busy one here, and one that it turns away is asked again.
    let asked = |log: &str, end: &str| {
        let of_it = |line: &&str| line.contains("\"status\":200") && line.contains(end);
        log.lines().filter(of_it).count()
    };
    let page = "/jobs?limit=500\"";
    eventually(
        Duration::from_secs(180),
        "three polls that are answered",
        || match asked(&log(), page) {
            0..3 => Err(log()),
            _ => Ok(()),
        },
    );
    // As the third begins, two are done.
    incumbent.await_polls(3);
    let [theirs, ours] = [incumbent.pid(), daemon.pid()].map(resident);
    // Ten documents a page, and one more page to see the end.
    let pages = pair.stack.pages_asked_for(&pair.incumbent.client_id);
    assert!(pages > 2 * PLANS / 10, "incumbent: {pages} pages of two polls");

    // All plans of the project, its other nodes' too, are one page of 500. Once in ten polls, and whenever there are more of
    // them than ever, it looks behind that page, until there is nothing: other tests make theirs meanwhile, and a look that
    // finds one is followed by another.
    let log = log();
    let nothing = format!("\"bytes\":{}", r#"{"jobs": []}"#.len());
    let looks: String = log
        .lines()
        .filter(|line| line.contains(&nothing))
        .map(|line| format!("{line}\n"))
        .collect();
    let (polls, behind) = (asked(&log, page), asked(&looks, "/jobs?limit=500&offset="));
    assert!(behind > 0, "{log}");
    assert!(behind <= polls, "{behind} looks behind the page of {polls} polls");
    // A debug build; the optimised one takes less.
    assert!(
        ours[1] < theirs[1] * 2 / 3,
        "{ours:?} kB, incumbent: {theirs:?} kB"
    );
    let [ours, theirs] = [ours[0], theirs[0]];
    println!(
        "{PLANS} plans: {ours} kB, {polls} pages and {behind} looks behind; freezer-scheduler {theirs} kB, {pages} for 2"
    );
}
