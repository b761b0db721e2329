//! What systemd is told of a run: the unit's name and its properties. No I/O.

use std::path::Path;

use zbus::{OwnedVariant, Variant};

use crate::launch::Recipe;
use crate::launch::run_dir::RunDir;
use crate::planner::RunId;

/// All units of runs are here; what it is allowed, all of them together are.
const SLICE: &str = "freezerd-runs.slice";
/// How the names of all units of runs look, for systemd's pattern language.
pub(super) const PATTERN: &str = "freezerd-run-*.service";
const PREFIX: &str = "freezerd-run-";
const SUFFIX: &str = ".service";
/// systemd is to be slower than the supervisor, which leaves a report of what it did.
const AFTER_GRACE: u64 = 10;
const MICROSECONDS: u64 = 1_000_000;

/// The unit's name. It is the key that makes a second start impossible.
pub(super) fn name(run: &RunId) -> String {
    format!("{PREFIX}{run}{SUFFIX}")
}

/// The run that a unit of this name is.
pub(super) fn run(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

/// Its object on the bus: what is no letter and no digit is written as `_` and two hexadecimal digits.
pub(super) fn path(name: &str) -> String {
    let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("_{byte:02x}"));
        }
    }
    path
}

/// A property as systemd takes it: `(sv)`.
pub(super) type Property = (&'static str, OwnedVariant);

/// The unit that executes this recipe: its supervisor, in a control group that is killed when the supervisor ends.
///
/// Nothing secret is among it: anybody may read a unit.
///
/// # Errors
/// Never for what is built here; the library's types demand it.
pub(super) fn properties(recipe: &Recipe, dir: &RunDir, program: &Path) -> zbus::Result<Vec<Property>> {
    let grace = u64::from(recipe.kill_grace) + AFTER_GRACE;
    let mut list = Properties(Vec::new());
    list.add("Description", format!("Freezer backup {}", recipe.run))?;
    list.add("Slice", SLICE)?;
    list.add("ExecStart", supervisor(dir, program))?;
    // What ends so has left a report; its unit can go. One that failed is kept, with its reason, until it is forgotten.
    list.add("SuccessExitStatus", (vec![1_i32, 3], Vec::<i32>::new()))?;
    list.add("TimeoutStopUSec", grace * MICROSECONDS)?;
    // The agent that took too much is killed by the kernel; the supervisor sees it, and reports it.
    list.add("OOMPolicy", "continue")?;
    list.add("StandardInput", "null")?;
    list.add("StandardOutput", "null")?;
    list.add("StandardError", "journal")?;
    list.add("SyslogIdentifier", "freezerd-run")?;
    // A core would hold the API's password.
    list.add("LimitCORE", 0_u64)?;
    list.add("LimitCORESoft", 0_u64)?;
    let limits = &recipe.limits;
    // The supervisor holds it, and reports it; this is for a supervisor that hangs.
    if let Some(seconds) = limits.runtime_max {
        list.add("RuntimeMaxUSec", (u64::from(seconds) + grace) * MICROSECONDS)?;
    }
    let amounts = [
        ("MemoryMax", limits.memory_max),
        ("CPUWeight", limits.cpu_weight),
        ("IOWeight", limits.io_weight),
    ];
    for (name, amount) in amounts {
        if let Some(amount) = amount {
            list.add(name, amount)?;
        }
    }
    Ok(list.0)
}

/// A unit that does nothing, to see whether it may be started.
pub(super) fn probe(program: &Path) -> zbus::Result<Vec<Property>> {
    let mut list = Properties(Vec::new());
    list.add("Description", "Whether freezerd may start runs")?;
    list.add("Slice", SLICE)?;
    list.add("ExecStart", command(program, &["--version".to_owned()]))?;
    list.add("StandardOutput", "null")?;
    list.add("CollectMode", "inactive-or-failed")?;
    Ok(list.0)
}

struct Properties(Vec<Property>);

impl Properties {
    fn add<'v>(&mut self, name: &'static str, value: impl Into<Variant<'v>>) -> zbus::Result<()> {
        self.0.push((name, value.into().try_into_owned()?));
        Ok(())
    }
}

