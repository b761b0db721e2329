use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use freezerd::plan::Problem;
use freezerd::source::{Limits, Listing, SourceError, folder};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

fn with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn read(path: &Path) -> Listing {
    folder::read(path, &Limits::default()).expect("a listing")
}

fn ids(listing: &Listing) -> Vec<String> {
    let id = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["job_id"].to_string();
    listing
        .documents
        .iter()
        .map(|document| id(document.text.get()))
        .collect()
}

fn told(listing: &Listing) -> Vec<String> {
    listing.problems.iter().map(Problem::to_string).collect()
}

#[test]
fn which_files_hold_plans() {
    let folder = with(&[
        ("b.conf", r#"{"job_id": "b"}"#),
        ("a.JSON", r#"{"job_id": "a"}"#),
        ("c.Conf", r#"{"job_id": "c"}"#),
        (".hidden.conf", "broken"),
        ("a.conf~", "broken"),
        (".a.conf.swp", "broken"),
        ("notes.txt", "broken"),
        ("conf", "broken"),
    ]);
    fs::create_dir(folder.path().join("sub.conf")).expect("a folder");
    fs::write(folder.path().join("sub.conf/d.conf"), r#"{"job_id": "d"}"#).expect("written");
    symlink(
        folder.path().join("sub.conf/d.conf"),
        folder.path().join("link.conf"),
    )
    .expect("a link");
    let listing = read(folder.path());
    assert_eq!(ids(&listing), ["\"a\"", "\"b\"", "\"c\"", "\"d\""]);
    let places: Vec<_> = listing
        .documents
        .iter()
        .map(|document| document.place.as_str())
        .collect();
    assert_eq!(places, ["a.JSON", "b.conf", "c.Conf", "link.conf"]);
    assert!(listing.proves_absence());
}

#[test]
fn an_id_that_is_missing_comes_from_the_files_name_and_stays() {
    let folder = with(&[
        ("nightly.conf", r#"{"job_schedule": {}}"#),
        ("job_3f2a.conf", r#"{"job_id": null, "job_actions": []}"#),
        ("job_.json", r#"{"job_schedule": {}}"#),
        ("other.json", r#"{"job_id": "own"}"#),
        ("wrong.json", r#"{"job_id": 12}"#),
    ]);
    let first = read(folder.path());
    assert_eq!(
        ids(&first),
        ["\"job_\"", "\"3f2a\"", "\"nightly\"", "\"own\"", "12"]
    );
    assert_eq!(ids(&read(folder.path())), ids(&first));
}

#[test]
fn a_broken_file_is_told_and_the_others_live() {
    let folder = with(&[
        ("broken.conf", "{\n  \"job_id\": oops\n}"),
        ("empty.conf", ""),
        ("good.conf", r#"{"job_id": "good"}"#),
        (
            "listing.json",
            r#"{"jobs": [{"job_id": "x"}, {"job_id": "good"}, {"job_id": "y"}]}"#,
        ),
        ("other.json", r#"{"a": 1}"#),
    ]);
    symlink("/nonexistent", folder.path().join("dangling.conf")).expect("a link");
    let listing = read(folder.path());
    assert_eq!(ids(&listing), ["\"good\"", "\"x\"", "\"y\""]);
    assert!(!listing.proves_absence());
    insta::assert_snapshot!(told(&listing).join("\n"), @r#"
    broken: broken.conf: line 2, column 13: expected value
    dangling: dangling.conf: it is a link to nothing
    empty: empty.conf: it is empty
    other: other.json: it has none of the keys jobs, job_id, job_schedule and job_actions
    good: job_id: "good": listing.json, document 2 is left out: good.conf has this id already; give it an id of its own
    "#);
}

#[test]
fn bounds() {
    let folder = with(&[("a.conf", r#"{"job_id": "a"}"#), ("b.conf", r#"{"job_id": "b"}"#)]);
    let limits = Limits {
        files: 1,
        ..Limits::default()
    };
    let error = folder::read(folder.path(), &limits).expect_err("too many");
    assert!(
        error
            .to_string()
            .ends_with(": is larger than 1 files, the most that is read"),
        "{error}"
    );
    let limits = Limits {
        folder_bytes: 20,
        ..Limits::default()
    };
    let error = folder::read(folder.path(), &limits).expect_err("too large");
    assert!(
        error
            .to_string()
            .ends_with(": is larger than 20 bytes, the most that is read"),
        "{error}"
    );
    let limits = Limits {
        file_bytes: 10,
        ..Limits::default()
    };
    let listing = folder::read(folder.path(), &limits).expect("a listing");
    assert_eq!((listing.documents.len(), listing.problems.len()), (0, 2));
}

#[test]
fn a_folder_that_is_not_there_is_not_an_empty_one() {
    let folder = tempdir().expect("a folder");
    let missing = folder.path().join("plans");
    let error = folder::read(&missing, &Limits::default()).expect_err("nothing there");
    assert!(
        matches!(error, SourceError::Missing { what: "folder", .. }),
        "{error}"
    );
    fs::write(&missing, "").expect("written");
    let error = folder::read(&missing, &Limits::default()).expect_err("a file");
    assert!(matches!(error, SourceError::Unreadable { .. }), "{error}");
    assert_eq!(read(folder.path()).documents.len(), 0);
}

#[test]
fn a_pipe_does_not_hold_the_reader_up() {
    let folder = with(&[("good.conf", r#"{"job_id": "good"}"#)]);
    let pipe = folder.path().join("pipe.conf");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .expect("mkfifo");
    assert!(made.success());
    let listing = read(folder.path());
    assert_eq!(ids(&listing), ["\"good\""]);
    assert_eq!(told(&listing), ["pipe: pipe.conf: it is not a regular file"]);
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    let folder = with(&[("secret.conf", r#"{"job_id": "s"}"#)]);
    let path = folder.path().join("secret.conf");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("a mode");
    // Root reads whatever it likes; then there is nothing to see here.
    if fs::read(&path).is_err() {
        let listing = read(folder.path());
        assert_eq!(
            told(&listing),
            ["secret: secret.conf: cannot be read: Permission denied (os error 13)"]
        );
        assert!(!listing.proves_absence());
    }
}
