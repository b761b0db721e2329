//! A backup node: its data, its freezer-agent behind a gate that the test opens, and freezerd's configuration.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use freezerd::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::services::Stack;

/// Stands before freezer-agent: notes each start and end in `agent.runs`, and holds it until `gate` exists.
/// It gives up when the test's folder is gone, so that a test that failed leaves nothing behind.
const GATED_AGENT: &str = r#"#!/bin/sh
echo $$ >'@DIR@/agent.pid'
echo "start $FREEZERD_RUN_ID" >>'@DIR@/agent.runs'
while [ ! -e '@DIR@/gate' ]; do
    [ -d '@DIR@' ] || exit 1
    sleep 0.1
done
'@AGENT@' "$@"
code=$?
echo "end $FREEZERD_RUN_ID $code" >>'@DIR@/agent.runs'
exit $code
"#;

/// One node, unlike that of any other test.
pub struct Node {
    dir: TempDir,
    pub client_id: String,
}

impl Node {
    /// A node called after the test. Its agent runs at once, unless [`Node::close_gate`] comes first.
    pub fn new(stack: &Stack, test: &str) -> Self {
        let dir = TempDir::with_prefix(format!("freezerd-{test}-")).expect("a temporary folder");
        // The stack may outlive this process and hold an earlier one's plans: the folder's name is unique.
        let unique = dir
            .path()
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let node = Self {
            dir,
            client_id: unique,
        };
        for folder in ["home", "data/folder", "backups", "state", "run"] {
            fs::create_dir_all(node.path(folder)).expect("a folder");
        }
        node.make_data();
        node.make_agent(stack.value("STACK_AGENT"));
        node.open_gate();
        fs::write(node.config(), node.configuration()).expect("the configuration");
        node
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn config(&self) -> PathBuf {
        self.path("freezerd.toml")
    }

    /// Another agent in the place of freezer-agent: a script of Python's, behind the same gate.
    pub fn replace_agent(&self, python: &str, script: &str) {
        fs::write(self.path("agent.py"), script).expect("the agent's script");
        let program = self.path("agent.sh");
        let text = format!(
            "#!/bin/sh\nexec '{python}' '{}' \"$@\"\n",
            self.path("agent.py").display()
        );
        fs::write(&program, text).expect("the agent");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        self.make_agent(&program.display().to_string());
    }

    /// From now on the agent does nothing but note when it was started.
    pub fn note_starts(&self) {
        let text = format!(
            "#!/bin/sh\nexec date +%s.%N >>'{}'\n",
            self.path("starts").display()
        );
        fs::write(self.path("agent"), text).expect("the agent");
    }

    /// When its agents were started.
    pub fn starts(&self) -> Vec<DateTime<Utc>> {
        let text = fs::read_to_string(self.path("starts")).unwrap_or_default();
        let at = |line: &str| {
            let (seconds, nanoseconds) = line.split_once('.')?;
            DateTime::from_timestamp(seconds.parse().ok()?, nanoseconds.parse().ok()?)
        };
        text.lines().map(|line| at(line).expect("a time")).collect()
    }

    /// More settings, beside the node's own file.
    pub fn configure(&self, text: &str) {
        fs::create_dir_all(self.path("conf.d")).expect("the folder of drop-ins");
        fs::write(self.path("conf.d/more.toml"), text).expect("a drop-in");
    }

    /// Writes a JSON file and gives its path.
    pub fn write(&self, name: &str, value: &Value) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, value.to_string()).expect("a JSON file");
        path
    }

    /// From now on agents wait before they begin.
    pub fn close_gate(&self) {
        fs::remove_file(self.path("gate")).expect("an open gate");
    }

    /// Agents may begin.
    pub fn open_gate(&self) {
        fs::write(self.path("gate"), "").expect("the gate");
    }

    /// What the agents noted: `start RUN` and `end RUN CODE`, a line each.
    pub fn agent_runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("agent.runs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Whether the agent that was started last still lives.
    pub fn agent_lives(&self) -> bool {
        let pid = fs::read_to_string(self.path("agent.pid")).expect("an agent was started");
        Path::new("/proc").join(pid.trim()).exists()
    }

    /// Waits until so many lines are noted in all. (Plans that come again do so every three minutes.)
    pub fn await_agent_runs(&self, lines: usize) {
        eventually(Duration::from_secs(300), "the agents' notes", || {
            let runs = self.agent_runs();
            if runs.len() >= lines {
                Ok(())
            } else {
                Err(format!("{runs:?}"))
            }
        });
    }

    fn action(&self, action: &str) -> Value {
        json!({
            "action": action,
            "mode": "fs",
            "backup_name": "data",
            "storage": "local",
            "container": self.path("backups"),
            "log_file": self.path("agent.log"),
        })
    }

    /// The `freezer_action` that backs up the data to local storage.
    pub fn backup_action(&self) -> Value {
        let mut action = self.action("backup");
        action["path_to_backup"] = json!(self.data());
        action
    }

    /// The lines of the INI that restores them into `target`.
    pub fn restore_action(&self, target: &Path) -> Vec<(String, String)> {
        let mut action = self.action("restore");
        action["restore_abs_path"] = json!(target);
        let action = action.as_object().cloned().unwrap_or_default();
        action
            .into_iter()
            .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// Files of the kinds that go wrong: binary, empty, named with blanks and beyond ASCII, executable, a link.
    fn make_data(&self) {
        let data = self.data();
        let mut noise = 0x2545_f491_4f6c_dd1d_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise.to_le_bytes()
        })
        .take(40_000)
        .flatten()
        .collect();
        fs::write(data.join("binary"), bytes).expect("a file");
        fs::write(data.join("empty"), "").expect("a file");
        fs::write(data.join("folder/a name with blanks, ü and 'quotes'"), "text\n").expect("a file");
        let script = data.join("folder/script");
        fs::write(&script, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o750)).expect("its mode");
        symlink("binary", data.join("link")).expect("a link");
    }

    fn make_agent(&self, real: &str) {
        let dir = self.dir.path().to_str().expect("a path in UTF-8");
        let path = self.path("agent");
        fs::write(&path, GATED_AGENT.replace("@DIR@", dir).replace("@AGENT@", real)).expect("the agent");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    fn configuration(&self) -> String {
        let text = |name| self.path(name).display().to_string();
        format!(
            r#"timezone = "UTC"
state_dir = {state:?}
runtime_dir = {run:?}

[source]
kind = "api"
poll = "2s"

# Five tests share an API that does one thing at a time. What is asked for again because the answer was late is seen twice.
[api]
client_id = {client_id:?}
timeout = "10m"

[dispatch]
agent = {agent:?}
launcher = "process"

[http]
listen = "127.0.0.1:0"
"#,
            state = text("state"),
            run = text("run"),
            agent = text("agent"),
            client_id = self.client_id,
        )
    }
}

/// The whole second that is `seconds` from now.
pub fn in_seconds(seconds: i64) -> DateTime<Utc> {
    let now = SystemClock::new().now();
    DateTime::from_timestamp(now.timestamp() + seconds, 0).expect("a time")
}
