//! An agent's metadata made into what `backups` is sent. PURE.
//!
//! Values go out as the agent printed them, text for text. Two keys are ours: `job_id`, as every scheduler of
//! Freezer's adds it, and the [`MARK`], by which a record is known again that may or may not have arrived.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::api::Drafted;
use super::endpoint::is_segment;
use crate::plan::{Action, JobId};
use crate::planner::{Metadata, RunId};

/// Bytes of an id. The API's own have 32.
const ID_BYTES: usize = 255;

/// The key of a record's mark: which step of which run made it.
const MARK: &str = "freezerd_run";

/// A record's mark: which step of which run made it, as `RUN/STEP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark(String);

/// One record, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub id: String,
    /// It has our mark.
    pub ours: bool,
    /// It says that its backup is still being made.
    pub creating: bool,
}

/// A JSON object whose values are left as they came.
type Object = BTreeMap<String, Box<RawValue>>;

/// What to tell `backups`, in this order.
#[derive(Debug)]
pub(super) struct BackupDocument {
    /// Records of backups that the agent deleted.
    pub deleted: Vec<String>,
    /// The record that the agent was told to fill in, and the body of the PATCH.
    pub update: Option<(String, Vec<u8>)>,
    /// The same body, for a record that is found by its mark.
    pub fill: Vec<u8>,
    /// The body of the POST, if there is a backup to record; for where there is none to fill in.
    pub create: Option<Vec<u8>>,
    /// What the record's mark says.
    pub mark: Mark,
}

/// The API takes what is inside `backup_metadata` over into the record, and of the rest only `status`.
#[derive(Serialize)]
struct Update<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a RawValue>,
    backup_metadata: &'a Object,
}

/// A record that is made before its backup, as freezer-scheduler makes it; and whose it is.
#[derive(Serialize)]
struct Creating<'a> {
    status: &'static str,
    mode: &'static str,
    action: &'static str,
    backup_media: &'static str,
    backup_name: Option<&'a Value>,
    container: Option<&'a Value>,
    cindernative_vol_id: Option<&'a Value>,
    time_stamp: i64,
    job_id: &'a str,
    freezerd_run: &'a str,
}

/// The body of the POST that makes the record of a backup that is still to be made.
pub(super) fn creating(
    job: &JobId,
    mark: &Mark,
    action: &Action,
    now: DateTime<Utc>,
) -> Result<Vec<u8>, serde_json::Error> {
    let value = |key| action.freezer_action.get(key);
    serde_json::to_vec(&Creating {
        status: "creating",
        mode: "cindernative",
        action: "backup",
        backup_media: "cindernative",
        backup_name: value("backup_name"),
        container: value("container"),
        cindernative_vol_id: value("cindernative_vol_id"),
        time_stamp: now.timestamp(),
        job_id: job.as_str(),
        freezerd_run: &mark.0,
    })
}

/// The body of the PATCH that says what became of a backup of which nothing else is known.
pub(super) fn closing(status: &str) -> Result<Vec<u8>, serde_json::Error> {
    let status = to_raw_value(status)?;
    serde_json::to_vec(&Update {
        status: Some(&status),
        backup_metadata: &Object::new(),
    })
}

#[derive(Serialize)]
struct Search<'a> {
    r#match: [BTreeMap<&'static str, &'a str>; 1],
}

#[derive(Deserialize)]
struct Record {
    backup_id: String,
    #[serde(default)]
    status: Option<Box<RawValue>>,
    #[serde(default)]
    backup_metadata: Option<Object>,
}

/// Whether the id that a server gave a record is one: to be asked for, and to be said in an error.
pub(super) fn is_id(id: &str) -> bool {
    is_segment(id) && id.len() <= ID_BYTES
}

impl Mark {
    /// Of a step of a run.
    pub fn of(run: &RunId, step: u32) -> Self {
        Self(format!("{run}/{step}"))
    }

