//! The copy of a listing: what is written, what is left alone, and what is removed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use freezerd::plan::JobId;
use freezerd::source::{Documents, FolderCopy, Limits, folder};

fn documents(all: &[(&str, &str)]) -> Documents {
    all.iter()
        .map(|(id, text)| (JobId::new(id), Arc::from(*text)))
        .collect()
}

/// What stands in the folder, but for what is hidden.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            !path
                .file_name()
                .expect("a name")
                .as_encoded_bytes()
                .starts_with(b".")
        })
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    all.sort();
    all
}

fn file(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn it_holds_what_the_listing_holds_for_its_owner_alone() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("new/conf.d");
    let mut copy = FolderCopy::new(&path);
    copy.keep(&documents(&[("a", "{\"job_id\": \"a\"}"), ("b", "{}")]))
        .expect("kept");
    assert_eq!(
        files(&path),
        [
            file("job_a.conf", "{\"job_id\": \"a\"}"),
            file("job_b.conf", "{}")
        ]
    );
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).expect("the folder") {
        let entry = entry.expect("an entry").path();
        assert_eq!(mode(&entry), 0o600, "{}", entry.display());
    }
    // Whoever takes plans from the folder gets them.
    let plans = folder::read(&path, &Limits::default()).expect("a listing");
    assert_eq!(plans.documents.len(), 1, "b is no plan: {:?}", plans.problems);
}

#[test]
fn what_has_not_changed_is_not_written_and_what_is_gone_is_removed() {
    let root = tempfile::tempdir().expect("a folder");
    let mut copy = FolderCopy::new(root.path());
    let inode = |name: &str| fs::metadata(root.path().join(name)).expect("a file").ino();
    copy.keep(&documents(&[("a", "1"), ("b", "2"), ("c", "3")]))
        .expect("kept");
    let before = inode("job_a.conf");
    fs::remove_file(root.path().join("job_c.conf")).expect("somebody removed it");
    copy.keep(&documents(&[("a", "1"), ("c", "3")])).expect("kept");
    assert_eq!(
        files(root.path()),
        [file("job_a.conf", "1"), file("job_c.conf", "3")]
    );
    assert_eq!(inode("job_a.conf"), before, "it was not touched");
    copy.keep(&documents(&[("a", "1*")])).expect("kept");
    assert_eq!(files(root.path()), [file("job_a.conf", "1*")]);
}

#[test]
fn only_our_own_files_are_removed_those_of_an_earlier_daemon_too() {
    let root = tempfile::tempdir().expect("a folder");
    let put = |name: &str| fs::write(root.path().join(name), "mine").expect("a file");
    put("mine.conf");
    put("job_mine.conf");
    FolderCopy::new(root.path())
        .keep(&documents(&[("a", "1"), ("b", "2")]))
        .expect("kept");
    // Names that no daemon wrote, in a list that somebody wrote to.
    let list = root.path().join(".freezerd-copy");
    let names = fs::read_to_string(&list).expect("the list");
    assert_eq!(names, "job_a.conf\njob_b.conf\n");
    fs::write(
        &list,
        format!("{names}mine.conf\n../outside.conf\njob_/x.conf\n\n"),
    )
    .expect("a list");
    FolderCopy::new(root.path())
        .keep(&documents(&[("b", "2")]))
        .expect("kept");
    assert_eq!(
        files(root.path()),
        [
            file("job_b.conf", "2"),
            file("job_mine.conf", "mine"),
            file("mine.conf", "mine")
        ]
    );
}

#[test]
fn one_that_fails_is_told_and_the_others_are_there() {
    let root = tempfile::tempdir().expect("a folder");
    let outside = root.path().join("outside");
    let path = root.path().join("copy");
    let mut copy = FolderCopy::new(&path);
    fs::create_dir_all(path.join("job_b.conf/in the way")).expect("a folder");
    let wanted = documents(&[("../a", "0"), ("b", "2"), ("c", "3"), ("", "4")]);
    let error = copy
        .keep(&wanted)
        .expect_err("a folder is in the way")
        .to_string();
    assert!(error.contains("its id makes no file name"), "{error}");
    assert!(error.ends_with(": 3"), "{error}");
    assert_eq!(fs::read_to_string(path.join("job_c.conf")).expect("a file"), "3");
    // Out of the way: the next time it is written. A link is replaced, not followed.
    fs::remove_dir_all(path.join("job_b.conf")).expect("removed");
    fs::write(&outside, "x").expect("a file");
    symlink(&outside, path.join("job_b.conf")).expect("a link");
    copy.keep(&documents(&[("b", "2"), ("c", "3")])).expect("kept");
    assert_eq!(files(&path), [file("job_b.conf", "2"), file("job_c.conf", "3")]);
    assert_eq!(fs::read_to_string(&outside).expect("a file"), "x");

    let file_there = root.path().join("file");
    fs::write(&file_there, "").expect("a file");
    let error = FolderCopy::new(&file_there)
        .keep(&wanted)
        .expect_err("a file is no folder");
    assert!(error.to_string().contains("cannot create this folder"), "{error}");
}
