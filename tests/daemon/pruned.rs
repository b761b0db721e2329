//! What is older than `history.keep` goes, however seldom plans are listed.

use rusqlite::Connection;
use serde_json::json;

use crate::bed::{Bed, plan};
use crate::process::Daemon;
use crate::until::until;

#[test]
fn old_history_goes_though_the_next_listing_is_far_away() {
    let bed = with_old_history();
    let daemon = Daemon::start(&bed);
    until("all of it is gone", || (left(&bed) == 0).then_some(()));
    assert!(daemon.stop().success());
}

#[test]
fn old_history_goes_while_no_poll_succeeds() {
    let bed = with_old_history();
    std::fs::remove_dir_all(bed.path("plans")).expect("removed");
    let daemon = Daemon::begin(&bed, &[]);
    until("all of it is gone", || (left(&bed) == 0).then_some(()));
    assert!(daemon.stop().success());
}

/// A ledger with more than two parts of it.
fn with_old_history() -> Bed {
    let bed = Bed::new("source = { poll = '1d' }");
    bed.put(&plan("a", &json!({"schedule_hour": 12}), &["done"]));
    assert!(Daemon::start(&bed).stop().success());
    ledger(&bed)
        .execute_batch(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 12000)
             INSERT INTO verdict (first, plan, span, count, kind, decided)
             SELECT n, (SELECT key FROM plan), 0, 1, 2, 0 FROM n",
        )
        .expect("old verdicts");
    assert_eq!(left(&bed), 12_000);
    bed
}

fn ledger(bed: &Bed) -> Connection {
    Connection::open(bed.path("state").join("ledger.db")).expect("the ledger")
}

fn left(bed: &Bed) -> i64 {
    let count = "SELECT count(*) FROM verdict WHERE first <= 12000";
    ledger(bed)
        .query_row(count, [], |row| row.get(0))
        .expect("a count")
}
