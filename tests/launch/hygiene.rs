//! What an agent gets, and what it must not get.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use freezerd::launch::{LaunchEvent, Launcher};
use freezerd::planner::Outcome;
use rustix::process::Signal;

use crate::bed::{Bed, pid};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("stat").permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_agent_is_called_as_upstream_calls_it() {
    let mut bed = Bed::new();
    let script = r#"printf '%s\n' "$@"; cat "$4"; read x; echo "stdin: $?""#;
    let recipe = bed.recipe("argv", script);
    let report = bed.run(&recipe).await;
    let ini = bed.runtime(&recipe.run).join("step-0.ini");
    let expected = format!(
        "--metadata-out\n-\n--config\n{}\n[action]\nlabel = backup fs\nstdin: 1\n",
        ini.display()
    );
    assert_eq!(report.steps[0].stdout, expected);
}

#[tokio::test]
async fn secrets_are_for_the_owner_only_and_go_when_they_are_used() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let script = r#"echo "$4" >"$BED/says"; read x <"$BED/waits"; exit 1"#;
    let mut recipe = bed.recipe("secret", script);
    recipe.steps[0].max_retries = 1;
    bed.start(&recipe);
    for _ in 0..2 {
        let ini = says.line().await;
        assert_eq!(mode(Path::new(&ini)), 0o600);
        assert_eq!(mode(&bed.runtime(&recipe.run)), 0o700);
        assert_eq!(mode(&bed.state(&recipe.run)), 0o700);
        assert!(
            !bed.runtime(&recipe.run).join("recipe.json").exists(),
            "the recipe was read; it must go"
        );
        waits.release().await;
    }
    assert_eq!(bed.ended(&recipe.run).await.outcome, Outcome::Fail);
    let left = std::fs::read_dir(bed.runtime(&recipe.run))
        .expect("listed")
        .count();
    assert_eq!(left, 0, "the INI was left");
    for file in std::fs::read_dir(bed.state(&recipe.run)).expect("listed") {
        assert_eq!(mode(&file.expect("an entry").path()), 0o600);
    }
}

#[tokio::test]
async fn a_runtime_directory_that_vanishes_is_made_again() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let script = r#"cat "$4"; echo up >"$BED/says"; read x <"$BED/waits""#;
    let mut recipe = bed.recipe("vanished", script);
    recipe.steps.push(crate::bed::step("second"));
    bed.start(&recipe);
    says.line().await;
    // A service manager does this when the daemon restarts, unless it is told not to.
    std::fs::remove_dir_all(bed.path().join("runtime")).expect("removed");
    waits.release().await;
    says.line().await;
    assert_eq!(mode(&bed.runtime(&recipe.run)), 0o700);
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.steps[1].stdout, "[action]\nlabel = second\n");
    assert_eq!(report.outcome, Outcome::Success);
}

#[tokio::test]
async fn the_environment_is_the_daemons_and_the_recipes() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe(
        "environment",
        r#"echo "$FREEZERD_RUN_ID $OS_PASSWORD"; echo "$PATH""#,
    );
    recipe
        .environment
        .insert("FREEZERD_RUN_ID".to_owned(), recipe.run.to_string());
    recipe
        .environment
        .insert("OS_PASSWORD".to_owned(), "hunter2".to_owned());
    let report = bed.run(&recipe).await;
    let path = std::env::var("PATH").expect("a PATH");
    assert_eq!(
        report.steps[0].stdout,
        format!("{} hunter2\n{path}\n", recipe.run)
    );
}

/// Its last line is kept: in the ledger, the log, `history`, and what the API is told.
#[tokio::test]
async fn an_agent_that_tells_its_secrets_does_not_tell_them_to_us() {
    let mut bed = Bed::new();
    let script =
        r#"grep password "$4" >&2; echo "login as $OS_USERNAME with $OS_PASSWORD failed" >&2; exit 3"#;
    let mut recipe = bed.recipe("talkative", script);
    recipe.steps[0].ini = "[action]\nssh_password = 100%%-pl4nted\n".to_owned();
    for (name, value) in [("OS_USERNAME", "freezer"), ("OS_PASSWORD", "hunter2")] {
        recipe.environment.insert(name.to_owned(), value.to_owned());
    }
    let report = bed.run(&recipe).await;
    let told = ": login as freezer with (secret) failed";
    assert_eq!(report.detail, format!("backup fs: exit 3{told}"));
    assert!(
        report.steps[0].stderr.contains("ssh_password = (secret)\n"),
        "{report:?}"
    );
    for file in std::fs::read_dir(bed.state(&recipe.run)).expect("listed") {
        let path = file.expect("an entry").path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("read")).into_owned();
        for secret in ["hunter2", "pl4nted"] {
            assert!(!text.contains(secret), "{}: {text}", path.display());
        }
    }
}

/// What this process was started with beyond its three streams, and so hands on to whatever it starts.
fn inherited_by_us() -> Vec<String> {
    let mut links = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").expect("listed").flatten() {
        let number: u32 = entry.file_name().to_string_lossy().parse().expect("a number");
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info
            .lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .map(str::trim);
        let flags = flags.and_then(|flags| u32::from_str_radix(flags, 8).ok());
        if number > 2 && flags.is_some_and(|flags| flags & 0o2_000_000 == 0) {
            links.extend(std::fs::read_link(entry.path()).map(|link| link.display().to_string()));
        }
    }
    links
}

