//! What sessions are told at the end of a run, or when there will be none.

use crate::plan::JobId;

use super::{Admission, Refusal, SessionEnd, result};
use crate::planner::{Decision, Outcome, Record, RunId, RunRecord};

/// Tells the session of `run`, if it has one, how it ended.
pub(in crate::planner) fn told(run: &RunRecord, outcome: Outcome, out: &mut Decision) {
    let Some(mine) = &run.session else { return };
    if mine.refused != Some(Refusal::NoSession) {
        leave(&run.job, &run.id, end(&mine.session, mine.tag, outcome), out);
    }
}

/// Tells the session of `run`, if it counts on it, or may, that it will not run.
pub(in crate::planner) fn withdrawn(run: &RunRecord, out: &mut Decision) {
    let Some(mine) = run.session.as_deref() else {
        return;
    };
    // One that goes without its session may be in it all the same.
    let unsure = mine.admission != Admission::Joined;
    if !unsure || mine.unheard {
        let end = SessionEnd {
            unsure,
            ..end(&mine.session, mine.tag, Outcome::Aborted)
        };
        leave(&run.job, &run.id, end, out);
    }
}

pub(super) fn end(session: &str, tag: i64, outcome: Outcome) -> SessionEnd {
    SessionEnd {
        session: session.to_owned(),
        tag,
        result: result(outcome).to_owned(),
        unsure: false,
    }
}

pub(super) fn leave(job: &JobId, run: &RunId, end: SessionEnd, out: &mut Decision) {
    out.records.push(Record::SessionEnd {
        job: job.clone(),
        run: run.clone(),
        end,
    });
}
