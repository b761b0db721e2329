//! A report merged into the job as it is now. PURE.
//!
//! The API replaces `job_schedule` whole and keeps no version, so everything in it that is not ours goes
//! back exactly as it came, text for text: a user's schedule is never written from memory.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::planner::Report;

/// A JSON object whose values are left as they came.
type Object = BTreeMap<String, Box<RawValue>>;

/// What to send for a report.
#[derive(Debug)]
pub enum Merge {
    /// Nothing: this API keeps its own account of runs.
    NotWanted,
    /// Nothing: the job already says so.
    Same,
    /// This.
    Patch {
        /// The body of the PATCH.
        body: Vec<u8>,
        /// The job's own project, if it says so: an administrator's listing shows jobs of other projects,
        /// but the API only writes them under theirs.
        project: Option<String>,
    },
}

#[derive(Serialize)]
struct Patch<'a> {
    job_schedule: &'a Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_tag: Option<i64>,
}

/// Merges `report` into `job`, the document as the API has it now.
///
/// `time_started` and `time_ended` stay when the report does not know them; `current_pid` goes, because a
/// process that has ended must not be pointed at. `to_virtuozzo`: also where state lives at the top level.
///
/// # Errors
/// When `job`, or its `job_schedule`, is no JSON object.
pub fn merge(job: &RawValue, report: &Report, to_virtuozzo: bool) -> Result<Merge, serde_json::Error> {
    let plan = crate::plan::parse(job.get(), "the job");
    let job: Object = serde_json::from_str(job.get())?;
    // Virtuozzo's dialect, as `plan` knows it.
    if job.contains_key("status") || job.contains_key("disabled") {
        return if to_virtuozzo {
            at_the_top(&job, report)
        } else {
            Ok(Merge::NotWanted)
        };
    }
    let before: Object = match job.get("job_schedule") {
        Some(schedule) => serde_json::from_str::<Option<Object>>(schedule.get())?.unwrap_or_default(),
        None => Object::new(),
    };
    let mut after = before.clone();
    let mut put = |key: &str, value| after.insert(key.to_owned(), value);
    // A document that cannot be read as a plan says nothing against it.
    let status = plan
        .as_ref()
        .map_or(report.status.as_str(), |parsed| report.status_in(&parsed.plan));
    put("status", to_raw_value(status)?);
    if let Some(result) = &report.result {
        put("result", to_raw_value(result)?);
    }
    if let Some(started) = report.time_started {
        put("time_started", to_raw_value(&started)?);
    }
    if let Some(ended) = report.time_ended {
        put("time_ended", to_raw_value(&ended)?);
    }
    match report.current_pid {
        Some(pid) => put("current_pid", to_raw_value(&pid)?),
        None => after.remove("current_pid"),
    };
    if let Some(answered) = &report.answers_event
        && text(&before, "event").as_ref() == Some(answered)
    {
        after.insert(String::from("event"), to_raw_value("")?);
    }
    let session_tag = report
        .session
        .as_ref()
        .filter(|ours| text(&job, "session_id").as_deref() == Some(ours.session.as_str()))
        .map(|ours| ours.tag)
        .filter(|tag| number(&job, "session_tag") != Some(*tag));
    if same(&before, &after) && session_tag.is_none() {
        return Ok(Merge::Same);
    }
    let body = serde_json::to_vec(&Patch {
        job_schedule: &after,
        session_tag,
    })?;
    Ok(Merge::Patch {
        body,
        project: text(&job, "project_id"),
    })
}

/// In the Virtuozzo dialect: the keys that its document shows, and a `result` only if the job has one. The schedule
/// goes along as it came, because in the API that this one descends from a PATCH without it would erase it.
fn at_the_top(job: &Object, report: &Report) -> Result<Merge, serde_json::Error> {
    let mut after = Object::new();
    let mut put = |key: &str, value| after.insert(key.to_owned(), value);
    put("status", to_raw_value(&report.status)?);
    if let Some(started) = report.time_started {
        put("started_at", to_raw_value(&date(started))?);
    }
    if let Some(ended) = report.time_ended {
        put("ended_at", to_raw_value(&date(ended))?);
    }
    if let (Some(result), true) = (&report.result, job.contains_key("result")) {
        put("result", to_raw_value(result)?);
    }
    let says = |key: &String, value: &RawValue| job.get(key).is_some_and(|it| it.get() == value.get());
    if after.iter().all(|(key, value)| says(key, value)) {
        return Ok(Merge::Same);
    }
    if let Some(schedule) = job.get("job_schedule") {
        after.insert("job_schedule".to_owned(), schedule.clone());
    }
    Ok(Merge::Patch {
        body: serde_json::to_vec(&after)?,
        project: text(job, "project_id"),
    })
}

