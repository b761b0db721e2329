//! What another scheduler did, as seen in shadow.

use freezerd::planner::{Record, Sighting};

use crate::{Store, at, due, job, plan};

fn sighting(id: &str, started: i64, ended: Option<i64>) -> Sighting {
    Sighting {
        job: job(id),
        started: due(started),
        ended: ended.map(|ended| at(ended * 1000)),
        result: if ended.is_some() { "success" } else { "" }.to_owned(),
        seen: at(started * 1000 + 500),
        unseen: Some(at(started * 1000 - 500)),
    }
}

fn started(store: &mut Store, id: &str, from: i64) -> Vec<i64> {
    let seen = store
        .ledger()
        .reader()
        .sightings(&job(id), due(from))
        .expect("read");
    seen.iter().map(|seen| seen.started.epoch()).collect()
}

#[test]
fn one_that_is_told_again_keeps_when_it_was_first_seen() {
    let mut store = Store::new();
    let first = sighting("a", 100, None);
    let later = Sighting {
        seen: at(900_000),
        unseen: Some(at(800_000)),
        ..sighting("a", 100, Some(120))
    };
    store.commit(&[
        plan("a", 0, 0),
        Record::Sighting(first.clone()),
        Record::Sighting(later.clone()),
    ]);
    store.reopen();
    let seen = store
        .ledger()
        .reader()
        .sightings(&job("a"), due(0))
        .expect("read");
    assert_eq!(
        seen,
        [Sighting {
            ended: later.ended,
            result: later.result,
            ..first
        }]
    );
}

#[test]
fn they_are_read_in_order_from_a_time_on_and_go_with_their_plan_or_their_age() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), plan("b", 0, 0)]);
    for when in [300, 100, 200] {
        store.commit(&[
            Record::Sighting(sighting("a", when, None)),
            Record::Sighting(sighting("b", when, None)),
        ]);
    }
    assert_eq!(started(&mut store, "a", 0), [100, 200, 300]);
    assert_eq!(started(&mut store, "a", 200), [200, 300]);
    assert_eq!(started(&mut store, "nobody", 0), [0; 0]);
    store.commit(&[Record::Forget { job: job("b") }]);
    assert_eq!(started(&mut store, "b", 0).len(), 3, "its history stays");
    store.ledger().prune(due(200)).expect("pruned");
    assert_eq!(started(&mut store, "a", 0), [200, 300]);
    assert_eq!(
        started(&mut store, "b", 0),
        [0; 0],
        "and goes with the last of it"
    );
}

#[test]
fn when_the_last_listing_was_asked_for() {
    let mut store = Store::new();
    assert_eq!(store.ledger().reader().polled().expect("read"), None);
    store.commit(&[Record::Polled { at: at(1_234) }]);
    assert_eq!(store.ledger().reader().polled().expect("read"), Some(at(1_234)));
}
