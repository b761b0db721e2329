//! What is asked of the API beside its listings, while it is slow about some of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::bed::{at_once, plan};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::server::{Fault, reply};
use crate::until::until;

#[test]
fn runs_that_wait_for_their_sessions_do_not_hold_up_who_asks_whether_a_plan_is_gone() {
    let (cloud, mut bed) = Cloud::new("");
    // None of them is given up while this lasts.
    let forever = ("FREEZERD_API__TIMEOUT".to_owned(), "1h".to_owned());
    bed.environment.extend([forever]);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // It never answers for a session.
    cloud.turn_hostile(Box::new(move |seen| {
        seen.target.contains("/sessions/").then(|| {
            counted.fetch_add(1, Ordering::Relaxed);
            reply(200, "").fault(Fault::Silent)
        })
    }));
    cloud.put(&plan("gone", &json!({"schedule_year": 2099}), &["done"]));
    let daemon = Daemon::start(&bed);
    let is_there = || {
        let known = bed.ledger().and_then(|ledger| ledger.plans(Some("gone"), 1).ok());
        known.is_some_and(|plans| plans.iter().any(|plan| plan.document.is_some()))
    };
    until("it is planned", || is_there().then_some(()));
    for number in 0..20 {
        let mut plan = at_once(&format!("member-{number}"), "done");
        plan["session_id"] = json!("s");
        cloud.put(&plan);
    }
    until("sessions are asked", || {
        (asked.load(Ordering::Relaxed) >= 4).then_some(())
    });
    cloud.remove("gone");
    until("it is forgotten", || (!is_there()).then_some(()));
    assert_eq!(
        asked.load(Ordering::Relaxed),
        4,
        "none of them was answered, or given up"
    );
    assert!(daemon.stop().success());
}
