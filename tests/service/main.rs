//! What a node installs from systemd/, judged by systemd's own tools.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on panics"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn unit() -> String {
    fs::read_to_string(home().join("systemd/freezerd.service")).unwrap()
}

/// What a tool of `scripts/test-tools.sh` (which installs what is missing) says, and whether it succeeded.
/// `as_root`: through sudo, for whoever is not.
fn tool(as_root: bool, program: &str, arguments: &[&str]) -> (bool, String) {
    let installed = Command::new(home().join("scripts/test-tools.sh"))
        .status()
        .expect("scripts/test-tools.sh");
    assert!(
        installed.success(),
        "scripts/test-tools.sh could not install the tools"
    );
    let mut command = if as_root && !rustix::process::geteuid().is_root() {
        let mut sudo = Command::new("sudo");
        sudo.arg(program);
        sudo
    } else {
        Command::new(program)
    };
    let output = command
        .args(arguments)
        .env("SYSTEMD_COLORS", "0")
        .output()
        .expect(program);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.success(), said)
}

/// The unit as it would be installed, but with the program where this build has it.
fn installed(directory: &Path) -> PathBuf {
    let program = env!("CARGO_BIN_EXE_freezerd");
    let unit = unit().replace("/usr/bin/freezerd", program);
    assert!(unit.contains(&format!("\nExecStart={program} run\n")));
    let path = directory.join("freezerd.service");
    fs::write(&path, unit).unwrap();
    path
}

fn systemd_version() -> u32 {
    let (_, said) = tool(false, "systemd-analyze", &["--version"]);
    said.split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect(&said)
}

/// A drop-in of the service.
fn drop_in(directory: &Path, name: &str) {
    let drop_ins = directory.join("freezerd.service.d");
    fs::create_dir_all(&drop_ins).unwrap();
    let text = fs::read_to_string(home().join("systemd").join(name)).unwrap();
    let text = text.replace("/usr/bin/freezerd", env!("CARGO_BIN_EXE_freezerd"));
    fs::write(drop_ins.join(name), text).unwrap();
}

/// The unit of a run, as the launcher has it made.
fn of_a_run(directory: &Path) -> PathBuf {
    let unit = directory.join("freezerd-run-some-20260101T000000Z.service");
    fs::write(
        &unit,
        "[Service]\nSlice=freezerd-runs.slice\nExecStart=/bin/true\n",
    )
    .unwrap();
    let drop_ins = directory.join("freezerd-run-.service.d");
    fs::create_dir(&drop_ins).unwrap();
    fs::copy(
        home().join("systemd/freezerd-run.conf"),
        drop_ins.join("10-freezerd.conf"),
    )
    .unwrap();
    unit
}

#[test]
fn systemd_has_no_complaint() {
    for further in [
        &[][..],
        &["launcher-process.conf"],
        &["own-user.conf"],
        &["shadow.conf"],
    ] {
        let directory = tempfile::tempdir().unwrap();
        let unit = installed(directory.path());
        for name in further {
            drop_in(directory.path(), name);
        }
        no_complaint_of(&unit);
    }
    let directory = tempfile::tempdir().unwrap();
    let unit = of_a_run(directory.path());
    let slice = directory.path().join("freezerd-runs.slice");
    fs::copy(home().join("systemd/freezerd-runs.slice"), &slice).unwrap();
    no_complaint_of(&unit);
    no_complaint_of(&slice);
}

fn no_complaint_of(unit: &Path) {
    let directory = unit.parent().unwrap();
    if systemd_version() < 253 {
        drop_in(directory, "freezerd-before-systemd-253.conf");
    }
    let (good, said) = tool(
        false,
        "systemd-analyze",
        &["verify", "--man=no", unit.to_str().unwrap()],
    );
    assert!(good, "{said}");
    // (Other units of this machine may have faults of their own.)
    let mut complaints: Vec<&str> = said.lines().filter(|line| line.contains("freezerd")).collect();
    if systemd_version() < 253 {
        // The one that the unit announces: it keeps the line before, Type=notify.
        complaints.retain(|line| !line.ends_with("Failed to parse service type, ignoring: notify-reload"));
    }
    assert!(complaints.is_empty(), "{said}");
}

