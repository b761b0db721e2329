//! The copy of the listing in a folder, as freezer-scheduler keeps one.

use std::fs;

use crate::bed::{Bed, at_once, plan};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::until::{until, until_is};

/// A bed whose daemon keeps a copy in `copy`.
fn copying() -> (Cloud, Bed) {
    let (cloud, mut bed) = Cloud::new("");
    let folder = bed.path("copy").display().to_string();
    bed.environment.insert("FREEZERD_SOURCE__COPY".to_owned(), folder);
    (cloud, bed)
}

#[test]
fn it_follows_the_listing_and_is_a_source_by_itself() {
    let (cloud, mut bed) = copying();
    let folder = bed.path("copy");
    let copied = |job: &str| fs::read_to_string(folder.join(format!("job_{job}.conf"))).ok();
    let document =
        |job: &str| copied(job).and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let weekly = serde_json::json!({"schedule_day_of_week": "sun"});
    cloud.put(&plan("a", &weekly, &["done"]));
    cloud.put(&at_once("b", "done"));
    let daemon = Daemon::start(&bed);
    until("the plan is copied", || document("a"));
    // It has had its last run: like freezer-scheduler's, the copy is of what is still to run.
    until_is("the finished one is gone", &None, || copied("b"));
    let seen = document("a").expect("the copy");
    assert_eq!(seen["job_actions"], plan("a", &weekly, &["done"])["job_actions"]);
    assert!(daemon.stop().success());

    // The API is gone for good: the same configuration, with the copy for its source.
    bed.environment.clear();
    bed.set("source = { kind = 'folder', path = 'copy' }");
    let daemon = Daemon::start(&bed);
    daemon.await_ready();
    assert_eq!(daemon.said("a plan has a problem"), [""; 0]);
    assert!(daemon.stop().success());
}

#[test]
fn one_that_cannot_be_kept_is_told_once_and_nothing_else() {
    let (cloud, bed) = copying();
    fs::write(bed.path("copy"), "a file is in the way").expect("a file");
    let daemon = Daemon::start(&bed);
    cloud.put(&at_once("a", "done"));
    daemon.says("run succeeded");
    until("it was tried again", || {
        (daemon.metric("freezerd_copy_errors_total")? >= 2.0).then_some(())
    });
    assert_eq!(daemon.said("the copy of the listing").len(), 1);
    assert!(daemon.stop().success());
}
