//! The whole daemon, from outside: memory, start, polls, wake-ups, launches.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use freezerd::ledger::Ledger;
use freezerd::planner::RunState;

use crate::cloud::Cloud;
use crate::report::{rate, row};
use crate::{documents, inside};

/// A daemon that ends with its owner, and its runtime directory: in memory, as a node's /run is.
struct Daemon {
    child: Child,
    _runtime: tempfile::TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Started; returns when it says that it is ready, with the time that took.
    fn start(
        program: &Path,
        folder: &Path,
        settings: &str,
        environment: &[(&str, String)],
    ) -> (Self, Duration) {
        let run = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let (state, run) = (folder.join("state"), run.expect("a folder"));
        let config = folder.join("freezerd.toml");
        let text = format!(
            "timezone = 'UTC'\nstate_dir = '{}'\nruntime_dir = '{}'\nhttp = {{ listen = 'off' }}\n{settings}",
            state.display(),
            run.path().display()
        );
        fs::write(&config, text).expect("a configuration");
        let socket = folder.join("notify");
        let _ = fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).expect("a socket");
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(&config).env_clear();
        command.env("NOTIFY_SOCKET", &socket).env("PATH", "/usr/bin:/bin");
        // As its unit has it.
        command.env("MALLOC_TRIM_THRESHOLD_", "131072");
        for (name, value) in environment {
            command.env(name, value);
        }
        let log = fs::File::create(folder.join("log")).expect("a log");
        let began = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a daemon");
        let daemon = Self { child, _runtime: run };
        let mut said = [0; 4096];
        notify
            .set_read_timeout(Some(Duration::from_secs(600)))
            .expect("a patience");
        loop {
            let length = notify.recv(&mut said).expect("it becomes ready");
            if String::from_utf8_lossy(&said[..length]).contains("READY=1") {
                return (daemon, began.elapsed());
            }
        }
    }

    /// A number of /proc/PID/status: KiB, or a count.
    fn status(&self, name: &str) -> u128 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("a line");
        line.trim_start_matches(':')
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }

    /// Processor time that it and its children that ended took so far, in clock ticks: 100 a second.
    fn ticks(&self) -> u128 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it lives");
        // `pid (name) state ppid ...`: utime, stime, cutime and cstime are the fields 14 to 17.
        let fields = text.rsplit_once(')').expect("a name").1.split_whitespace();
        let times = fields.skip(11).take(4);
        times.map(|ticks| ticks.parse::<u128>().expect("ticks")).sum()
    }

    /// Voluntary switches of each of its threads.
    fn wakes(&self) -> BTreeMap<OsString, u128> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it lives");
        let switches = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("status")).ok()?;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            Some((task.file_name(), line.trim().parse().ok()?))
        };
        tasks.flatten().filter_map(switches).collect()
    }
}

