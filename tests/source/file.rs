use freezerd::source::{Limits, SourceError, file, read};
use tempfile::tempdir;

#[test]
fn each_document_is_kept_as_it_was_written() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("listing.json");
    std::fs::write(&path, r#"{"jobs": [{"job_id": "a", "n": 1.50}, null, "x"]}"#).expect("written");
    let listing = file::read(&path, 1000).expect("a listing");
    let texts: Vec<_> = listing
        .documents
        .iter()
        .map(|document| document.text.get())
        .collect();
    assert_eq!(texts, [r#"{"job_id": "a", "n": 1.50}"#, "null", "\"x\""]);
    let places: Vec<_> = listing
        .documents
        .iter()
        .map(|document| document.place.as_str())
        .collect();
    assert_eq!(
        places,
        [
            "document 1 of the listing",
            "document 2 of the listing",
            "document 3 of the listing"
        ]
    );
    assert!(listing.proves_absence());
}

#[test]
fn a_document_told_twice_counts_once_and_two_of_one_id_are_a_problem() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("listing.json");
    std::fs::write(
        &path,
        r#"[{"job_id":"a"}, {"job_id":"a"}, {"job_id":"a","name":"other"}, {"job_id":"b"}]"#,
    )
    .expect("written");
    let listing = file::read(&path, 1000).expect("a listing");
    assert_eq!(listing.documents.len(), 2);
    assert_eq!(listing.problems.len(), 1);
    assert_eq!(
        listing.problems[0].to_string(),
        "a: job_id: \"a\": document 3 of the listing is left out: document 1 of the listing has this id already; \
         give it an id of its own"
    );
}

#[test]
fn faults_name_the_file_and_the_place() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("listing.json");
    let told = |text: &[u8]| {
        std::fs::write(&path, text).expect("written");
        let error = file::read(&path, 100).expect_err("no listing").to_string();
        error
            .strip_prefix(path.to_str().expect("a path"))
            .expect("the file's name")
            .to_owned()
    };
    assert_eq!(
        told(b"{\"jobs\": [\n{}, ]}"),
        ": line 2, column 5: trailing comma"
    );
    assert_eq!(told(b"[\"\xff\"]"), ": line 1, column 3: this is not UTF-8 text");
    assert_eq!(
        told(b"{}"),
        ": it has none of the keys jobs, job_id, job_schedule and job_actions; allowed are {\"jobs\": [...]}, \
         a list of job documents, or one of them"
    );
    assert_eq!(
        told(&[b' '; 101]),
        ": is larger than 100 bytes, the most that is read"
    );
    assert_eq!(told(b"[").split(':').count(), 3);
}

#[test]
fn a_path_of_either_sort_is_read() {
    let folder = tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.json"), r#"{"job_id": "a"}"#).expect("written");
    let limits = Limits::default();
    assert_eq!(read(folder.path(), &limits).expect("a folder").documents.len(), 1);
    assert_eq!(
        read(&folder.path().join("a.json"), &limits)
            .expect("a file")
            .documents
            .len(),
        1
    );
    let error = read(&folder.path().join("none"), &limits).expect_err("nothing");
    assert!(matches!(error, SourceError::Missing { .. }), "{error}");
}
