use super::*;

const LATE: i64 = 600;

#[test]
fn a_start_that_waits_for_nothing_is_seen() {
    super::super::quiet();
    let mut script = write(0);
    (script.length, script.max_concurrent) = (DAY, 4);
    (script.outside, script.session, script.central) = (None, None, None);
    script.events = vec![(START, Event::Make("job0".to_owned(), HOURLY))];
    let mut life = live(&script).history;
    assert_eq!(check(&life), Vec::<String>::new());
    let on_time = life.evidence.iter().position(|seen| seen.began - seen.due < 5);
    let seen = &mut life.evidence[on_time.expect("one of them")];
    seen.began += LATE;
    seen.started += LATE;
    if let Some((ended, _)) = &mut seen.ended {
        *ended += LATE;
    }
    let due = seen.due;
    must_say(&life, "s late, for nothing");
    // A node that is down, a place that is taken, or a clock that was set, is a reason.
    let is_late = |life: &History| check(life).iter().any(|fault| fault.contains("for nothing"));
    let mut down = life.clone();
    down.troubles.push((due - 1, due + LATE - 1));
    assert!(!is_late(&down));
    let mut full = life.clone();
    full.rules.max_concurrent = 0;
    assert!(!is_late(&full));
    life.rules.stepped = true;
    assert!(!is_late(&life));
}
