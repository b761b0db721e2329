use freezerd::planner::{Admission, SessionRefused};

use super::super::checker::{Between, Said, Spoken};
use super::*;

fn is_end(spoken: &Spoken) -> bool {
    matches!(spoken.said, Said::Ended(_))
}

/// Every end that a session was told it is told once more.
fn tell_again(life: &mut History) {
    let twice = |spoken: Spoken| std::iter::repeat_n(spoken.clone(), if is_end(&spoken) { 2 } else { 1 });
    life.spoken = std::mem::take(&mut life.spoken)
        .into_iter()
        .flat_map(twice)
        .collect();
}

const BREAKS: [Break; 6] = [
    ("an end was written 2 times", |life| {
        let again = life.written[0].clone();
        life.written.push(again);
    }),
    ("its job was never told", |life| life.written.clear()),
    ("its session was told 2 ends of round", tell_again),
    ("its session was told 0 ends of round", |life| {
        life.spoken.retain(|spoken| !is_end(spoken));
    }),
    ("ends, and there were", |life| {
        // One of them ran without its session: it ended, too.
        let mut with = life
            .runs
            .values_mut()
            .filter_map(|run| run.session.as_deref_mut());
        with.next().expect("a run with its session").admission = Admission::Alone;
        tell_again(life);
    }),
    ("was one too many", |life| {
        let mut again = life.records[0].clone();
        again.id = "b9999".to_owned();
        life.removed.push(again);
    }),
];

#[test]
fn what_is_told_twice_or_never_is_seen_where_nothing_was_in_the_way() {
    let calm = rich(
        |script| script.session == Some(SessionRefused::Skip),
        |life| {
            let ends = life.spoken.iter().filter(|spoken| is_end(spoken)).count();
            life.between == Between::Nothing && ends > 5 && !life.records.is_empty()
        },
    );
    each_is_seen(&calm, &BREAKS);
    // Where the daemon could not know, it may tell it again.
    let mut life = calm;
    let again = life.written[0].clone();
    life.written.push(again);
    life.between = Between::Refusals;
    must_say(&life, "an end was written 2 times");
    life.between = Between::Doubt;
    assert_eq!(check(&life), Vec::<String>::new());
}