#[test]
fn an_older_systemd_falls_back_to_notify() {
    let unit = unit();
    let types: Vec<&str> = unit.lines().filter(|line| line.starts_with("Type=")).collect();
    assert_eq!(types, ["Type=notify", "Type=notify-reload"]);
}

/// Other versions of systemd than the README's weigh some things otherwise.
const TOLERANCE: u32 = 1;

#[test]
fn exposure_does_not_grow() {
    let directory = tempfile::tempdir().unwrap();
    assert_exposed_as_told("the service", &installed(directory.path()));
    for name in ["own-user.conf", "launcher-process.conf"] {
        let directory = tempfile::tempdir().unwrap();
        let unit = installed(directory.path());
        drop_in(directory.path(), name);
        assert_exposed_as_told(&format!("with `{name}`"), &unit);
    }
    let directory = tempfile::tempdir().unwrap();
    assert_exposed_as_told("the unit of a run", &of_a_run(directory.path()));
}

/// The row of the README's table that says how exposed this is.
fn assert_exposed_as_told(what: &str, unit: &Path) {
    let readme = fs::read_to_string(home().join("README.md")).unwrap();
    let row = format!("| {what} | ");
    let told = readme.lines().find_map(|line| line.strip_prefix(&row));
    let told = tenths(told.expect("a row of the README's table that begins so"));
    let arguments = ["security", "--offline=true", "--no-pager", unit.to_str().unwrap()];
    let (_, said) = tool(false, "systemd-analyze", &arguments);
    let overall = said
        .lines()
        .find_map(|line| line.split_once("Overall exposure level for "));
    let (_, level) = overall.and_then(|(_, rest)| rest.split_once(": ")).expect(&said);
    let measured = tenths(level);
    assert!(
        measured <= told + TOLERANCE,
        "{what}: {measured} tenths; the README says {told}"
    );
}

/// It would hold passwords.
#[test]
fn no_unit_dumps_a_core() {
    // (Of a run's unit the launcher says it, where it is tested.)
    let unit = unit();
    let limits: Vec<&str> = unit.lines().filter(|line| line.contains("LimitCORE")).collect();
    assert_eq!(limits, ["LimitCORE=0"]);
    for file in fs::read_dir(home().join("systemd")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let service = path.ends_with("freezerd.service");
        assert!(service || !text.contains("LimitCORE"), "{}", path.display());
    }
}

/// Of a text that begins with a number like 2.1.
fn tenths(text: &str) -> u32 {
    let number = text.split([' ', '|']).next().unwrap_or_default();
    number.replace('.', "").parse().expect(text)
}

#[test]
fn user_and_directories_come_out_as_meant() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let in_root = format!("--root={}", root.path().display());
    let of = |name: &str| home().join("systemd").join(name).to_str().unwrap().to_owned();
    let (good, said) = tool(true, "systemd-sysusers", &[&in_root, &of("freezerd.sysusers")]);
    assert!(good, "{said}");
    let (good, said) = tool(
        true,
        "systemd-tmpfiles",
        &[&in_root, "--create", &of("freezerd.tmpfiles")],
    );
    assert!(good && said.is_empty(), "{said}");

    let (_, group) = tool(
        true,
        "grep",
        &["^freezerd:", root.path().join("etc/group").to_str().unwrap()],
    );
    let id = group.split(':').nth(2).expect(&group).to_owned();
    for directory in ["etc/freezerd", "etc/freezerd/conf.d", "etc/freezerd/plans"] {
        let path = root.path().join(directory);
        let (_, said) = tool(true, "stat", &["--format=%a %u %g", path.to_str().unwrap()]);
        assert_eq!(said.trim(), format!("750 0 {id}"), "{directory}");
    }
    // systemd complains at every start when the directory's mode is not what the unit says.
    assert!(unit().contains("\nConfigurationDirectory=freezerd\nConfigurationDirectoryMode=0750\n"));
    if !rustix::process::geteuid().is_root() {
        tool(true, "rm", &["-r", root.path().join("etc").to_str().unwrap()]);
    }
}
