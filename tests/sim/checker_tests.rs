//! The checker is checked: fed with each kind of broken history, it must say so. And the shrinker shrinks.

mod back_off;
mod backups;
mod hindered;
mod on_time;
mod once;
mod sessions;
mod trusts;
mod windows;

use chrono::TimeDelta;
use freezerd::planner::{CatchUp, Outcome, Reason, RunId, RunState, Verdict};
use freezerd::schedule::DueTime;
use serde_json::json;

use super::checker::{History, Missing, Shadow, check};
use super::life::live;
use super::script::{DAY, Event, HALF_PAST_TWO, HOUR, HOURLY, START, Script, write};
use super::shrink::{faults, shrink};

/// A life in which enough happened, and nothing wrong.
fn sound() -> History {
    rich(
        |_| true,
        |life| {
            let crashed = life.evidence.iter().any(|seen| seen.crashed.is_some());
            let lost = |run: &&freezerd::planner::RunRecord| run.state == RunState::Done(Outcome::Lost);
            // And nothing of its plan ran after it.
            let lost = life.runs.values().find(lost).is_some_and(|lost| {
                let later =
                    |seen: &super::checker::Evidence| seen.job == lost.job.as_str() && seen.run != lost.id;
                !life
                    .evidence
                    .iter()
                    .any(|seen| later(seen) && seen.due >= lost.due.epoch())
            });
            life.evidence.len() > 20
                && crashed
                && lost
                && !life.told.is_empty()
                && started_again(life).is_some()
        },
    )
}

/// The first life of a script that is `wanted`, without steps of the clock, in which there is `enough`.
fn rich(wanted: fn(&Script) -> bool, enough: fn(&History) -> bool) -> History {
    super::quiet();
    let mut lives = (1000..).map(write).filter(wanted).map(|mut script| {
        (script.length, script.catch_up) = (script.length.min(4 * DAY), CatchUp::UntilNext);
        script
            .events
            .retain(|(_, event)| !matches!(event, Event::Step(_)));
        live(&script).history
    });
    let life = lives.find(enough).expect("some seed has it");
    assert_eq!(check(&life), Vec::<String>::new());
    life
}

fn must_say(life: &History, what: &str) {
    let faults = check(life);
    assert!(
        faults.iter().any(|fault| fault.contains(what)),
        "{what:?} is not among {faults:#?}"
    );
}

