//! What a daemon lies on: its folders, its configuration, its plans, and what its agents and its ledger tell.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use freezerd::clock::{Clock, SystemClock};
use freezerd::ledger::{Ledger, Reader};
use freezerd::plan::JobId;
use freezerd::planner::{Outcome, RunRecord, RunState, Verdict};
use freezerd::schedule::DueTime;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

/// More rows than any test makes.
const ALL: usize = 1000;

pub struct Bed {
    root: tempfile::TempDir,
    /// Held open for reading and writing, so that neither side ever waits for the other, and an agent that is
    /// left waiting when a test fails goes on.
    gate: File,
    /// For the daemon, beside what every daemon gets.
    pub environment: BTreeMap<String, String>,
}

impl Bed {
    /// With a folder of plans that is looked through only when something changed there. `settings`: TOML.
    pub fn new(settings: &str) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let gate = root.path().join("gate");
        mknodat(CWD, &gate, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
        let gate = OpenOptions::new()
            .read(true)
            .write(true)
            .open(gate)
            .expect("a pipe");
        let bed = Self {
            root,
            gate,
            environment: BTreeMap::new(),
        };
        for folder in ["plans", "conf.d"] {
            fs::create_dir(bed.path(folder)).expect("a folder");
        }
        let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/agent");
        let basis = format!(
            "timezone = 'UTC'\nstate_dir = 'state'\nruntime_dir = 'runtime'\n\
             [source]\nkind = 'folder'\npath = 'plans'\npoll = '1h'\n\
             [dispatch]\nagent = '{}'\nlauncher = 'process'\n\
             [http]\nlisten = '127.0.0.1:0'\n\
             [log]\nformat = 'json'\n",
            agent.display()
        );
        fs::write(bed.config(), basis).expect("a configuration");
        bed.set(settings);
        bed
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("freezerd.toml")
    }

    /// Other settings (TOML) in the place of those before; a daemon that runs has to be told.
    pub fn set(&self, settings: &str) {
        fs::write(self.path("conf.d/test.toml"), settings).expect("a configuration");
    }

    /// Puts a plan into the folder, new or edited this moment: so what falls due before it is seen still runs.
    pub fn put(&self, plan: &Value) {
        self.put_at(now(), plan.clone());
    }

    /// The same with a plan that is due soon, and when that is.
    pub fn put_soon(&self, plan: impl FnOnce(DateTime<Utc>) -> Value) -> DateTime<Utc> {
        let (made, due) = soon();
        self.put_at(made, plan(due));
        due
    }

    fn put_at(&self, made: DateTime<Utc>, mut plan: Value) {
        plan["updated_at"] = json!(made.to_rfc3339());
        let name = plan["job_id"].as_str().expect("an id");
        self.write_plan(name, &plan.to_string());
    }

    /// As an editor does: whole, or not at all. Nor is the folder read for what is not there yet.
    pub fn write_plan(&self, name: &str, text: &str) {
        let unfinished = self.path("unfinished");
        fs::write(&unfinished, text).expect("written");
        fs::rename(unfinished, self.plan_file(name)).expect("renamed");
    }

    pub fn plan_file(&self, name: &str) -> PathBuf {
        self.path(&format!("plans/{name}.conf"))
    }

    /// Lets one agent go on that waits at the gate.
    pub fn open_gate(&self) {
        (&self.gate).write_all(b"\n").expect("written");
    }

