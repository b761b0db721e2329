//! What is made of the traces that crashes leave.

use std::path::{Path, PathBuf};

use freezerd::launch::{Found, LaunchError, Launcher};
use freezerd::planner::{Outcome, RunId};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify;

use crate::bed::{Bed, PATIENCE, kill, run_id};

/// Tells of files that come or change in a directory.
pub(crate) struct Arrivals {
    watch: std::os::fd::OwnedFd,
    dir: PathBuf,
}

impl Arrivals {
    pub(crate) fn of(parent: &Path, dir: &Path) -> Self {
        let watch =
            inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).expect("inotify");
        for path in [parent, dir] {
            let what =
                inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::MODIFY;
            inotify::add_watch(&watch, path, what).expect("watched");
        }
        Self {
            watch,
            dir: dir.to_owned(),
        }
    }

    /// Waits until a file is there and not empty.
    pub(crate) fn wait_for(&mut self, name: &str) {
        self.wait_for_text(name, "");
    }

    /// Waits until a file is there, not empty, and has this in it.
    pub(crate) fn wait_for_text(&mut self, name: &str, wanted: &str) {
        let there = |path: PathBuf| {
            std::fs::read_to_string(path).is_ok_and(|text| !text.is_empty() && text.contains(wanted))
        };
        while !there(self.dir.join(name)) {
            let mut ready = [PollFd::new(&self.watch, PollFlags::IN)];
            let patience = Timespec::try_from(PATIENCE).expect("fits");
            assert_eq!(
                rustix::event::poll(&mut ready, Some(&patience)).expect("polled"),
                1,
                "no {name}"
            );
            let mut ignored = [0; 4096];
            let _ = rustix::io::read(&self.watch, &mut ignored);
        }
    }
}

#[tokio::test]
async fn what_a_crash_left_is_told_apart() {
    let bed = Bed::new();
    let find = |name: &str, files: &[(&str, &str)]| {
        let run = run_id(name);
        std::fs::create_dir(bed.state(&run)).expect("made");
        std::fs::create_dir(bed.runtime(&run)).expect("made");
        std::fs::write(bed.runtime(&run).join("recipe.json"), "{}").expect("written");
        for (file, text) in files {
            std::fs::write(bed.state(&run).join(file), text).expect("written");
        }
        (
            bed.launcher.find(&run).expect("found"),
            bed.state(&run).exists(),
            bed.runtime(&run).exists(),
        )
    };
    let gone = (Found::Never, false, false);
    assert_eq!(
        find("bare", &[]),
        gone,
        "a crash right after the directory was made"
    );
    assert_eq!(
        find("unclaimed", &[("lock", "it could not be claimed\n")]),
        gone,
        "a crash before the claim"
    );
    let lost = (Found::Lost, true, true);
    assert_eq!(
        find(
            "claimed",
            &[("lock", ""), ("claim", r#"{"pid": 1, "kill_grace": 1}"#)]
        ),
        lost
    );
    assert_eq!(
        find("power-cut", &[("lock", ""), ("claim", "")]),
        lost,
        "of the claim only its name was saved"
    );
    assert_eq!(find("no-lock", &[("claim", "")]), lost);
    assert_eq!(
        find(
            "half",
            &[
                ("lock", ""),
                ("claim", "{"),
                ("report.json", r#"{"outcome": "succ"#)
            ]
        ),
        lost
    );
    assert_eq!(
        find(
            "draft",
            &[("lock", ""), ("claim", "{"), ("report.json.draft", "{}")]
        ),
        lost
    );
    assert_eq!(
        bed.launcher.find(&run_id("unheard-of")).expect("found"),
        Found::Never
    );
    assert!(
        bed.launcher
            .find(&RunId::from_stored("../up".to_owned()))
            .is_err()
    );
}

#[tokio::test]
async fn a_run_that_never_began_may_be_started_again() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("again", "echo done");
    std::fs::create_dir(bed.state(&recipe.run)).expect("made");
    std::fs::write(bed.state(&recipe.run).join("lock"), "").expect("made");
    assert_eq!(bed.run(&recipe).await.outcome, Outcome::Success);
}

#[tokio::test]
async fn a_reboot_leaves_a_claim_and_no_runtime_directory() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("reboot", r#"echo $$ >"$BED/says"; read x <"$BED/waits""#);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    says.line().await;
    kill(supervisor);
    waits.release().await;
    bed.ended(&recipe.run).await;
    std::fs::remove_dir_all(bed.path().join("runtime")).expect("removed");
    bed.restart();
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Lost);
    bed.launcher.forget(&recipe.run);
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Never);
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("nobody", "echo done");
    std::fs::remove_dir_all(bed.path().join("state/runs")).expect("removed");
    assert!(matches!(
        bed.launcher.start(&recipe),
        Err(LaunchError::File { .. })
    ));
    std::fs::create_dir(bed.path().join("state/runs")).expect("made");
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Never);
    assert_eq!(bed.run(&recipe).await.outcome, Outcome::Success);
}
