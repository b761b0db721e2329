//! Every due time has exactly one verdict, and what it says is true.

use std::collections::BTreeMap;
use std::sync::Arc;

use freezerd::planner::{CatchUp, Outside, Reason, RunRecord, Verdict, VerdictRecord};
use freezerd::schedule::{DueTime, Kind, Timetable};

use super::{History, Version, sessions, trusts, windows};

struct Known<'a> {
    version: &'a Version,
    timetable: Timetable,
    /// A continuous plan, or one that runs once: its due times arise from what happens.
    arises: bool,
    /// When the next version was made, and when it was known at the latest.
    next: (i64, i64),
}

/// What the ledger has of one plan.
struct Ledger<'a> {
    /// By their first due time.
    verdicts: Vec<&'a VerdictRecord>,
    /// By when they were queued.
    runs: Vec<&'a RunRecord>,
}

impl<'a> Ledger<'a> {
    fn of(history: &'a History, id: &str) -> Self {
        let of_plan = |record: &&VerdictRecord| record.job.as_str() == id;
        let mut verdicts: Vec<_> = history.verdicts.iter().filter(of_plan).collect();
        verdicts.sort_by_key(|record| record.first);
        let mut runs: Vec<_> = history
            .runs
            .values()
            .filter(|run| run.job.as_str() == id)
            .collect();
        runs.sort_by_key(|run| run.queued);
        Self { verdicts, runs }
    }
}

fn known(versions: &[Version]) -> Vec<Known<'_>> {
    let mut all = Vec::new();
    let mut next = (i64::MAX, i64::MAX);
    for (at, version) in versions.iter().enumerate().rev() {
        // The same document by other zone data is no version that its user made.
        let document = |version: &Version| version.plan.as_ref().map(|plan| Arc::clone(&plan.document));
        let of_this = document(version);
        let later = versions[at..].iter().find(|other| document(other) != of_this);
        next.0 = later.map_or(i64::MAX, |later| later.from);
        if let Some(plan) = &version.plan {
            let anchor = DueTime::floor(plan.created.expect("a creation time"));
            let schedule = Arc::clone(&plan.schedule);
            all.push(Known {
                version,
                arises: matches!(schedule.kind(), Kind::Continuous | Kind::Once),
                timetable: Timetable::new(schedule, Arc::clone(&version.zone), anchor),
                next,
            });
        }
        next.1 = version.known.unwrap_or(next.1);
    }
    all.reverse();
    all
}

/// Whether two versions have the same due times where this record has some.
fn same_times(record: &VerdictRecord, one: &Known<'_>, other: &Known<'_>) -> bool {
    let mut after = record.first.plus(-1);
    loop {
        let next = [one, other].map(|known| {
            let next = known.timetable.next(after).map(|next| next.due);
            next.filter(|due| *due <= record.last)
        });
        match next {
            [Some(due), Some(same)] if due == same => after = due,
            [None, None] => return true,
            _ => return false,
        }
    }
}

