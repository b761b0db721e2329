//! An API that refuses what it could take, twice, and then takes it: what it refused waits in the ledger.

use std::sync::atomic::{AtomicU32, Ordering};

use freezerd::failpoint::Failpoint;

use crate::cloud::Answering;
use crate::server::{Seen, reply};

/// So often: once for each daemon that may die of it.
const TIMES: u32 = 2;

/// Refuses what brings a daemon to this failpoint, if an API that refuses does.
pub fn refusing(at: Failpoint, otherwise: Answering) -> Answering {
    let left = AtomicU32::new(TIMES);
    let less = |left: u32| left.checked_sub(1);
    Box::new(move |seen| {
        let refused = leads_to(at, seen)
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_ok();
        // Neither for ever nor for a moment, as 400 and 503 would be.
        if refused {
            Some(reply(403, "{}"))
        } else {
            otherwise(seen)
        }
    })
}

fn leads_to(at: Failpoint, seen: &Seen) -> bool {
    let is = |method, path| seen.method == method && seen.target.starts_with(path);
    let says = |text| seen.body.contains(text);
    match at {
        Failpoint::ReportFailed => is("PATCH", "/v2/p1/jobs/"),
        Failpoint::BackupFailed => is("POST", "/v2/p1/backups"),
        // Of the plan whose record is made after its backup, if it cannot be before.
        Failpoint::DraftFailed => is("POST", "/v2/p1/backups") && says("\"made-"),
        Failpoint::DraftEndFailed => is("PATCH", "/v2/p1/backups/") && says("\"error\""),
        Failpoint::SessionEndFailed => is("POST", "/v2/p1/sessions/s/action") && says("\"end\""),
        _ => false,
    }
}