    /// The body of a GET that asks for the records with this mark. A server may not heed it.
    pub fn search(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Search {
            r#match: [BTreeMap::from([(MARK, self.0.as_str())])],
        })
    }

    /// A listed record. `None`: it cannot be read or asked for, so it is none of ours.
    pub fn recognise(&self, record: &RawValue) -> Option<Listed> {
        let record: Record = serde_json::from_str(record.get()).ok()?;
        if !is_id(&record.backup_id) {
            return None;
        }
        let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
        let marks = record.backup_metadata.as_ref();
        let mark = marks
            .and_then(|object| object.get(MARK))
            .and_then(|mark| text(mark));
        let status = record.status.as_deref().and_then(text);
        Some(Listed {
            id: record.backup_id,
            ours: mark.as_ref() == Some(&self.0),
            creating: status.as_deref() == Some("creating"),
        })
    }
}

impl BackupDocument {
    /// Of the metadata of one step of `run`, a run of `job`.
    pub fn new(
        job: &JobId,
        run: &RunId,
        metadata: &Metadata,
        draft: Drafted<'_>,
    ) -> Result<Self, serde_json::Error> {
        let mut object: Object = serde_json::from_str(metadata.text())?;
        let deleted = object
            .get("deleted_freezer_backup_ids")
            .and_then(|ids| serde_json::from_str::<Vec<Option<String>>>(ids.get()).ok())
            .unwrap_or_default();
        let mark = Mark::of(run, metadata.step());
        object.insert("job_id".to_owned(), to_raw_value(job.as_str())?);
        object.insert(MARK.to_owned(), to_raw_value(&mark.0)?);
        let is_backup = object.contains_key("backup_id") || object.contains_key("action");
        let create = is_backup.then(|| serde_json::to_vec(&object)).transpose()?;
        let said = object
            .remove("backup_id")
            .and_then(|id| serde_json::from_str::<String>(id.get()).ok())
            .filter(|id| !id.is_empty());
        let drafted = match draft {
            Drafted::As(id) => Some(id.to_owned()),
            Drafted::No | Drafted::Unknown => None,
        };
        // What was made as `creating` must not stay so, though the agent says nothing of it.
        let status = match (object.remove("status"), draft) {
            (None, Drafted::As(_) | Drafted::Unknown) => Some(to_raw_value("available")?),
            (status, _) => status,
        };
        let fill = serde_json::to_vec(&Update {
            status: status.as_deref(),
            backup_metadata: &object,
        })?;
        Ok(Self {
            deleted: deleted.into_iter().flatten().collect(),
            update: said.or(drafted).map(|id| (id, fill.clone())),
            fill,
            create,
            mark,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(metadata: &str) -> BackupDocument {
        let run = RunId::from_stored("j1-20260301T010000Z".to_owned());
        let metadata = Metadata::from_stored(2, metadata);
        BackupDocument::new(&JobId::new("j1"), &run, &metadata, Drafted::No).expect("a document")
    }

    fn text(body: Option<Vec<u8>>) -> String {
        String::from_utf8(body.expect("a body")).expect("text")
    }

    #[test]
    fn a_backup_is_created_with_our_keys_and_its_values_text_for_text() {
        let made =
            document(r#"{"action": "backup", "n": 1.50, "job_id": "x", "big": 12345678901234567890123}"#);
        insta::assert_snapshot!(text(made.create), @r#"{"action":"backup","big":12345678901234567890123,"freezerd_run":"j1-20260301T010000Z/2","job_id":"j1","n":1.50}"#);
        assert_eq!((made.update, made.deleted.len()), (None, 0));
    }

    #[test]
    fn a_record_that_is_there_is_filled_in_where_the_api_looks() {
        let made = document(r#"{"backup_id": "b1", "status": "available", "cinder_backup_id": "c1"}"#);
        let (id, body) = made.update.expect("an update");
        assert_eq!(id, "b1");
        assert_eq!(
            serde_json::from_slice::<Value>(&body).expect("JSON"),
            json!({"status": "available", "backup_metadata": {
                "cinder_backup_id": "c1", "job_id": "j1", "freezerd_run": "j1-20260301T010000Z/2"}})
        );
        // What is sent if there is no such record after all.
        assert!(text(made.create).contains(r#""backup_id":"b1""#));
        for id in ["null", "\"\"", "7"] {
            let made = document(&format!(r#"{{"backup_id": {id}}}"#));
            assert!(made.update.is_none() && made.create.is_some(), "{id}");
        }
    }

    #[test]
    fn deletions_alone_make_no_record() {
        let made = document(r#"{"deleted_freezer_backup_ids": ["a", null, "b"]}"#);
        assert_eq!(made.deleted, ["a", "b"]);
        assert!(made.create.is_none() && made.update.is_none());
        for odd in ["null", "{}", "\"a\"", "[1]"] {
            let made = document(&format!(
                r#"{{"action": "x", "deleted_freezer_backup_ids": {odd}}}"#
            ));
            assert!(made.deleted.is_empty() && made.create.is_some(), "{odd}");
        }
    }

    #[test]
    fn its_record_is_known_by_the_mark_alone() {
        let made = document("{}");
        let asked: Value = serde_json::from_slice(&made.mark.search().expect("a search")).expect("JSON");
        assert_eq!(
            asked,
            json!({"match": [{"freezerd_run": "j1-20260301T010000Z/2"}]})
        );
        let recognise = |record: Value| made.mark.recognise(&to_raw_value(&record).expect("raw"));
        let with = |mark: Value| json!({"backup_id": "b", "backup_metadata": {"freezerd_run": mark}});
        let listed = |ours, creating| {
            Some(Listed {
                id: "b".to_owned(),
                ours,
                creating,
            })
        };
        let mut ours = with(json!("j1-20260301T010000Z/2"));
        assert_eq!(recognise(ours.clone()), listed(true, false));
        ours["status"] = json!("creating");
        assert_eq!(recognise(ours), listed(true, true));
        assert_eq!(
            recognise(with(json!("j1-20260301T010000Z/1"))),
            listed(false, false)
        );
        assert_eq!(recognise(with(json!({"x": 1}))), listed(false, false));
        assert_eq!(
            recognise(json!({"backup_id": "b", "status": 7})),
            listed(false, false)
        );
        assert_eq!(recognise(json!({"backup_id": null})), None);
        for odd in ["", "..", "a\nb", &"x".repeat(256)] {
            assert_eq!(recognise(json!({"backup_id": odd})), None, "{odd:?}");
        }
        assert_eq!(recognise(json!(7)), None);
    }

    #[test]
    fn a_record_that_was_made_before_its_backup_is_filled_in_and_no_longer_creating() {
        let run = RunId::from_stored("j1-20260301T010000Z".to_owned());
        let made = |text, draft| {
            let metadata = Metadata::from_stored(0, text);
            BackupDocument::new(&JobId::new("j1"), &run, &metadata, draft).expect("a document")
        };
        let status = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("JSON")["status"].clone();
        // An agent that does not know of the record.
        let (id, body) = made(r#"{"action": "backup"}"#, Drafted::As("b1"))
            .update
            .expect("it");
        assert_eq!((id.as_str(), status(&body)), ("b1", json!("available")));
        let unknown = made(r#"{"action": "backup"}"#, Drafted::Unknown);
        assert_eq!(
            (unknown.update, status(&unknown.fill)),
            (None, json!("available"))
        );
        let (id, body) = made(r#"{"backup_id": "b2", "status": "error"}"#, Drafted::As("b1"))
            .update
            .expect("it");
        assert_eq!((id.as_str(), status(&body)), ("b2", json!("error")));
    }

    #[test]
    fn the_record_before_the_backup_is_freezer_schedulers() {
        let action = json!({"action": "backup", "mode": "cindernative", "backup_name": "n", "cindernative_vol_id": "v"});
        let action = Action {
            freezer_action: action.as_object().cloned().expect("an object"),
            max_retries: 0,
            max_retries_interval: 0,
            mandatory: false,
        };
        let mark = Mark::of(&RunId::from_stored("j1-20260301T010000Z".to_owned()), 1);
        let now = DateTime::from_timestamp(1_772_326_800, 0).expect("a time");
        let body = creating(&JobId::new("j1"), &mark, &action, now).expect("a body");
        insta::assert_snapshot!(text(Some(body)), @r#"{"status":"creating","mode":"cindernative","action":"backup","backup_media":"cindernative","backup_name":"n","container":null,"cindernative_vol_id":"v","time_stamp":1772326800,"job_id":"j1","freezerd_run":"j1-20260301T010000Z/1"}"#);
        assert_eq!(
            closing("error").expect("a body"),
            br#"{"status":"error","backup_metadata":{}}"#
        );
    }
}