#[tokio::test]
async fn the_agent_has_no_descriptors_but_its_own_and_the_lock() {
    let mut bed = Bed::new();
    let recipe = bed.recipe(
        "descriptors",
        r#"for fd in /proc/$$/fd/*; do readlink "$fd"; done"#,
    );
    let report = bed.run(&recipe).await;
    let mut links: Vec<&str> = report.steps[0].stdout.lines().collect();
    // The shell reads its script from one; others are not ours but our caller's.
    for stranger in inherited_by_us()
        .into_iter()
        .chain([recipe.agent.display().to_string()])
    {
        if let Some(place) = links.iter().position(|link| *link == stranger) {
            links.remove(place);
        }
    }
    let lock = bed.state(&recipe.run).join("lock").display().to_string();
    let mut kinds: Vec<_> = links
        .into_iter()
        .map(|link| match link {
            "/dev/null" => "null",
            _ if link == lock => "lock",
            _ if link.starts_with("pipe:") => "pipe",
            other => other,
        })
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["lock", "null", "pipe", "pipe"]);
}

#[tokio::test]
async fn a_terminals_signals_do_not_reach_a_run() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe(
        "terminal",
        r#"echo $$ >"$BED/says"; read x <"$BED/waits"; echo done"#,
    );
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    let agent: u32 = says.line().await.parse().expect("a pid");
    assert_eq!(
        rustix::process::getsid(Some(pid(supervisor))),
        Ok(pid(supervisor)),
        "not its own session"
    );
    assert_eq!(
        rustix::process::getpgid(Some(pid(agent))),
        Ok(pid(agent)),
        "not its own group"
    );
    for signal in [Signal::INT, Signal::HUP, Signal::PIPE] {
        rustix::process::kill_process(pid(supervisor), signal).expect("sent");
    }
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(
        (report.outcome, report.steps[0].stdout.as_str()),
        (Outcome::Success, "done\n")
    );
}

#[tokio::test]
async fn the_agent_inherits_no_signal_handling_of_its_supervisor() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("signals", "exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
    let report = bed.run(&recipe).await;
    let ours = std::fs::read_to_string("/proc/self/status").expect("read");
    // Rust's own programs ignore SIGPIPE (bit 12), and the C library its own two (bits 31 and 32); what else is
    // ignored here came from our caller (`nohup`, a shell's `&`), but for the signals that the supervisor itself
    // listens to: SIGHUP, SIGINT, SIGTERM (bits 0, 1 and 14) reach its agents as if nobody had ever ignored them.
    let set = |status: &str, name: &str| {
        let set = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("there")
            .trim()
            .to_owned();
        u64::from_str_radix(&set, 16).expect("a number") & !(1 << 31 | 1 << 32)
    };
    assert_eq!(set(&report.steps[0].stdout, "SigBlk:"), 0);
    assert_eq!(
        set(&report.steps[0].stdout, "SigIgn:"),
        set(&ours, "SigIgn:") & !(1 << 12 | 1 | 1 << 1 | 1 << 14)
    );
}

#[tokio::test]
async fn an_agent_that_prints_without_end_costs_bounded_memory_and_can_be_aborted() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let script = r#"read x <"$BED/waits"; yes | head -c 100000000; yes | head -c 100000000 >&2; echo up >"$BED/says"; exec yes"#;
    let recipe = bed.recipe("endless", script);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    // Its most memory so far, in KiB.
    let peak = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{supervisor}/status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = line.expect("there").trim().strip_suffix(" kB").expect("in kB");
        peak.parse().expect("a number")
    };
    let before = peak();
    waits.release().await;
    says.line().await;
    // Of the 200 MB that were printed not even a tenth.
    let grown = peak() - before;
    assert!(grown < 20_000, "{grown} KiB more than the {before} of its start");
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(
        (report.outcome, report.steps[0].stdout.len()),
        (Outcome::Aborted, 4096)
    );
}

#[tokio::test]
async fn many_runs_at_once_leave_no_zombie() {
    let mut bed = Bed::new();
    let agent = bed.agent("exit 0");
    let mut pids = Vec::new();
    let count = 64;
    for number in 0..count {
        let mut recipe = bed.recipe("template", "");
        recipe.run = crate::bed::run_id(&format!("many-{number}"));
        recipe.agent = agent.clone();
        bed.start(&recipe);
    }
    let mut ended = 0;
    while ended < count {
        match bed.event().await {
            LaunchEvent::Started { pid, .. } => pids.push(pid),
            LaunchEvent::Ended { report, .. } => {
                assert_eq!(report.outcome, Outcome::Success, "{report:?}");
                ended += 1;
            }
            LaunchEvent::NotStarted { run, why } => panic!("{run}: {why:?}"),
        }
    }
    assert_eq!(pids.len(), count, "every start was told");
    for pid in pids {
        crate::bed::until_reaped(pid).await;
    }
}
