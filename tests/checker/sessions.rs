//! Plans of a session start with its leave, once a round, and the session hears how they ended.

use std::collections::BTreeMap;

use freezerd::planner::{Admission, Membership, Outcome, Reason, RunRecord, RunState, SessionRefused};

use super::{History, Said, Spoken, was_set_right};

fn of<'a>(history: &'a History, job: &'a str) -> impl DoubleEndedIterator<Item = &'a Spoken> {
    history.spoken.iter().filter(move |spoken| spoken.job == job)
}

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    let mut rounds: BTreeMap<(&str, i64), &RunRecord> = BTreeMap::new();
    for seen in &history.evidence {
        let Some(run) = history.runs.get(&seen.run) else {
            continue;
        };
        if !history.members.contains(&seen.job) {
            continue;
        }
        let Some(mine) = &run.session else {
            faults.push(format!("{} started and never asked its session", run.id));
            continue;
        };
        match mine.admission {
            Admission::Joined => {
                let let_in = Said::Joined(mine.tag);
                if !of(history, &seen.job).any(|spoken| spoken.said == let_in) {
                    faults.push(format!("{} was not let into round {}", run.id, mine.tag));
                }
                let before = rounds.insert((&seen.job, mine.tag), run);
                // A second that came round again may have had its run again: the record is of the later one.
                // And what ran on a clock that was days ahead is forgotten with its round, when that is set right.
                let forgotten = |other: &RunRecord| {
                    let mut others = history.evidence.iter().filter(|one| one.run == other.id);
                    others.any(|before| was_set_right(history, before, seen))
                };
                if let Some(other) = before.filter(|other| other.id != run.id && !forgotten(other)) {
                    faults.push(format!(
                        "{} and {} ran in one round of their session",
                        other.id, run.id
                    ));
                }
            }
            Admission::Alone if history.rules.session_refused == SessionRefused::Run => {
                let mut before = of(history, &seen.job).take_while(|spoken| spoken.at <= seen.began);
                if !before.any(|spoken| matches!(spoken.said, Said::Refused | Said::Nothing)) {
                    faults.push(format!(
                        "{} ran without its session, which had not refused",
                        run.id
                    ));
                }
            }
            Admission::Alone | Admission::Waiting => {
                faults.push(format!("{} started without leave of its session", run.id));
            }
        }
    }
    for job in &history.members {
        ended(history, job, faults);
    }
}

/// The session does not wait for who has ended; and what it was told last is true.
fn ended(history: &History, job: &str, faults: &mut Vec<String>) {
    let spoken: Vec<&Spoken> = of(history, job).collect();
    let joined = |spoken: &&Spoken| matches!(spoken.said, Said::Joined(_));
    let Some(last) = spoken.iter().rposition(joined) else {
        return;
    };
    let Said::Joined(tag) = spoken[last].said else {
        return;
    };
    let told = spoken[last..].iter().rev().find_map(|spoken| match &spoken.said {
        Said::Ended(result) => Some(result.as_str()),
        _ => None,
    });
    let Some(told) = told else {
        faults.push(format!("{job}: its session waits for the end of round {tag}"));
        return;
    };
    // An answer that was lost, or a run that went without its session, came after it.
    let in_it = |run: &&RunRecord| {
        let mine = run.session.as_ref();
        let in_it = |mine: &Membership| mine.tag >= tag || mine.admission == Admission::Alone;
        run.job.as_str() == job && mine.is_some_and(|mine| in_it(mine))
    };
    let mut last = history
        .runs
        .values()
        .filter(in_it)
        .filter_map(|run| match run.state {
            RunState::Done(Outcome::Success) => Some("success"),
            RunState::Done(Outcome::Aborted) => Some("aborted"),
            RunState::Done(_) => Some("fail"),
            _ => None,
        });
    if told != "aborted" && !last.any(|result| result == told) {
        faults.push(format!("{job}: its session was told {told} of round {tag}"));
    }
}

/// Why a due time of `id` was not skipped for `reason` at `decided`.
pub(super) fn untrue(history: &History, id: &str, reason: Reason, decided: i64) -> Option<&'static str> {
    if !history.members.contains(id) {
        return Some("it has no session");
    }
    if history.rules.session_refused == SessionRefused::Run {
        return Some("it runs without its session");
    }
    let wanted = if reason == Reason::SessionRefused {
        Said::Refused
    } else {
        Said::Nothing
    };
    let by_then = |spoken: &&Spoken| spoken.at <= decided + history.rules.set_back;
    let said = of(history, id)
        .filter(by_then)
        .any(|spoken| spoken.said == wanted);
    (!said).then_some("its session did not say so")
}
