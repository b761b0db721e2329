use super::super::checker::{Evidence, Recorded};
use super::*;

/// A record of which an agent told, the first one; and that agent's run.
fn told(life: &History) -> (usize, usize) {
    let of = |record: &Recorded| {
        let mark = record.metadata["freezerd_run"].as_str()?;
        let (run, step) = mark.rsplit_once('/')?;
        let is_told = |seen: &Evidence| {
            let said = seen.said.get(step.parse::<usize>().expect("a step"));
            seen.run.as_str() == run && said.is_some_and(|said| said.contains("action"))
        };
        life.evidence.iter().position(is_told)
    };
    let mut records = life.records.iter().enumerate();
    let found = records.find_map(|(at, record)| Some((at, of(record)?)));
    found.expect("a backup")
}

const BREAKS: [Break; 11] = [
    ("its agent told of 1 backups, and 0 are recorded", |life| {
        let (record, _) = told(life);
        life.records.remove(record);
    }),
    ("has 2 records", |life| {
        let (record, _) = told(life);
        let mut again = life.records[record].clone();
        again.id = "b9999".to_owned();
        life.records.push(again);
    }),
    ("it is still `creating`", |life| {
        let (record, _) = told(life);
        life.records[record].status = Some("creating".to_owned());
    }),
    ("its agent said otherwise", |life| {
        let (record, _) = told(life);
        life.records[record].metadata["level"] = json!(99);
    }),
    ("it is of no run", |life| {
        let (record, _) = told(life);
        life.records[record].metadata["job_id"] = json!("nobody");
    }),
    ("no agent said so", |life| {
        let (record, run) = told(life);
        life.records[record].metadata["mode"] = json!("fs");
        life.evidence[run].said.clear();
    }),
    ("nothing is known of its backup but `available`", |life| {
        let (record, run) = told(life);
        let record = &mut life.records[record];
        record.metadata["mode"] = json!("cindernative");
        record.status = Some("error".to_owned());
        life.evidence[run].said.clear();
        let run = life.evidence[run].run.clone();
        life.runs.get_mut(&run).expect("its run").state = RunState::Done(Outcome::Success);
    }),
    ("stays, and its backup is deleted", |life| {
        let (record, run) = told(life);
        let deleted = json!({"deleted_freezer_backup_ids": [life.records[record].id]});
        life.evidence[run].said.push(deleted.to_string());
    }),
    ("is gone, and nobody deleted its backup", |life| {
        let (record, _) = told(life);
        let gone = life.records.remove(record);
        life.removed.push(gone);
    }),
    ("and a record of it made anew", |life| {
        let mark = |record: &Recorded| record.metadata["freezerd_run"].clone();
        let there: Vec<_> = life.records.iter().map(mark).collect();
        let deleted = life.removed.iter().find(|record| !there.contains(&mark(record)));
        let mut again = deleted.expect("a backup that was deleted").clone();
        again.id = "b9999".to_owned();
        life.records.push(again);
    }),
    ("it is not in the project of", |life| {
        let (record, _) = told(life);
        let job = life.records[record].metadata["job_id"]
            .as_str()
            .unwrap_or_default();
        life.jobs
            .entry(job.to_owned())
            .or_insert_with(|| json!({"project_id": "p0"}));
        life.records[record].project = "another".to_owned();
    }),
];

/// A plan whose records are made before its backups, and an agent that deletes an old one and makes none: its own
/// record says so in the end.
#[test]
fn a_record_is_closed_though_its_agent_tells_of_deletions_alone() {
    super::super::quiet();
    let mut script = write(0);
    (script.length, script.session, script.outside, script.central) = (2 * DAY, None, None, None);
    script.events = vec![(START, Event::Make("job3".to_owned(), HOURLY))];
    let life = live(&script).history;
    let alone = |text: &String| text.contains("deleted") && !text.contains("action");
    assert!(life.evidence.iter().any(|seen| seen.said.iter().any(alone)));
    assert_eq!(check(&life), Vec::<String>::new());
}

#[test]
fn every_kind_of_broken_record_is_seen() {
    let sound = rich(
        |_| true,
        |life| life.records.len() > 3 && !life.removed.is_empty(),
    );
    each_is_seen(&sound, &BREAKS);
}