    /// What the agents wrote, in order.
    pub fn diary(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("diary")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// `start TASK` and `end TASK` of one plan's agents, in order.
    pub fn diary_of(&self, job: &str) -> Vec<String> {
        let words = |line: String| {
            let mut words = line.splitn(4, ' ').map(str::to_owned);
            Some((words.next()?, words.next()?, words.nth(1)?))
        };
        let entries = self.diary().into_iter().filter_map(words);
        entries
            .filter(|(_, of, _)| of == job)
            .map(|(what, _, task)| format!("{what} {task}"))
            .collect()
    }

    /// The due times for which agents of this plan were started, in order.
    pub fn served(&self, job: &str) -> Vec<DateTime<Utc>> {
        let due = |line: String| {
            let mut words = line.split(' ').skip_while(|word| *word != job);
            let due = words.nth(1).filter(|_| line.starts_with("start "))?;
            Some(due.parse().expect("a due time"))
        };
        self.diary().into_iter().filter_map(due).collect()
    }

    /// What is wrong with a plan that is due each second, whose ledger was lost before `since`: due times that were served twice,
    /// those of before that are decided once more, without a run that is known by its traces, and those after it that have no
    /// verdict, though an earlier one has.
    pub fn faults_of_each_second(&self, job: &str, since: DateTime<Utc>) -> Vec<String> {
        let mut served = self.served(job);
        served.sort();
        let twice = served.windows(2).filter(|two| two[0] == two[1]);
        let twice = twice.map(|two| format!("{job} ran twice for {}", two[0]));
        let (from, to) = (DueTime::from_epoch(0), DueTime::floor(now() + TimeDelta::days(1)));
        let ledger = self.ledger().expect("a ledger");
        let verdicts = ledger
            .verdicts(&JobId::new(job), from, to, ALL)
            .expect("verdicts");
        let (before, after): (Vec<_>, Vec<_>) = verdicts
            .into_iter()
            .partition(|verdict| verdict.first <= DueTime::floor(since));
        let again = before
            .iter()
            .filter(|verdict| !matches!(verdict.verdict, Verdict::Run(_)));
        let again = again.map(|verdict| format!("{job} was decided once more: {verdict:?}"));
        let mut spans: Vec<(i64, i64)> = after
            .iter()
            .map(|verdict| (verdict.first.epoch(), verdict.last.epoch()))
            .collect();
        spans.sort_unstable();
        let torn = spans.windows(2).filter(|two| two[0].1 + 1 != two[1].0);
        let torn = torn.map(|two| format!("{job} was decided up to {}, then from {} on", two[0].1, two[1].0));
        twice.chain(again).chain(torn).collect()
    }

    /// The ledger as it is now; `None`: there is none yet.
    pub fn ledger(&self) -> Option<Reader> {
        Ledger::open_reader(&self.path("state/ledger.db")).ok()
    }

    /// The runs of a plan, the latest first.
    pub fn runs(&self, job: &str) -> Vec<RunRecord> {
        self.ledger()
            .map(|ledger| ledger.runs(Some(&JobId::new(job)), ALL).expect("runs"))
            .unwrap_or_default()
    }

    /// How the runs of a plan ended; `None`: not yet.
    pub fn outcomes(&self, job: &str) -> Vec<Option<Outcome>> {
        let outcome = |run: RunRecord| match run.state {
            RunState::Done(outcome) => Some(outcome),
            RunState::Queued | RunState::Starting | RunState::Running => None,
        };
        self.runs(job).into_iter().map(outcome).collect()
    }

    /// Where the runs of a plan are, the latest first.
    pub fn states(&self, job: &str) -> Vec<RunState> {
        self.runs(job).iter().map(|run| run.state).collect()
    }

    /// What became of a plan's due times, the latest first: `run`, `coalesced`, or why not.
    pub fn verdicts(&self, job: &str) -> Vec<&'static str> {
        let (from, to) = (DueTime::from_epoch(0), DueTime::floor(now() + TimeDelta::days(1)));
        let verdicts = self
            .ledger()
            .map(|ledger| ledger.verdicts(&JobId::new(job), from, to, ALL));
        let verdicts = verdicts.and_then(Result::ok).unwrap_or_default();
        let word = |verdict| match verdict {
            Verdict::Run(_) => "run",
            Verdict::Coalesced(_) => "coalesced",
            Verdict::Skipped(reason) => reason.word(),
        };
        verdicts.into_iter().map(|record| word(record.verdict)).collect()
    }
}

/// A plan's document with one action for each task, as tests/daemon/agent knows them. With an empty schedule it
/// runs once, as soon as it is seen.
pub fn plan(job: &str, schedule: &Value, tasks: &[&str]) -> Value {
    let action = |task: &&str| {
        let action = json!({"action": "backup", "mode": "fs", "backup_name": task});
        json!({"freezer_action": action, "max_retries": 0, "max_retries_interval": 0})
    };
    let actions: Vec<Value> = tasks.iter().map(action).collect();
    json!({"job_id": job, "description": format!("plan {job}"), "client_id": "node",
           "job_schedule": schedule, "job_actions": actions})
}

/// A plan that runs as soon as it is seen, once.
pub fn at_once(job: &str, task: &str) -> Value {
    plan(job, &json!({}), &[task])
}

/// A plan that is due each second, for ever.
pub fn each_second(job: &str, task: &str) -> Value {
    plan(
        job,
        &json!({"schedule_second": "*", "schedule_minute": "*"}),
        &[task],
    )
}

pub fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}

/// When a plan is made that is due soon, and when it is due: a whole second, between one and two later. Both by one look at
/// the clock: however long the machine then takes, it was made before it was due, and so it is not the past, which never runs.
pub fn soon() -> (DateTime<Utc>, DateTime<Utc>) {
    let made = now();
    (made, made.trunc_subsecs(0) + TimeDelta::seconds(2))
}

/// As `schedule_date` has it.
pub fn date(at: DateTime<Utc>) -> Value {
    json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

pub const SUCCESS: Option<Outcome> = Some(Outcome::Success);
