//! What is older than `history.keep` goes, however seldom plans are listed.

use rusqlite::Connection;
use serde_json::json;

use crate::bed::{Bed, plan};
use crate::process::Daemon;
use crate::until::until;

#[test]
fn old_history_goes_though_the_next_listing_is_far_away() {
    let bed = Bed::new("source = { poll = '1d' }");
    bed.put(&plan("a", &json!({"schedule_hour": 12}), &["done"]));
    assert!(Daemon::start(&bed).stop().success());
    let ledger = Connection::open(bed.path("state").join("ledger.db")).expect("the ledger");
    // More than two parts of it.
    ledger
        .execute_batch(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 12000)
             INSERT INTO verdict (first, plan, span, count, kind, decided)
             SELECT n, (SELECT key FROM plan), 0, 1, 2, 0 FROM n",
        )
        .expect("old verdicts");
    let left = || -> i64 {
        let count = "SELECT count(*) FROM verdict WHERE first <= 12000";
        ledger.query_row(count, [], |row| row.get(0)).expect("a count")
    };
    assert_eq!(left(), 12_000);
    let daemon = Daemon::start(&bed);
    until("all of it is gone", || (left() == 0).then_some(()));
    assert!(daemon.stop().success());
}
