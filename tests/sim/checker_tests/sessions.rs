use freezerd::planner::{Admission, Membership, Reason, SessionRefused, Verdict};

use super::super::checker::Said;
use super::*;

/// The runs of one plan that ran with its session.
fn joined(life: &History) -> Vec<freezerd::planner::RunId> {
    let with = |mine: &Membership| mine.admission == Admission::Joined;
    let ran = |run: &&super::super::checker::Evidence| {
        let mine = life.runs[&run.run].session.as_deref();
        mine.is_some_and(with)
    };
    let of = |job: &String| {
        let seen = life.evidence.iter().filter(|seen| seen.job == *job);
        seen.filter(ran).map(|seen| seen.run.clone()).collect::<Vec<_>>()
    };
    life.members
        .iter()
        .map(of)
        .max_by_key(Vec::len)
        .unwrap_or_default()
}

fn mine<'a>(life: &'a mut History, run: &freezerd::planner::RunId) -> &'a mut Membership {
    life.runs
        .get_mut(run)
        .and_then(|run| run.session.as_deref_mut())
        .expect("its session")
}

const BREAKS: [Break; 9] = [
    ("never asked its session", |life| {
        let run = joined(life).remove(0);
        life.runs.get_mut(&run).expect("a run").session = None;
    }),
    ("was not let into round 99", |life| {
        let run = joined(life).remove(0);
        mine(life, &run).tag = 99;
    }),
    ("ran in one round of their session", |life| {
        let runs = joined(life);
        mine(life, &runs[1]).tag = mine(life, &runs[0]).tag;
    }),
    ("started without leave of its session", |life| {
        let run = joined(life).remove(0);
        mine(life, &run).admission = Admission::Alone;
    }),
    ("its session waits for the end of round", |life| {
        life.spoken
            .retain(|spoken| !matches!(spoken.said, Said::Ended(_)));
    }),
    ("its session was told nonsense of round", |life| {
        for spoken in &mut life.spoken {
            if let Said::Ended(result) = &mut spoken.said {
                "nonsense".clone_into(result);
            }
        }
    }),
    ("its session did not say so", |life| {
        let job = joined(life).remove(0);
        let job = life.runs[&job].job.clone();
        life.spoken.retain(|spoken| spoken.said != Said::Refused);
        let record = life.verdicts.iter_mut().find(|record| record.job == job);
        record.expect("a verdict").verdict = Verdict::Skipped(Reason::SessionRefused);
    }),
    ("it runs without its session", |life| {
        let run = joined(life).remove(0);
        let job = life.runs[&run].job.clone();
        let record = life.verdicts.iter_mut().find(|record| record.job == job);
        record.expect("a verdict").verdict = Verdict::Skipped(Reason::SessionRefused);
        life.rules.session_refused = SessionRefused::Run;
    }),
    ("it has no session", |life| {
        life.verdicts[0].verdict = Verdict::Skipped(Reason::SessionUnreachable);
        life.members.clear();
    }),
];

#[test]
fn every_kind_of_broken_session_is_seen() {
    let sound = rich(
        |script| script.session == Some(SessionRefused::Skip),
        |life| joined(life).len() > 3,
    );
    each_is_seen(&sound, &BREAKS);
}

#[test]
fn a_run_without_its_session_is_seen_where_that_had_not_refused() {
    let alone = |life: &History| {
        let without = |mine: &Membership| mine.admission == Admission::Alone;
        life.evidence
            .iter()
            .any(|seen| life.runs[&seen.run].session.as_deref().is_some_and(without))
    };
    let mut life = rich(|script| script.session == Some(SessionRefused::Run), alone);
    life.spoken
        .retain(|spoken| matches!(spoken.said, Said::Joined(_) | Said::Ended(_)));
    must_say(&life, "ran without its session, which had not refused");
}