/// `ExecStart`: one command, `(path, arguments, whether its failure is ignored)`.
type Commands = Vec<(String, Vec<String>, bool)>;

fn supervisor(dir: &RunDir, program: &Path) -> Commands {
    let directory = |path: &Path| path.to_string_lossy().into_owned();
    let arguments = [
        "supervise".to_owned(),
        directory(dir.state()),
        directory(dir.runtime()),
    ];
    command(program, &arguments)
}

fn command(program: &Path, arguments: &[String]) -> Commands {
    let program = program.to_string_lossy().into_owned();
    let mut line = vec![program.clone()];
    // systemd would put the value of a variable in its place.
    line.extend(arguments.iter().map(|argument| argument.replace('$', "$$")));
    vec![(program, line, false)]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::launch::Limits;

    fn recipe(limits: Limits) -> Recipe {
        Recipe {
            run: RunId::from_stored("a-b_1-20260101T000000Z".to_owned()),
            job: crate::plan::JobId::new("a-b_1"),
            agent: "/usr/bin/freezer-agent".into(),
            steps: Vec::new(),
            environment: [("OS_PASSWORD".to_owned(), "hunter2".to_owned())].into(),
            without: Vec::new(),
            kill_grace: 30,
            keep_output: 1024,
            limits,
            journal: true,
            further: false,
            open_files: None,
        }
    }

    fn told(limits: Limits) -> String {
        let dir = RunDir::of(Path::new("/state/$x/runs/a"), Path::new("/run/a"));
        let list = properties(&recipe(limits), &dir, Path::new("/usr/bin/freezerd")).expect("properties");
        let lines = list.iter().map(|(name, value)| format!("{name} = {value:?}\n"));
        lines.collect()
    }

    #[test]
    fn names_lead_to_runs_and_back() {
        let id = RunId::from_stored("a-b_1-20260101T000000Z".to_owned());
        assert_eq!(name(&id), "freezerd-run-a-b_1-20260101T000000Z.service");
        assert_eq!(run(&name(&id)), Some(id.as_str()));
        assert_eq!(run("freezerd-runs.slice"), None);
        assert_eq!(
            path("freezerd-run-a_1.service"),
            "/org/freedesktop/systemd1/unit/freezerd_2drun_2da_5f1_2eservice"
        );
    }

    #[test]
    fn a_unit_tells_what_it_must_and_no_secret() {
        let told = told(Limits::default());
        assert!(
            !told.contains("hunter2") && !told.contains("OS_PASSWORD"),
            "{told}"
        );
        assert!(told.contains("/state/$$x/runs/a"), "{told}");
        for core in ["LimitCORE", "LimitCORESoft"] {
            let line = told.lines().find(|line| line.starts_with(&format!("{core} = ")));
            assert!(line.is_some_and(|line| line.contains("(0)")), "{core}: {told}");
        }
        for limit in ["MemoryMax", "CPUWeight", "IOWeight", "RuntimeMaxUSec"] {
            assert!(!told.contains(limit), "{told}");
        }
    }

    #[test]
    fn limits_become_properties() {
        let told = told(Limits {
            runtime_max: Some(60),
            nice: Some(5),
            memory_max: Some(1 << 30),
            cpu_weight: Some(50),
            io_weight: Some(20),
        });
        // After the supervisor's own: its grace, and ten seconds more.
        for (name, value) in [
            ("RuntimeMaxUSec", "100000000"),
            ("TimeoutStopUSec", "40000000"),
            ("MemoryMax", "1073741824"),
            ("CPUWeight", "50"),
            ("IOWeight", "20"),
        ] {
            let line = told
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default();
            assert!(line.contains(value), "{name}: {line}");
        }
    }
}
