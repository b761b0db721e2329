//! The demo's agent by itself: what it makes is whole, and what it does not understand it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ended, run, succeed};

const LIMIT: Duration = Duration::from_secs(30);

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: TempDir::with_prefix("freezerd-agent-").expect("a temporary folder"),
        };
        fs::create_dir_all(place.path("data/empty folder")).expect("a folder");
        fs::write(
            place.path("data/ a name\twith \"blanks\" and ü"),
            [0, 159, 146, 150, 255],
        )
        .expect("a file");
        fs::write(place.path("data/script"), "#!/bin/sh\n").expect("a file");
        fs::set_permissions(place.path("data/script"), fs::Permissions::from_mode(0o751)).expect("its mode");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn agent(&self, ini: &str) -> Command {
        let file = tempfile::Builder::new()
            .suffix(".ini")
            .tempfile_in(self.dir.path())
            .expect("a file");
        fs::write(
            file.path(),
            ini.replace("@", self.dir.path().to_str().expect("UTF-8")),
        )
        .expect("the INI");
        let (_, path) = file.keep().expect("to keep it");
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/agent"));
        command
            .args(["--metadata-out", "-", "--config"])
            .arg(path)
            .current_dir("/");
        command
    }

    fn backup(&self) -> Value {
        let printed = succeed(&mut self.agent(BACKUP), LIMIT);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// The archives' names, and of anything else there.
    fn archives(&self) -> Vec<String> {
        let folder = fs::read_dir(self.path("archive/data")).into_iter().flatten();
        let mut names: Vec<_> = folder
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    fn restore_and_compare(&self) {
        succeed(&mut self.agent(RESTORE), LIMIT);
        succeed(
            Command::new("diff")
                .arg("-r")
                .args([self.path("data"), self.path("restored")]),
            LIMIT,
        );
        let mode = fs::metadata(self.path("restored/script"))
            .expect("the script")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o751);
        fs::remove_dir_all(self.path("restored")).expect("to be removed");
    }
}

const BACKUP: &str = "[action]\naction = backup\nbackup_name = data\ncontainer = @/archive\n\
    path_to_backup = @/data\nmode = fs\n";
const RESTORE: &str =
    "[action]\naction = restore\nbackup_name = data\ncontainer = @/archive\nrestore_abs_path = @/restored\n";

#[test]
fn backups_are_numbered_and_the_newest_is_restored() {
    let place = Place::new();
    let metadata = place.backup();
    assert_eq!(metadata.get("backup_name"), Some(&Value::from("data")));
    assert_eq!(
        metadata.get("path_to_backup").and_then(Value::as_str),
        place.path("data").to_str()
    );
    place.restore_and_compare();
    fs::write(place.path("data/later"), "written after the first backup").expect("a file");
    place.backup();
    assert_eq!(place.archives(), ["data-000001.tar.gz", "data-000002.tar.gz"]);
    place.restore_and_compare();
}

#[test]
fn numbers_go_on_from_the_highest_as_numbers() {
    let place = Place::new();
    place.backup();
    // 000009 is not octal, and 1000000 comes after 999999 although it sorts before.
    for (newest, next) in [
        ("000009", "000010"),
        ("999999", "1000000"),
        ("1000000", "1000001"),
    ] {
        fs::write(place.path(&format!("archive/data/data-{newest}.tar.gz")), "").expect("a file");
        place.backup();
        assert!(
            place.archives().contains(&format!("data-{next}.tar.gz")),
            "{:?}",
            place.archives()
        );
    }
    place.restore_and_compare();
}

#[test]
fn backups_at_the_same_time_do_not_overwrite_each_other() {
    let place = Place::new();
    let children: Vec<_> = (0..8)
        .map(|_| place.agent(BACKUP).stdout(std::process::Stdio::null()).spawn())
        .collect();
    for child in children {
        assert!(
            child
                .and_then(|mut child| child.wait())
                .expect("its status")
                .success()
        );
    }
    let archives = place.archives();
    assert_eq!(archives.len(), 8, "{archives:?}");
    for archive in archives {
        succeed(
            Command::new("tar")
                .arg("-tzf")
                .arg(place.path("archive/data").join(archive)),
            LIMIT,
        );
    }
}

#[test]
fn a_backup_that_fails_or_is_killed_leaves_no_archive() {
    let place = Place::new();
    fs::create_dir(place.path("bin")).expect("a folder");
    let tar = place.path("bin/tar");
    let path = format!(
        "{}:{}",
        place.path("bin").display(),
        std::env::var("PATH").expect("PATH")
    );
    // A tar that writes a part of the archive and then, first, fails, and then takes the agent with it.
    for (end, left) in [("exit 2", 0), ("kill -9 $PPID", 1)] {
        let half = format!(
            "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" != -czf ] || echo half >\"$2\"; shift; done\n{end}\n"
        );
        fs::write(&tar, half).expect("a tar");
        fs::set_permissions(&tar, fs::Permissions::from_mode(0o755)).expect("its mode");
        let ended = run(place.agent(BACKUP).env("PATH", &path), LIMIT);
        assert!(!ended.status.success(), "{ended:?}");
        let archives = place.archives();
        assert!(
            archives.iter().all(|name| name.starts_with(".partial.")) && archives.len() == left,
            "{archives:?}"
        );
    }
    place.backup();
    place.restore_and_compare();
}

#[test]
fn what_it_does_not_understand_it_refuses() {
    let place = Place::new();
    let refusals = [
        (
            BACKUP.replace("backup\n", "format\n"),
            2,
            "action: 'format'; allowed: backup, restore",
        ),
        (
            BACKUP.replace("= data", "= ../data"),
            2,
            "backup_name: '../data'; allowed",
        ),
        (BACKUP.replace("backup_name = data\n", ""), 2, "backup_name: ''"),
        (
            BACKUP.replace("container", "contaimer"),
            2,
            "container is missing",
        ),
        (
            BACKUP.replace("path_to_backup", "path"),
            2,
            "path_to_backup is missing",
        ),
        (BACKUP.replace("[action]", "[job]"), 2, "backup_name: ''"),
        (
            BACKUP.replace("mode = fs", "mode = fs\n  and more"),
            2,
            "a value of more than one line",
        ),
        (
            BACKUP.replace("@/data", "@/da\u{1b}ta"),
            2,
            "path_to_backup holds a control character",
        ),
        (
            BACKUP.replace("@/data", "@/nowhere"),
            1,
            "nowhere is not a folder",
        ),
        (RESTORE.to_owned(), 1, "there is no archive"),
    ];
    for (ini, code, reason) in refusals {
        let Ended {
            status,
            stdout,
            stderr,
        } = run(&mut place.agent(&ini), LIMIT);
        assert_eq!(status.code(), Some(code), "{ini}{stderr}");
        assert!(stderr.contains(reason), "{reason:?} is not in {stderr:?}");
        assert_eq!(stdout, "", "no metadata of what was not done");
        assert!(
            place.archives().is_empty() && !place.path("restored").exists(),
            "nothing was made of {ini}"
        );
    }
}
