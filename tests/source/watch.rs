use std::fs;
use std::path::Path;
use std::time::Duration;

use freezerd::source::Watch;
use tempfile::tempdir;
use tokio::time::timeout;

/// Longer than any signal takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Long enough for a signal that must not come.
const SILENCE: Duration = Duration::from_millis(600);

async fn changed(watch: &mut Watch) {
    timeout(PATIENCE, watch.changed())
        .await
        .expect("a signal in time")
        .expect("a watch");
}

async fn silent(watch: &mut Watch) {
    assert!(
        timeout(SILENCE, watch.changed()).await.is_err(),
        "a signal without a change"
    );
}

fn write(path: &Path) {
    fs::write(path, "{}").expect("written");
}

#[tokio::test]
async fn a_folder_tells_of_every_sort_of_change() {
    let folder = tempdir().expect("a folder");
    let plans = folder.path().join("plans");
    fs::create_dir(&plans).expect("a folder");
    let mut watch = Watch::new(&plans).expect("a watch");
    silent(&mut watch).await;
    write(&plans.join("a.conf"));
    changed(&mut watch).await;
    write(&plans.join("a.conf"));
    changed(&mut watch).await;
    fs::rename(plans.join("a.conf"), plans.join("b.conf")).expect("renamed");
    changed(&mut watch).await;
    std::os::unix::fs::symlink("b.conf", plans.join("c.conf")).expect("a link");
    changed(&mut watch).await;
    fs::hard_link(plans.join("b.conf"), plans.join("d.conf")).expect("a link");
    changed(&mut watch).await;
    fs::remove_file(plans.join("b.conf")).expect("removed");
    changed(&mut watch).await;
    silent(&mut watch).await;
}

#[tokio::test]
async fn many_changes_at_once_are_one() {
    let folder = tempdir().expect("a folder");
    let mut watch = Watch::new(folder.path()).expect("a watch");
    for index in 0..500 {
        write(&folder.path().join(format!("{index}.conf")));
    }
    changed(&mut watch).await;
    silent(&mut watch).await;
}

#[tokio::test]
async fn neighbours_and_reading_are_no_change() {
    let folder = tempdir().expect("a folder");
    let plans = folder.path().join("plans");
    fs::create_dir(&plans).expect("a folder");
    write(&plans.join("a.conf"));
    let mut watch = Watch::new(&plans).expect("a watch");
    write(&folder.path().join("other"));
    fs::remove_file(folder.path().join("other")).expect("removed");
    fs::read(plans.join("a.conf")).expect("read");
    fs::read_dir(&plans).expect("read").for_each(drop);
    silent(&mut watch).await;
}

#[tokio::test]
async fn a_folder_that_goes_and_comes_again() {
    let folder = tempdir().expect("a folder");
    let plans = folder.path().join("plans");
    fs::create_dir(&plans).expect("a folder");
    let mut watch = Watch::new(&plans).expect("a watch");
    for _ in 0..3 {
        fs::remove_dir_all(&plans).expect("removed");
        changed(&mut watch).await;
        fs::create_dir(&plans).expect("a folder");
        changed(&mut watch).await;
        write(&plans.join("a.conf"));
        changed(&mut watch).await;
    }
    // Another folder takes its place.
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::rename(&plans, folder.path().join("old")).expect("renamed");
    fs::rename(&other, &plans).expect("renamed");
    changed(&mut watch).await;
    write(&folder.path().join("old/a.conf"));
    silent(&mut watch).await;
    write(&plans.join("b.conf"));
    changed(&mut watch).await;
}

#[tokio::test]
async fn a_folder_whose_parents_are_not_there_yet() {
    let folder = tempdir().expect("a folder");
    let plans = folder.path().join("a/b/plans");
    let mut watch = Watch::new(&plans).expect("a watch");
    write(&folder.path().join("unrelated"));
    silent(&mut watch).await;
    fs::create_dir_all(&plans).expect("folders");
    changed(&mut watch).await;
    silent(&mut watch).await;
    write(&plans.join("a.conf"));
    changed(&mut watch).await;
    fs::remove_dir_all(folder.path().join("a")).expect("removed");
    changed(&mut watch).await;
    fs::create_dir_all(&plans).expect("folders");
    changed(&mut watch).await;
}

#[tokio::test]
async fn a_file_that_is_replaced() {
    let folder = tempdir().expect("a folder");
    let listing = folder.path().join("listing.json");
    write(&listing);
    let mut watch = Watch::new(&listing).expect("a watch");
    for _ in 0..3 {
        write(&folder.path().join("new"));
        silent(&mut watch).await;
        fs::rename(folder.path().join("new"), &listing).expect("renamed");
        changed(&mut watch).await;
        write(&listing);
        changed(&mut watch).await;
    }
    fs::remove_file(&listing).expect("removed");
    changed(&mut watch).await;
    write(&listing);
    changed(&mut watch).await;
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_no_change() {
    let folder = tempdir().expect("a folder");
    let mut watch = Watch::new(folder.path()).expect("a watch");
    write(&folder.path().join("a.conf"));
    // Asked once, before the change can come to rest.
    assert!(timeout(Duration::ZERO, watch.changed()).await.is_err());
    changed(&mut watch).await;
    silent(&mut watch).await;
}
