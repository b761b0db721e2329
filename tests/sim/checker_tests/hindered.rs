use freezerd::schedule::Kind;

use super::super::script::{HINDRANCES, ONCE};
use super::*;

/// A plan that was so, until its user put that right.
fn hindered(why: Reason) -> History {
    super::super::quiet();
    let job = || "job0".to_owned();
    let mut script = write(0);
    (script.length, script.catch_up) = (DAY, CatchUp::UntilNext);
    (script.session, script.outside, script.central) = (None, None, None);
    script.events = vec![
        (START, Event::Make(job(), HOURLY)),
        (START + 6 * HOUR, Event::Hinder(job(), why)),
        (START + 12 * HOUR, Event::Unhinder(job())),
    ];
    live(&script).history
}

#[test]
fn a_plan_that_was_hindered_is_told_from_one_that_was_not() {
    for why in HINDRANCES {
        let sound = hindered(why);
        assert_eq!(check(&sound), Vec::<String>::new());
        let skipped = |record: &freezerd::planner::VerdictRecord| record.verdict == Verdict::Skipped(why);
        let times = |life: &History| life.verdicts.iter().filter(|record| skipped(record)).count();
        assert!(times(&sound) > 0, "{why:?}");
        let said = format!("it was not {}", why.word());
        // Long after it was put right.
        let mut life = sound.clone();
        let last = life.verdicts.iter_mut().rfind(|record| !skipped(record));
        let last = last.expect("it ran again");
        assert!(last.first.epoch() > START + 14 * HOUR);
        last.verdict = Verdict::Skipped(why);
        must_say(&life, &said);
        // For a reason that it was never.
        for other in HINDRANCES.into_iter().filter(|other| *other != why) {
            let mut life = sound.clone();
            let record = life.verdicts.iter_mut().find(|record| skipped(record));
            record.expect("a verdict").verdict = Verdict::Skipped(other);
            must_say(&life, &format!("it was not {}", other.word()));
        }
    }
}

#[test]
fn a_plan_without_a_schedule_that_was_never_due_is_seen() {
    super::super::quiet();
    let mut script = write(0);
    (script.length, script.catch_up) = (DAY, CatchUp::UntilNext);
    (script.session, script.outside, script.central) = (None, None, None);
    script.events = vec![(START, Event::Make("job0".to_owned(), ONCE))];
    let mut life = live(&script).history;
    let plan = life.users[0].1[0].plan.as_ref().expect("a plan");
    assert_eq!(plan.schedule.kind(), Kind::Once);
    assert_eq!(check(&life), Vec::<String>::new());
    life.verdicts.clear();
    must_say(&life, "job0 was never due");
}
