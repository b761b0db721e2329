//! Condensing: old verdicts that say the same go on in one row, and nothing is said otherwise.

use freezerd::planner::{Reason, Record, Verdict};

use crate::{Store, due, job, plan, verdict, verdict_over};

const OVERLAP: Verdict = Verdict::Skipped(Reason::Overlap);

fn condense(store: &mut Store, before: i64) -> usize {
    let mut calls = 1;
    while store.ledger().condense(due(before)).expect("condensed") {
        calls += 1;
        assert!(calls < 1_000, "it has no end");
    }
    calls
}

/// The verdicts of a plan, the earliest first: `first..last xcount`, and the reason.
fn left(store: &mut Store, of: &str) -> Vec<String> {
    let all = store
        .ledger()
        .reader()
        .verdicts(&job(of), due(0), due(i64::from(u32::MAX)), 99_999);
    let told = all.expect("verdicts").into_iter().rev().map(|verdict| {
        let (first, last) = (verdict.first.epoch(), verdict.last.epoch());
        let what = match verdict.verdict {
            Verdict::Run(_) => "run".to_owned(),
            Verdict::Coalesced(run) => format!("into {}", run.as_str()),
            Verdict::Skipped(reason) => reason.word().to_owned(),
        };
        format!("{first}..{last} x{} {what}", verdict.count)
    });
    told.collect()
}

#[test]
fn what_says_the_same_goes_on_in_one_row() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), plan("b", 0, 0)]);
    let run = freezerd::planner::RunId::new(&job("a"), due(200));
    let into = Verdict::Coalesced(run.clone());
    let mut records = Vec::new();
    for when in 10..20 {
        for of in ["a", "b"] {
            records.push(Record::Verdict(verdict(of, when, OVERLAP)));
        }
    }
    for (when, what) in [
        (20, Verdict::Skipped(Reason::Stopped)),
        (21, OVERLAP),
        (81, OVERLAP),
        (142, OVERLAP),
        (150, Verdict::Skipped(Reason::Shadow)),
        (151, Verdict::Skipped(Reason::Shadow)),
        (200, Verdict::Run(run)),
        (201, into.clone()),
        (202, into.clone()),
    ] {
        records.push(Record::Verdict(verdict("a", when, what)));
    }
    records.push(Record::Verdict(verdict_over("a", 205, 215, 3, into.clone())));
    records.push(Record::Verdict(verdict("a", 999, into.clone())));
    records.push(Record::Verdict(verdict("a", 1_000, into)));
    store.commit(&records);
    let before = store.ledger().reader().restore().expect("restored");
    assert_eq!(condense(&mut store, 1_000), 1);
    let first = "into a-19700101T000320Z";
    assert_eq!(
        left(&mut store, "a"),
        [
            "10..19 x10 overlap".to_owned(),
            "20..20 x1 stopped".to_owned(),
            "21..81 x2 overlap".to_owned(),
            // More than a minute later.
            "142..142 x1 overlap".to_owned(),
            "150..150 x1 shadow".to_owned(),
            "151..151 x1 shadow".to_owned(),
            "200..200 x1 run".to_owned(),
            format!("201..215 x5 {first}"),
            format!("999..999 x1 {first}"),
            // Too young.
            format!("1000..1000 x1 {first}"),
        ]
    );
    assert_eq!(left(&mut store, "b"), ["10..19 x10 overlap"]);
    let within = store
        .ledger()
        .reader()
        .verdict_at(&job("b"), due(15))
        .expect("read");
    assert_eq!(within.map(|verdict| verdict.count), Some(10));
    // All that a daemon starts from is as it was, the totals too.
    assert_eq!(store.ledger().reader().restore().expect("restored"), before);
}

#[test]
fn it_goes_on_where_it_was_and_each_call_is_bounded() {
    let mut store = Store::new();
    let mut records = vec![plan("a", 0, 0)];
    let every_second = |from, to| (from..to).map(|when| Record::Verdict(verdict("a", when, OVERLAP)));
    records.extend(every_second(0, 12_000));
    store.commit(&records);
    assert_eq!(condense(&mut store, 11_000), 3);
    let mut expected = vec!["0..10999 x11000 overlap".to_owned()];
    expected.extend((11_000..12_000).map(|when| format!("{when}..{when} x1 overlap")));
    assert_eq!(left(&mut store, "a"), expected);
    assert_eq!(condense(&mut store, 12_000), 1);
    assert_eq!(left(&mut store, "a"), ["0..11999 x12000 overlap"]);
    // The next daemon remembers no row, but up to where it came.
    store.reopen();
    store.commit(&every_second(12_000, 12_010).collect::<Vec<_>>());
    assert_eq!(condense(&mut store, 20_000), 1);
    assert_eq!(
        left(&mut store, "a"),
        ["0..11999 x12000 overlap", "12000..12009 x10 overlap"]
    );
}

/// What is remembered may be gone by now.
#[test]
fn a_row_that_is_gone_does_not_come_back() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let skipped = |when| Record::Verdict(verdict("a", when, OVERLAP));
    store.commit(&[skipped(10), skipped(11)]);
    condense(&mut store, 12);
    assert_eq!(store.ledger().prune(due(12)).expect("pruned").verdicts, 1);
    store.commit(&[skipped(12), skipped(13)]);
    condense(&mut store, 100);
    assert_eq!(left(&mut store, "a"), ["12..13 x2 overlap"]);
}