/// As the document has times: UTC without an offset. Upstream's -1 (it runs) is none.
fn date(epoch: i64) -> Option<String> {
    let at = chrono::DateTime::from_timestamp(epoch, 0).filter(|_| epoch >= 0)?;
    Some(at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
}

fn text(object: &Object, key: &str) -> Option<String> {
    object
        .get(key)
        .and_then(|value| serde_json::from_str(value.get()).ok())
}

fn number(object: &Object, key: &str) -> Option<i64> {
    object.get(key).and_then(|value| value.get().trim().parse().ok())
}

fn same(before: &Object, after: &Object) -> bool {
    let texts = |object: &Object| -> Vec<(String, String)> {
        object
            .iter()
            .map(|(key, value)| (key.clone(), value.get().to_owned()))
            .collect()
    };
    texts(before) == texts(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn report() -> Report {
        Report {
            status: "completed".into(),
            result: Some("success".into()),
            time_started: Some(100),
            time_ended: Some(200),
            current_pid: None,
            answers_event: Some("start".into()),
            session: None,
        }
    }

    fn merged(job: &str, report: &Report) -> Merge {
        merge(&RawValue::from_string(job.to_owned()).unwrap(), report, false).unwrap()
    }

    fn schedule(job: &str, report: &Report) -> Value {
        let Merge::Patch { body, .. } = merged(job, report) else {
            panic!("no patch")
        };
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        body["job_schedule"].take()
    }

    #[test]
    fn what_is_not_ours_goes_back_text_for_text() {
        let job = r#"{"job_id": "j", "project_id": "p2", "job_schedule": {
            "schedule_hour": "0,1", "schedule_minute": 007e0, "odd": {"x": [1.50, 12345678901234567890123]},
            "schedule_date": "\u00fc\ud800", "time_created": 1, "status": "running", "event": "start", "current_pid": 7}}"#
            .replace("007e0", "7e0");
        let Merge::Patch { body, project } = merged(&job, &report()) else {
            panic!("no patch")
        };
        assert_eq!(project.as_deref(), Some("p2"));
        insta::assert_snapshot!(String::from_utf8(body).unwrap(), @r#"{"job_schedule":{"event":"","odd":{"x": [1.50, 12345678901234567890123]},"result":"success","schedule_date":"\u00fc\ud800","schedule_hour":"0,1","schedule_minute":7e0,"status":"completed","time_created":1,"time_ended":200,"time_started":100}}"#);
    }

    #[test]
    fn an_event_is_cleared_only_if_it_is_the_one_answered() {
        let with = |event: &str| {
            schedule(
                &format!(r#"{{"job_schedule": {{"event": "{event}"}}}}"#),
                &report(),
            )
        };
        assert_eq!(with("start")["event"], "");
        assert_eq!(with("abort")["event"], "abort");
        let none = Report {
            answers_event: None,
            ..report()
        };
        assert_eq!(
            schedule(r#"{"job_schedule": {"event": "start"}}"#, &none)["event"],
            "start"
        );
        assert!(
            schedule(r#"{"job_schedule": {}}"#, &report())
                .get("event")
                .is_none()
        );
    }

    #[test]
    fn times_that_the_report_does_not_know_stay_and_a_process_id_goes() {
        let job = r#"{"job_schedule": {"time_started": 1, "time_ended": 2, "current_pid": 3}}"#;
        let scheduled = Report {
            status: "scheduled".into(),
            result: Some(String::new()),
            time_started: None,
            time_ended: None,
            ..report()
        };
        assert_eq!(
            schedule(job, &scheduled),
            json!({"status": "scheduled", "result": "", "time_started": 1, "time_ended": 2})
        );
        let running = Report {
            current_pid: Some(9),
            time_ended: Some(-1),
            ..report()
        };
        assert_eq!(schedule(job, &running)["current_pid"], 9);
        assert_eq!(schedule(job, &running)["time_ended"], -1);
    }

    #[test]
    fn nothing_is_sent_when_nothing_would_change_or_when_it_is_not_wanted() {
        let done = r#"{"job_schedule": {"status": "completed", "result": "success", "time_started": 100, "time_ended": 200}}"#;
        assert!(matches!(merged(done, &report()), Merge::Same));
        for job in [
            r#"{"status": null, "job_schedule": {}}"#,
            r#"{"disabled": false}"#,
        ] {
            assert!(matches!(merged(job, &report()), Merge::NotWanted));
        }
    }

    #[test]
    fn a_plan_that_goes_on_since_an_edit_is_not_stopped_by_a_late_report() {
        let status = |schedule: Value, report: &Report| {
            let job = json!({"job_id": "j", "job_schedule": schedule,
                             "job_actions": [{"freezer_action": {"action": "backup"}}]});
            let merged = self::schedule(&job.to_string(), report);
            assert_eq!(merged["result"], "success");
            merged["status"].as_str().unwrap().to_owned()
        };
        let told = |schedule| status(schedule, &report());
        for goes_on in [
            json!({"schedule_interval": "7 hours"}),
            json!({"schedule_interval": "continuous", "status": "running"}),
            json!({"schedule_hour": "3", "event": ""}),
            json!({"schedule_hour": "3", "event": "start", "status": ""}),
            json!({"schedule_hour": "3", "schedule_end_date": "1970-01-09T00:00:00"}),
        ] {
            assert_eq!(told(goes_on.clone()), "scheduled", "{goes_on}");
        }
        for over in [
            json!({}),
            json!({"schedule_date": "1970-01-01T00:01:00Z"}),
            json!({"schedule_hour": "3", "event": "stop"}),
            json!({"schedule_hour": "3", "event": "abort"}),
            json!({"schedule_hour": "3", "status": "completed"}),
            json!({"schedule_hour": "3", "schedule_end_date": "1970-01-01T00:03:00Z"}),
        ] {
            assert_eq!(told(over.clone()), "completed", "{over}");
        }
        let stop = Report {
            status: "stop".into(),
            ..report()
        };
        assert_eq!(status(json!({"schedule_hour": "3"}), &stop), "scheduled");
        assert_eq!(status(json!({"status": "stop"}), &stop), "stop");
        assert_eq!(status(json!({"event": "stop"}), &stop), "stop");
    }

    #[test]
    fn where_state_lives_at_the_top_only_what_the_document_shows_is_told() {
        let told = |job: Value, report: &Report| {
            let job = RawValue::from_string(job.to_string()).unwrap();
            match merge(&job, report, true).unwrap() {
                Merge::Patch { body, project } => {
                    assert_eq!(project.as_deref(), Some("p"));
                    serde_json::from_slice(&body).unwrap()
                }
                other => json!(format!("{other:?}")),
            }
        };
        let schedule = json!({"schedule_hour": "13", "odd": 1});
        let job = json!({"project_id": "p", "status": "scheduled", "disabled": false, "started_at": null,
                         "ended_at": null, "job_schedule": schedule});
        let running = Report {
            status: "running".into(),
            result: Some(String::new()),
            time_ended: Some(-1),
            ..report()
        };
        assert_eq!(
            told(job.clone(), &running),
            json!({"status": "running", "started_at": "1970-01-01T00:01:40.000000", "ended_at": null,
                   "job_schedule": schedule})
        );
        let done = json!({"status": "completed", "started_at": "1970-01-01T00:01:40.000000",
                          "ended_at": "1970-01-01T00:03:20.000000", "job_schedule": schedule});
        assert_eq!(told(job.clone(), &report()), done);
        let mut with_result = job;
        with_result["result"] = Value::Null;
        assert_eq!(told(with_result, &report())["result"], "success");
        let mut same = done;
        same["project_id"] = json!("p");
        assert_eq!(told(same, &report()), "Same");
    }

    #[test]
    fn the_round_of_a_session_is_written_while_the_job_is_in_it() {
        let in_round = Report {
            session: Some(crate::planner::SessionTag {
                session: "s1".into(),
                tag: 4,
            }),
            ..report()
        };
        let body = |job: &str| match merged(job, &in_round) {
            Merge::Patch { body, .. } => serde_json::from_slice::<Value>(&body).unwrap(),
            other => panic!("{other:?}"),
        };
        let joined = body(r#"{"session_id": "s1", "session_tag": 3, "job_schedule": {}}"#);
        assert_eq!(joined["session_tag"], 4);
        assert!(
            joined.get("session_id").is_none(),
            "whose session it is, is not ours to say"
        );
        let left = body(r#"{"session_id": "", "session_tag": 0, "job_schedule": {"event": "stop"}}"#);
        assert!(left.get("session_tag").is_none());
        assert_eq!(left["job_schedule"]["event"], "stop");
        let told = body(r#"{"session_id": "s1", "session_tag": 4, "job_schedule": {}}"#);
        assert!(told.get("session_tag").is_none());
    }

    #[test]
    fn a_job_without_a_schedule_is_given_one_and_one_that_is_no_object_is_an_error() {
        for job in ["{}", r#"{"job_schedule": null}"#] {
            assert_eq!(schedule(job, &report())["status"], "completed");
        }
        for job in [
            "[]",
            "null",
            r#"{"job_schedule": []}"#,
            r#"{"job_schedule": "x"}"#,
        ] {
            assert!(
                merge(&RawValue::from_string(job.to_owned()).unwrap(), &report(), false).is_err(),
                "{job}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_key_that_is_not_ours_survives(
            keys in prop::collection::btree_map("(schedule_)?[a-z_é\"\\\\]{1,12}", "\\PC{0,20}", 0..12)
        ) {
            let ours = ["status", "result", "time_started", "time_ended", "current_pid", "event"];
            let mut expected = json!(keys);
            let after = schedule(&json!({"job_schedule": keys}).to_string(), &report());
            let (expected, mut after) = (expected.as_object_mut().unwrap(), after.as_object().unwrap().clone());
            for key in ours {
                expected.remove(key);
                after.remove(key);
            }
            prop_assert_eq!(&after, &*expected);
        }
    }
}
