use freezerd::planner::{Outside, Reason, Verdict};

use super::*;

fn outside(life: &History) -> usize {
    let windowed = |job: &str| life.windows.contains_key(job);
    life.verdicts
        .iter()
        .position(|record| windowed(record.job.as_str()))
        .expect("a plan with a window")
}

const BREAKS: [Break; 3] = [
    ("started outside its window", |life| {
        let windowed = |job: &str| life.windows.contains_key(job);
        let at = life.evidence.iter().position(|seen| windowed(&seen.job));
        // Noon, wherever the zone's data puts it.
        life.evidence[at.expect("one of them ran")].started = START + 12 * HOUR;
    }),
    ("it may run at any time", |life| {
        life.verdicts[0].verdict = Verdict::Skipped(Reason::OutsideWindow);
        life.windows.clear();
    }),
    ("its window was open", |life| {
        let at = outside(life);
        let record = &mut life.verdicts[at];
        record.verdict = Verdict::Skipped(Reason::OutsideWindow);
        record.decided = chrono::DateTime::from_timestamp(START, 0).expect("midnight");
    }),
];

#[test]
fn every_kind_of_broken_window_is_seen() {
    let skips = rich(
        |script| script.outside == Some(Outside::Skip),
        |life| {
            let skipped = Verdict::Skipped(Reason::OutsideWindow);
            let ran = |seen: &super::super::checker::Evidence| life.windows.contains_key(&seen.job);
            life.verdicts.iter().any(|record| record.verdict == skipped) && life.evidence.iter().any(ran)
        },
    );
    each_is_seen(&skips, &BREAKS);
    let mut waits = skips;
    for window in waits.windows.values_mut() {
        window.outside = Outside::Wait;
    }
    must_say(&waits, "it waits for its window");
}