/// So many plans: a start from the ledger, two polls, and then nothing.
pub fn daemon(program: &Path, count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    // Nothing is due for more than an hour.
    let due = Utc::now() + TimeDelta::hours(12);
    drop(inside::seeded(
        &state.join("ledger.db"),
        count,
        Utc::now() - TimeDelta::minutes(1),
        due,
    ));
    let cloud = Cloud::start(count, due);
    // A listing may have a thousand pages.
    let page = if count > 400_000 { 2000 } else { 500 };
    let settings = format!(
        "source = {{ kind = 'api', poll = '45s' }}\napi = {{ client_id = '*', page_size = {page}, register = false }}\n"
    );
    let environment = [
        ("OS_AUTH_URL", format!("http://{}", cloud.address)),
        ("OS_USERNAME", "freezer".to_owned()),
        ("OS_PASSWORD", "secret".to_owned()),
        ("OS_PROJECT_NAME", "service".to_owned()),
    ];
    let (daemon, took) = Daemon::start(program, folder.path(), &settings, &environment);
    row("start, until ready", count, took.as_nanos());
    row(
        "resident memory, after a start",
        count,
        daemon.status("VmRSS") * 1024,
    );
    let patience = Instant::now();
    for listings in 1..=2 {
        while cloud.listings.load(Ordering::Relaxed) < listings {
            assert!(patience.elapsed() < Duration::from_secs(900), "it polls");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    std::thread::sleep(Duration::from_secs(3));
    row(
        "resident memory, polled twice",
        count,
        daemon.status("VmRSS") * 1024,
    );
    row("peak memory, polled twice", count, daemon.status("VmHWM") * 1024);
    // A poll's connection is closed twenty seconds after it: that is part of the poll. And the next one wakes it, too.
    std::thread::sleep(Duration::from_secs(20));
    let woken = (0..6).find_map(|_| {
        let before = (daemon.wakes(), cloud.asked.load(Ordering::Relaxed));
        std::thread::sleep(Duration::from_secs(10));
        if cloud.asked.load(Ordering::Relaxed) != before.1 {
            return None;
        }
        // A thread that is done by now has ended in between, and took its count along.
        let after = daemon.wakes();
        let woken = after
            .iter()
            .map(|(task, count)| count.saturating_sub(before.0.get(task).copied().unwrap_or(0)));
        Some(woken.sum())
    });
    if let Some(woken) = woken {
        row("idle for ten seconds: wake-ups", count, woken);
    }
}

/// A thousand plans due at one second, sixty-four at a time, an agent that does nothing.
pub fn launches(program: &Path) {
    let count = 1_000;
    let folder = tempfile::tempdir().expect("a folder");
    let plans = folder.path().join("plans");
    fs::create_dir(&plans).expect("a folder");
    let due = Utc::now() + TimeDelta::seconds(15);
    for number in 0..count {
        let schedule = format!(r#""schedule_date": "{}""#, due.format("%Y-%m-%dT%H:%M:%SZ"));
        let text = documents::document(number, &schedule, 0);
        fs::write(plans.join(format!("job_{number}.conf")), text).expect("a plan");
    }
    let settings = format!(
        "source = {{ kind = 'folder', path = '{}' }}\ndispatch = {{ agent = '/bin/true', launcher = 'process', max_concurrent = 64 }}\n",
        plans.display()
    );
    let (daemon, _) = Daemon::start(program, folder.path(), &settings, &[]);
    let reader = loop {
        std::thread::sleep(Duration::from_secs(1));
        if let Ok(reader) = Ledger::open_reader(&folder.path().join("state/ledger.db")) {
            break reader;
        }
    };
    let before = daemon.ticks();
    let patience = Instant::now();
    let runs = loop {
        std::thread::sleep(Duration::from_secs(1));
        let runs = reader.runs(None, count + 1).expect("runs");
        let over = runs
            .iter()
            .filter(|run| matches!(run.state, RunState::Done(_)))
            .count();
        if over == count {
            break runs;
        }
        assert!(
            patience.elapsed() < Duration::from_secs(180),
            "{over} runs are over"
        );
    };
    // Supervisors wait a moment for further runs; then they count.
    std::thread::sleep(Duration::from_secs(2));
    row(
        "a thousand due at once: processor time for each, its agent's included",
        count,
        (daemon.ticks() - before) * 10_000_000 / count as u128,
    );
    let mut late: Vec<i64> = runs
        .iter()
        .filter_map(|run| Some((run.started? - run.due.instant()).num_milliseconds()))
        .collect();
    late.sort_unstable();
    let (first, last) = (
        late.first().copied().unwrap_or(0),
        late.last().copied().unwrap_or(0),
    );
    let nanos = |millis: i64| u128::try_from(millis.max(0)).unwrap_or(0) * 1_000_000;
    row(
        "a thousand due at once: the first agent starts",
        count,
        nanos(first),
    );
    row(
        "a thousand due at once: the median agent starts",
        count,
        nanos(late[late.len() / 2]),
    );
    rate(
        "a thousand due at once: agents started",
        count,
        late.len() as f64 * 1000.0 / (last - first).max(1) as f64,
    );
}