/// Breaks a sound history, and what the checker must say of it.
type Break = (&'static str, fn(&mut History));

const BREAKS: [Break; 27] = [
    ("ran twice", |life| {
        let again = life.evidence[3].clone();
        life.evidence.push(again);
    }),
    ("1 s early", |life| {
        life.evidence[3].started = life.evidence[3].due - 1;
    }),
    ("started while its plan still ran", |life| {
        let mut again = life.evidence[3].clone();
        again.due += 1;
        life.evidence.push(again);
    }),
    ("started when its plan was missing from the listing", |life| {
        life.missing.push(Missing {
            job: life.evidence[3].job.clone(),
            listed: 3,
            known: 4,
        });
    }),
    ("above the cap", |life| life.rules.max_concurrent = 0),
    ("has no verdict", |life| {
        let of = |seen: &super::checker::Evidence| Verdict::Run(seen.run.clone());
        let ran: Vec<Verdict> = life.evidence.iter().map(of).collect();
        life.verdicts.retain(|record| !ran.contains(&record.verdict));
    }),
    ("has two verdicts", |life| {
        let again = life.verdicts[0].clone();
        life.verdicts.push(again);
    }),
    ("no version of the plan has these due times", |life| {
        life.verdicts[0].last = life.verdicts[0].last.plus(1);
    }),
    ("no version of the plan has these due times", |life| {
        life.verdicts[0].count += 1;
    }),
    ("it was not too late", |life| {
        let record = &mut life.verdicts[0];
        record.verdict = Verdict::Skipped(Reason::Expired);
        record.decided = record.last.instant() + TimeDelta::seconds(1);
    }),
    ("nothing of its plan ran then", |life| {
        let record = &mut life.verdicts[0];
        record.verdict = Verdict::Skipped(Reason::Overlap);
        record.decided = chrono::DateTime::UNIX_EPOCH;
    }),
    ("nothing of its plan ran then", |life| {
        // After a run that was lost, and long since known to be.
        let lost = |run: &&freezerd::planner::RunRecord| run.state == RunState::Done(Outcome::Lost);
        let lost = life
            .runs
            .values()
            .find(lost)
            .expect("a run that was lost")
            .clone();
        let decided = lost.ended.expect("an end") + TimeDelta::seconds(1);
        let since = |run: &mut freezerd::planner::RunRecord| run.job != lost.job || run.queued <= lost.queued;
        life.runs.retain(|_, run| since(run));
        let of_plan = |record: &&mut freezerd::planner::VerdictRecord| record.job == lost.job;
        let record = life.verdicts.iter_mut().rfind(of_plan).expect("a verdict");
        (record.verdict, record.decided) = (Verdict::Skipped(Reason::Overlap), decided);
    }),
    ("it was not stopped", |life| {
        life.verdicts[0].verdict = Verdict::Skipped(Reason::Stopped);
        life.verdicts[0].decided = chrono::DateTime::UNIX_EPOCH;
    }),
    ("it was not stopped", |life| {
        // It was, and was started again since.
        let (id, at) = started_again(life).expect("a plan that was started again");
        let of_plan = |record: &&mut freezerd::planner::VerdictRecord| record.job.as_str() == id;
        let record = life.verdicts.iter_mut().find(of_plan).expect("a verdict");
        record.verdict = Verdict::Skipped(Reason::Stopped);
        record.decided = DueTime::from_epoch(at + 1).instant();
    }),
    ("it was not edited or removed since", |life| {
        life.verdicts[0].verdict = Verdict::Skipped(Reason::Superseded);
        life.verdicts[0].decided = chrono::DateTime::UNIX_EPOCH;
    }),
    ("it was not edited or removed since", |life| {
        // It was, and that was long known when it was due.
        let users = &life.users;
        let late = |record: &&mut freezerd::planner::VerdictRecord| {
            let of_plan = users.iter().find(|(id, _)| id == record.job.as_str());
            let (first, decided) = (record.first.epoch(), record.decided.timestamp());
            let mut before = of_plan
                .into_iter()
                .flat_map(|(_, versions)| &versions[1..])
                .filter(|version| version.from <= decided)
                .peekable();
            before.peek().is_some() && before.all(|version| version.known.is_some_and(|known| known < first))
        };
        let record = life
            .verdicts
            .iter_mut()
            .find(late)
            .expect("a verdict after an edit");
        record.verdict = Verdict::Skipped(Reason::Superseded);
    }),
    ("freezerd was not in shadow", |life| {
        life.verdicts[0].verdict = Verdict::Skipped(Reason::Shadow);
        life.shadows.clear();
    }),
    ("started in shadow", |life| {
        let began = life.evidence[3].began;
        life.shadows.push(Shadow {
            wall: (began - 1, began + 1),
            real: (began - 1, began + 1),
        });
    }),
    ("it is coalesced into nothing", |life| {
        let record = &mut life.verdicts[0];
        let nothing = RunId::new(&record.job, record.first.plus(-1));
        record.verdict = Verdict::Coalesced(nothing);
    }),
    ("but its agent saw Some(Lost)", |life| {
        let crashed = life.evidence.iter().find(|seen| seen.crashed.is_some());
        let run = crashed.expect("a crash").run.clone();
        life.runs.get_mut(&run).expect("its run").state = RunState::Done(Outcome::Success);
    }),
    ("is Lost in the ledger", |life| {
        let ended = life.evidence.iter().find(|seen| seen.ended.is_some());
        let run = ended.expect("an end").run.clone();
        life.runs.get_mut(&run).expect("its run").state = RunState::Done(Outcome::Lost);
    }),
    ("ran and is not in the ledger", |life| {
        let run = life.evidence[0].run.clone();
        life.runs.remove(&run);
        life.verdicts
            .retain(|record| record.verdict != Verdict::Run(run.clone()));
    }),
    ("its run is not in the ledger", |life| {
        let run = life.evidence[0].run.clone();
        life.runs.remove(&run);
        life.evidence.retain(|seen| seen.run != run);
    }),
    ("was reported 0 times", |life| {
        // Of a plan that is gone nobody needs to hear.
        let all = life.users.iter().map(|(id, _)| id.clone());
        life.plans.extend(all);
        life.reports.clear();
    }),
    ("was reported 2 times", |life| {
        let again = life.reports[0].clone();
        life.reports.push(again);
    }),
    ("never ended", |life| {
        life.runs.values_mut().next().expect("a run").state = RunState::Running;
    }),
    ("the API was told twice of one end", |life| {
        let again = life.told[0].clone();
        life.told.push(again);
    }),
];

/// A plan that was stopped and started again, and when that was certainly known of the last time.
fn started_again(life: &History) -> Option<(String, i64)> {
    let again = |versions: &[super::checker::Version]| {
        let stopped = versions.iter().rposition(|version| version.stopped)?;
        versions[stopped + 1..].first()?.known
    };
    let mut all = life.users.iter();
    all.find_map(|(id, versions)| Some((id.clone(), again(versions)?)))
}

fn each_is_seen(sound: &History, breaks: &[Break]) {
    for (said, broken) in breaks {
        let mut life = sound.clone();
        broken(&mut life);
        must_say(&life, said);
    }
}

#[test]
fn every_kind_of_broken_history_is_seen() {
    each_is_seen(&sound(), &BREAKS);
}

/// A plan that is due every hour (but for its zone's data: those have whole hours, too), and an outage of more than a day.
fn outage(meanwhile: &[(i64, Event)]) -> History {
    super::quiet();
    let job = || "job0".to_owned();
    let mut script = write(0);
    (script.length, script.catch_up) = (3 * DAY, CatchUp::UntilNext);
    script.events = vec![
        (START, Event::Make(job(), HOURLY)),
        (
            START + 2 * HOUR,
            Event::Kill {
                effect: 1,
                back: 30 * HOUR,
            },
        ),
    ];
    script.events.extend_from_slice(meanwhile);
    script.events.sort_by_key(|(at, _)| *at);
    let life = live(&script);
    assert!(life.kills > 0);
    assert_eq!(check(&life.history), Vec::<String>::new());
    life.history
}

#[test]
fn due_times_of_an_outage_are_missed_whatever_changed_meanwhile() {
    let edit = (START + 20 * HOUR, Event::Edit("job0".to_owned(), HOURLY + 1));
    let zone = (START + 25 * HOUR, Event::Zone(1));
    let back = (START + 26 * HOUR, Event::Step(-HOUR));
    for meanwhile in [
        vec![],
        vec![edit.clone()],
        vec![zone.clone()],
        vec![edit.clone(), zone.clone()],
        vec![edit, zone.clone(), back.clone()],
        vec![zone, back],
    ] {
        let mut life = outage(&meanwhile);
        // From three hours to eleven after the start: the daemon was away, and nobody had edited anything.
        let away = START + 3 * HOUR..START + 11 * HOUR;
        let covers = |record: &freezerd::planner::VerdictRecord| {
            record.first.epoch() < away.end && record.last.epoch() >= away.start
        };
        assert!(life.verdicts.iter().any(covers), "{meanwhile:?}");
        life.verdicts.retain(|record| !covers(record));
        must_say(&life, "has no verdict");
    }
}

/// A plan that is due at half past two by a zone's data that is replaced while the daemon is away, and after `change`.
fn rezoned(change: fn(String) -> Event) -> History {
    super::quiet();
    let job = || "job0".to_owned();
    let mut script = write(0);
    (script.length, script.catch_up) = (DAY, CatchUp::UntilNext);
    let killed = Event::Kill {
        effect: 1,
        back: 30 * HOUR,
    };
    script.events = vec![
        (START, Event::Make(job(), HALF_PAST_TWO)),
        (START + 300, Event::Zone(3)),
        (START + 7 * HOUR, change(job())),
        (START + 13 * HOUR, killed),
        (START + 16 * HOUR, Event::Zone(0)),
    ];
    live(&script).history
}

/// By the zone's new data a due time lies before a stop that was known, and after what was decided by the old data; but
/// none lies before the edit that made the schedule.
#[test]
fn new_zone_data_reaches_back_to_where_the_schedule_was_made() {
    let stopped = rezoned(Event::Stop);
    assert_eq!(check(&stopped), Vec::<String>::new());
    let by_new_data = START + 2 * HOUR + 1800;
    let skipped = |record: &&freezerd::planner::VerdictRecord| {
        record.first.epoch() == by_new_data && record.verdict == Verdict::Skipped(Reason::Stopped)
    };
    let skipped = stopped.verdicts.iter().find(skipped).expect("a verdict").clone();
    let mut edited = rezoned(|job| Event::Edit(job, HOURLY + 1));
    assert_eq!(check(&edited), Vec::<String>::new());
    let mut early = skipped;
    (early.first, early.last) = (
        DueTime::from_epoch(START + 6 * HOUR),
        DueTime::from_epoch(START + 6 * HOUR),
    );
    edited.verdicts.push(early);
    must_say(&edited, "no version of the plan has these due times");
}

#[test]
fn a_job_that_is_not_what_it_should_be_is_seen() {
    let mut life = sound();
    life.waiting = 1;
    must_say(&life, "1 reports still wait");
    // One whose result nobody has wiped, nor made void by an abort.
    let told = |job: &&String| {
        let aborted = |run: &freezerd::planner::RunRecord| run.state == RunState::Done(Outcome::Aborted);
        let mut runs = life.runs.values().filter(|run| run.job.as_str() == *job);
        !life.wiped.contains(*job) && !runs.any(aborted)
    };
    let job = life
        .evidence
        .iter()
        .map(|seen| &seen.job)
        .find(told)
        .expect("one")
        .clone();
    let document = json!({"job_schedule": {"schedule_hour": "7", "result": "success", "time_ended": 1}});
    life.jobs.insert(job.clone(), document);
    life.wanted.insert(job.clone(), json!({"schedule_hour": "8"}));
    life.plans.insert(job);
    must_say(&life, "its user wrote");
    must_say(&life, "and the API says");
}

#[test]
fn a_story_is_made_as_short_as_it_can_be() {
    // A job that nothing can be made of: a fault of this story, wherever it stands.
    let mut script = write(7);
    let (middle, end) = (script.events.len() / 2, script.events.len());
    let at = script.events[middle.min(end - 1)].0;
    script
        .events
        .insert(middle, (at, Event::Make("broken".to_owned(), usize::MAX)));
    assert!(!faults(&script).is_empty());
    let shrunk = shrink(&script);
    assert_eq!(
        shrunk.events,
        [(at, Event::Make("broken".to_owned(), usize::MAX))]
    );
    assert!(!faults(&shrunk).is_empty());
}
