//! An agent's metadata made into what `backups` is sent. PURE.
//!
//! Values go out as the agent printed them, text for text. Two keys are ours: `job_id`, as every scheduler of
//! Freezer's adds it, and the [`MARK`], by which a record is known again that may or may not have arrived.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::plan::JobId;
use crate::planner::{Metadata, RunId};

/// The key of a record's mark: which step of which run made it.
const MARK: &str = "freezerd_run";

/// A JSON object whose values are left as they came.
type Object = BTreeMap<String, Box<RawValue>>;

/// What to tell `backups`, in this order.
#[derive(Debug)]
pub(super) struct BackupDocument {
    /// Records of backups that the agent deleted.
    pub deleted: Vec<String>,
    /// The record that the agent was told to fill in, and the body of the PATCH.
    pub update: Option<(String, Vec<u8>)>,
    /// The body of the POST, if there is a backup to record; for where there is none to fill in.
    pub create: Option<Vec<u8>>,
    /// What the record's [`MARK`] says.
    pub mark: String,
}

/// The API takes what is inside `backup_metadata` over into the record, and of the rest only `status`.
#[derive(Serialize)]
struct Update<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a RawValue>,
    backup_metadata: &'a Object,
}

#[derive(Serialize)]
struct Search<'a> {
    r#match: [BTreeMap<&'static str, &'a str>; 1],
}

#[derive(Deserialize)]
struct Record {
    backup_id: String,
    #[serde(default)]
    backup_metadata: Option<Object>,
}

impl BackupDocument {
    /// Of the metadata of one step of `run`, a run of `job`.
    pub fn new(job: &JobId, run: &RunId, metadata: &Metadata) -> Result<Self, serde_json::Error> {
        let mut object: Object = serde_json::from_str(metadata.text())?;
        let deleted = object
            .get("deleted_freezer_backup_ids")
            .and_then(|ids| serde_json::from_str::<Vec<Option<String>>>(ids.get()).ok())
            .unwrap_or_default();
        let mark = format!("{run}/{}", metadata.step());
        object.insert("job_id".to_owned(), to_raw_value(job.as_str())?);
        object.insert(MARK.to_owned(), to_raw_value(&mark)?);
        let is_backup = object.contains_key("backup_id") || object.contains_key("action");
        let create = is_backup.then(|| serde_json::to_vec(&object)).transpose()?;
        let id = object
            .remove("backup_id")
            .and_then(|id| serde_json::from_str::<String>(id.get()).ok())
            .filter(|id| !id.is_empty());
        let status = object.remove("status");
        let body = Update {
            status: status.as_deref(),
            backup_metadata: &object,
        };
        let update = id
            .map(|id| serde_json::to_vec(&body).map(|body| (id, body)))
            .transpose()?;
        Ok(Self {
            deleted: deleted.into_iter().flatten().collect(),
            update,
            create,
            mark,
        })
    }

    /// The body of a GET that asks for the records with our mark. A server may not heed it.
    pub fn search(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Search {
            r#match: [BTreeMap::from([(MARK, self.mark.as_str())])],
        })
    }

    /// The id of a listed record, and whether it has our mark. `None`: it cannot be read, so it is none of ours.
    pub fn recognise(&self, record: &RawValue) -> Option<(String, bool)> {
        let record: Record = serde_json::from_str(record.get()).ok()?;
        let mark = record
            .backup_metadata
            .as_ref()
            .and_then(|object| object.get(MARK));
        let mark = mark.and_then(|mark| serde_json::from_str::<String>(mark.get()).ok());
        let ours = mark.as_ref() == Some(&self.mark);
        Some((record.backup_id, ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(metadata: &str) -> BackupDocument {
        let run = RunId::from_stored("j1-20260301T010000Z".to_owned());
        BackupDocument::new(&JobId::new("j1"), &run, &Metadata::from_stored(2, metadata)).expect("a document")
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
        let asked: Value = serde_json::from_slice(&made.search().expect("a search")).expect("JSON");
        assert_eq!(
            asked,
            json!({"match": [{"freezerd_run": "j1-20260301T010000Z/2"}]})
        );
        let recognise = |record: Value| made.recognise(&to_raw_value(&record).expect("raw"));
        let with = |mark: Value| json!({"backup_id": "b", "backup_metadata": {"freezerd_run": mark}});
        let (ours, others) = (Some(("b".to_owned(), true)), Some(("b".to_owned(), false)));
        assert_eq!(recognise(with(json!("j1-20260301T010000Z/2"))), ours);
        assert_eq!(recognise(with(json!("j1-20260301T010000Z/1"))), others);
        assert_eq!(recognise(with(json!({"x": 1}))), others);
        assert_eq!(recognise(json!({"backup_id": "b"})), others);
        assert_eq!(recognise(json!({"backup_id": null})), None);
        assert_eq!(recognise(json!(7)), None);
    }
}