/// The due times of a verdict: by the version of the plan under which it could have been given.
fn due_times(record: &VerdictRecord, versions: &[Known<'_>], set_back: i64) -> Option<Vec<i64>> {
    versions.iter().enumerate().find_map(|(at, known)| {
        let ends = |known: &Known<'_>| known.next.1.saturating_add(set_back);
        // What is decided again and again while the disk is full becomes one record, also where a version that changes none of
        // these due times (another zone, of an interval) began in between.
        let goes_on = |next: &&Known<'_>| !next.arises && same_times(record, known, next);
        let several = versions[at..].iter().take_while(|_| record.count > 1);
        let later = record.last.epoch() > ends(several.take_while(goes_on).last().unwrap_or(known));
        if known.arises {
            let one = record.count == 1 && record.first == record.last;
            let since = known.version.from - set_back;
            return (one && !later && record.first.epoch() >= since).then(|| vec![record.first.epoch()]);
        }
        if record.first.epoch() <= known.version.from - set_back || later {
            return None;
        }
        let mut times = Vec::new();
        let mut after = record.first.plus(-1);
        while let Some(next) = known.timetable.next(after).filter(|next| next.due <= record.last) {
            times.push(next.due.epoch());
            after = next.due;
            if times.first() != Some(&record.first.epoch()) || times.len() as u64 > record.count {
                return None;
            }
        }
        let whole = times.last() == Some(&record.last.epoch());
        (whole && times.len() as u64 == record.count).then_some(times)
    })
}

pub(super) fn check(history: &History, id: &str, versions: &[Version], faults: &mut Vec<String>) {
    let known = known(versions);
    let set_back = history.rules.set_back;
    let mut given: BTreeMap<i64, &VerdictRecord> = BTreeMap::new();
    let ledger = Ledger::of(history, id);
    for &record in &ledger.verdicts {
        let Some(times) = due_times(record, &known, set_back) else {
            faults.push(format!(
                "{id}: no version of the plan has these due times: {record:?}"
            ));
            continue;
        };
        for time in times {
            let other = given.insert(time, record);
            // After a clock that was wrong by more than it can be lived through, one record of several due times may
            // reach beyond what was opened again.
            let opened = |other: &VerdictRecord| set_back > 600 && other.count.max(record.count) > 1;
            if let Some(other) = other.filter(|other| !opened(other)) {
                faults.push(format!("{id}: {time} has two verdicts: {other:?} and {record:?}"));
            }
        }
        if let Some(fault) = untrue(history, &ledger, record, versions) {
            faults.push(format!("{id}: {fault}: {record:?}"));
        }
    }
    for known in known.iter().filter(|known| !known.arises) {
        let Some(since) = known.version.known else {
            continue;
        };
        let until = known.next.0.min(known.version.until).min(history.polled);
        let mut after = DueTime::from_epoch(since + set_back);
        while let Some(next) = known
            .timetable
            .next(after)
            .filter(|next| next.due.epoch() <= until)
        {
            if !given.contains_key(&next.due.epoch()) {
                faults.push(format!("{id}: {} has no verdict", next.due));
            }
            after = next.due;
        }
    }
    // What runs once, or again and again, was due as soon as it was known, unless something hindered it; a clock that was
    // set back far may have made its verdict void, but not its run. (Outside its window it may have had no run.)
    let shut_out = history
        .windows
        .get(id)
        .is_some_and(|window| window.outside == Outside::Skip);
    let ran = set_back > 600 && (shut_out || !ledger.runs.is_empty());
    let waits = known.iter().enumerate().any(|(at, one)| {
        let free = !one.version.stopped && one.version.hindered.is_empty();
        let next = known.get(at + 1).map_or(i64::MAX, |next| next.version.from);
        let until = next.min(one.next.0);
        // The daemon died as it heard of it, and when it was back the plan was another.
        let dead = |since: i64| {
            let (since, until) = (history.true_time(since), history.true_time(until));
            let mut troubles = history.troubles.iter();
            troubles.any(|(from, to)| *from <= since + set_back + 10 && until <= *to)
        };
        let lasts = |since: i64| since + set_back < until && !dead(since);
        one.arises && free && one.version.known.is_some_and(lasts)
    });
    // And who may not run for want of a trust is never due so.
    let may_not = history.rules.central && !history.trusts.contains_key(id);
    if waits && given.is_empty() && !ran && !may_not {
        faults.push(format!("{id} was never due"));
    }
}

/// Whether it goes with another due time's run.
const fn coalesced_or_overlaps(record: &VerdictRecord) -> bool {
    matches!(
        record.verdict,
        Verdict::Coalesced(_) | Verdict::Skipped(Reason::Overlap)
    )
}

/// Why a verdict is not true.
fn untrue(
    history: &History,
    ledger: &Ledger<'_>,
    record: &VerdictRecord,
    versions: &[Version],
) -> Option<String> {
    let set_back = history.rules.set_back;
    let decided = record.decided.timestamp();
    let by_then = |version: &&Version| version.from <= decided + set_back;
    // Until the daemon certainly knew that it is not any more.
    let was = |so: &dyn Fn(&Version) -> bool| {
        versions.iter().enumerate().any(|(at, version)| {
            let mut later = versions[at..].iter().filter(|later| !so(later));
            let over = later.find_map(|later| later.known);
            so(version) && by_then(&version) && over.is_none_or(|known| decided <= known + set_back)
        })
    };
    match &record.verdict {
        Verdict::Run(run) => {
            (!history.runs.contains_key(run)).then(|| "its run is not in the ledger".to_owned())
        }
        Verdict::Coalesced(run) => {
            // The due time it names has a verdict of its own, even if its run was withdrawn later; or it did run, and the
            // clock was set back since.
            let stamp = run.as_str().rsplit('-').next().unwrap_or_default();
            let due = chrono::NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").expect("a run's name");
            let due = DueTime::floor(due.and_utc());
            let before = ledger.verdicts.partition_point(|other| other.first <= due);
            let mut others = ledger.verdicts[..before].iter().rev();
            let served = others.any(|other| due <= other.last && **other != *record);
            let ran = history.runs.contains_key(run);
            (!served && !ran).then(|| "it is coalesced into nothing".to_owned())
        }
        Verdict::Skipped(Reason::Overlap) => {
            let queued = |run: &&RunRecord| run.queued.timestamp() <= decided + set_back;
            let before = ledger.runs.partition_point(queued);
            let overlaps = ledger.runs[..before].iter().rev().any(|run| {
                let news = set_back + history.rules.late_news;
                run.ended.is_none_or(|ended| ended.timestamp() + news >= decided)
            });
            // Or it was about to be launched, came to nothing by a crash, and was withdrawn later: that is a verdict on the
            // due time before this one, and a later one.
            let before = ledger.verdicts.partition_point(|other| other.last < record.first);
            let mut former = ledger.verdicts[..before].iter().rev();
            let withdrawn = former
                .find(|other| !coalesced_or_overlaps(other))
                .is_some_and(|other| {
                    matches!(other.verdict, Verdict::Skipped(_))
                        && other.decided.timestamp() + set_back >= decided
                });
            let overlaps = overlaps || withdrawn;
            (!overlaps).then(|| "nothing of its plan ran then".to_owned())
        }
        Verdict::Skipped(Reason::Expired) => match history.rules.catch_up {
            CatchUp::Within(seconds) if decided - record.last.epoch() > seconds => None,
            _ => Some("it was not too late".to_owned()),
        },
        Verdict::Skipped(Reason::Stopped) => {
            (!was(&|version| version.stopped)).then(|| "it was not stopped".to_owned())
        }
        Verdict::Skipped(reason @ (Reason::Disabled | Reason::Unsupported | Reason::ExecDenied)) => {
            let hindered = was(&|version| version.hindered.contains(reason));
            (!hindered).then(|| format!("it was not {}", reason.word()))
        }
        Verdict::Skipped(Reason::Shadow) => {
            let within =
                |(from, to): (i64, i64)| from - set_back <= decided && decided <= to.saturating_add(set_back);
            let shadow = history.shadows.iter().any(|shadow| within(shadow.wall));
            (!shadow).then(|| "freezerd was not in shadow".to_owned())
        }
        Verdict::Skipped(Reason::Superseded) => {
            // And the daemon did not know that before it was due.
            let first = record.first.epoch();
            let since = |version: &Version| version.known.is_none_or(|known| first <= known + set_back);
            let edited = versions.iter().skip(1).filter(by_then).any(since);
            (!edited).then(|| "it was not edited or removed since".to_owned())
        }
        Verdict::Skipped(Reason::OutsideWindow) => {
            windows::untrue(history, record.job.as_str(), decided).map(str::to_owned)
        }
        Verdict::Skipped(reason @ (Reason::SessionRefused | Reason::SessionUnreachable)) => {
            sessions::untrue(history, record.job.as_str(), *reason, decided).map(str::to_owned)
        }
        Verdict::Skipped(Reason::NoTrust) => trusts::untrue(history, record.job.as_str()).map(str::to_owned),
    }
}
