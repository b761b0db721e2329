//! A user of the cloud: makes and reads plans with python-freezerclient, and restores backups with
//! freezer-agent.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::command::succeed;
use crate::eventually::eventually;
use crate::node::Node;
use crate::services::Stack;

const LIMIT: Duration = Duration::from_secs(120);

/// Prints as JSON what `freezer job-get` prints as Python.
const PYTHON_TO_JSON: &str = "import ast, json, sys; print(json.dumps(ast.literal_eval(sys.argv[1])))";

/// Prints as JSON what python-freezerclient reads of a client: `freezer client-show` leaves most of it out.
const CLIENT_TO_JSON: &str = r#"
import json, os, sys
from freezerclient.v2.client import Client
names = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
client = Client(endpoint_type="public", **{name: os.environ["OS_" + name.upper()] for name in names})
print(json.dumps((client.clients.get(sys.argv[1]) or {}).get("client")))
"#;

/// Makes a plan, as `freezer job-create` does, that is due once, so many seconds from now: that is after it was made, unless
/// the one request takes longer. (The time that a whole command takes is anybody's guess.)
const CREATE_PLAN_DUE_SOON: &str = r#"
import datetime, json, os, sys
from freezerclient.v2.client import Client
names = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
client = Client(endpoint_type="public", **{name: os.environ["OS_" + name.upper()] for name in names})
with open(sys.argv[2]) as file:
    document = json.load(file)
client.jobs.list_all(limit=1)
due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(sys.argv[1]))
document["job_schedule"]["schedule_date"] = due.strftime("%Y-%m-%dT%H:%M:%SZ")
print(json.dumps([client.jobs.create(document), document["job_schedule"]["schedule_date"]]))
"#;

/// Makes many plans alike, as `freezer job-create` makes one.
const CREATE_PLANS: &str = r#"
import json, os, sys
from freezerclient.v2.client import Client
names = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
client = Client(endpoint_type="public", **{name: os.environ["OS_" + name.upper()] for name in names})
with open(sys.argv[2]) as file:
    document = json.load(file)
print(json.dumps([client.jobs.create(document) for _ in range(int(sys.argv[1]))]))
"#;

/// A user, at one node.
pub struct User<'a> {
    stack: &'a Stack,
    node: &'a Node,
    /// User and project; `None`: the stack's own.
    name: Option<&'static str>,
}

impl<'a> User<'a> {
    pub fn of(stack: &'a Stack, node: &'a Node) -> Self {
        Self {
            stack,
            node,
            name: None,
        }
    }

    /// Another user than the stack's own, whose project is called like them.
    pub fn called(stack: &'a Stack, node: &'a Node, name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..Self::of(stack, node)
        }
    }

    /// A command that is this user's.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.stack.command(program, &self.node.home());
        command.env("PYTHONWARNINGS", "ignore");
        if let Some(name) = self.name {
            command.env("OS_USERNAME", name).env("OS_PROJECT_NAME", name);
        }
        command
    }

    fn freezer(&self) -> Command {
        self.command(self.stack.value("STACK_FREEZER"))
    }

    /// Registers the node.
    pub fn register_client(&self) {
        let id = &self.node.client_id;
        let file = self
            .node
            .write("client.json", &json!({ "client_id": id, "hostname": id }));
        self.stack
            .client(self.freezer().args(["client-register", "--file"]).arg(file));
    }

    /// The client of this id, as the API holds it; null when there is none.
    pub fn client(&self, client_id: &str) -> Value {
        let python = self.stack.value("STACK_PYTHON");
        let mut command = self.command(python);
        command.args(["-c", CLIENT_TO_JSON, client_id]);
        serde_json::from_str(&self.stack.client(&command)).expect("JSON of a client")
    }

    /// What `freezer client-list` shows of the clients with this id, a row each.
    pub fn listed_clients(&self, client_id: &str) -> Vec<Value> {
        let mut command = self.freezer();
        command.args(["client-list", "--limit", "1000", "-f", "json"]);
        let rows: Vec<Value> =
            serde_json::from_str(&self.stack.client(&command)).expect("JSON of freezer client-list");
        let is_it = |row: &Value| row.get("Client ID").and_then(Value::as_str) == Some(client_id);
        rows.into_iter().filter(is_it).collect()
    }

    /// What `freezer client-show` shows.
    pub fn shown_client(&self, client_id: &str) -> Value {
        let mut command = self.freezer();
        command.args(["client-show", "-f", "json", client_id]);
        serde_json::from_str(&self.stack.client(&command)).expect("JSON of freezer client-show")
    }

    /// Makes a plan that backs up the node's data, and gives its id.
    pub fn create_plan(&self, job_schedule: &Value) -> String {
        self.create_plan_of(job_schedule, &self.node.backup_action())
    }

    /// Makes a plan that does this, once and without another try, and gives its id.
    pub fn create_plan_of(&self, job_schedule: &Value, freezer_action: &Value) -> String {
        let file = self.write_plan(job_schedule, freezer_action);
        let mut command = self.freezer();
        command
            .args([
                "job-create",
                "-f",
                "json",
                "--client",
                &self.node.client_id,
                "--file",
            ])
            .arg(file);
        let printed = self.stack.client(&command);
        let row: Value = serde_json::from_str(&printed).expect("JSON of freezer job-create");
        row.get("Job ID")
            .and_then(Value::as_str)
            .expect("its job id")
            .to_owned()
    }

    /// Makes a plan that backs up the node's data once, so many seconds from now; gives its id and that time, as the plan
    /// has it.
    pub fn create_plan_due_in(&self, seconds: u32) -> (String, String) {
        let file = self.write_plan(&json!({}), &self.node.backup_action());
        let mut command = self.command(self.stack.value("STACK_PYTHON"));
        command
            .args(["-c", CREATE_PLAN_DUE_SOON, &seconds.to_string()])
            .arg(file);
        serde_json::from_str(&self.stack.client(&command)).expect("JSON of an id and a time")
    }

    /// Makes so many plans that back up the node's data, and gives their ids.
    pub fn create_plans(&self, count: usize, job_schedule: &Value) -> Vec<String> {
        let file = self.write_plan(job_schedule, &self.node.backup_action());
        let mut command = self.command(self.stack.value("STACK_PYTHON"));
        command.args(["-c", CREATE_PLANS, &count.to_string()]).arg(file);
        serde_json::from_str(&self.stack.client(&command)).expect("JSON of ids")
    }

    fn write_plan(&self, job_schedule: &Value, freezer_action: &Value) -> PathBuf {
        let document = json!({
            "client_id": self.node.client_id,
            "description": self.node.client_id,
            "job_schedule": job_schedule,
            "job_actions": [{
                "max_retries": 0,
                "max_retries_interval": 1,
                "freezer_action": freezer_action,
            }],
        });
        self.node.write("job.json", &document)
    }

    /// Makes a session, and gives its id.
    pub fn create_session(&self, document: &Value) -> String {
        let file = self.node.write("session.json", document);
        let mut command = self.freezer();
        command.args(["session-create", "-f", "json", "--file"]).arg(file);
        let row: Value = serde_json::from_str(&self.stack.client(&command)).expect("JSON of a session");
        row.get("Session ID")
            .and_then(Value::as_str)
            .expect("its id")
            .to_owned()
    }

    /// Makes the plan a part of the session; its schedule is the session's from then on.
    pub fn add_to_session(&self, session_id: &str, job_id: &str) {
        let arguments = ["session-add-job", "--session-id", session_id, "--job-id", job_id];
        self.stack.client(self.freezer().args(arguments));
    }

    pub fn delete_plan(&self, job_id: &str) {
        self.stack.client(self.freezer().args(["job-delete", job_id]));
    }

    /// `freezer job-start`, `job-stop`, `job-abort`
    pub fn freezer_job(&self, word: &str, job_id: &str) {
        self.stack
            .client(self.freezer().args([&format!("job-{word}"), job_id]));
    }

    /// `openstack backup job start`, `stop`, `abort`
    pub fn openstack_job(&self, word: &str, job_id: &str) {
        self.stack
            .client(self.openstack().args(["backup", "job", word, job_id]));
    }

    /// The plan's document as the API holds it now.
    pub fn plan(&self, job_id: &str) -> Value {
        let printed = self
            .stack
            .client(self.freezer().args(["job-get", "--no-format", job_id]));
        let mut command = self.command(self.stack.value("STACK_PYTHON"));
        let json = self.stack.client(command.args(["-c", PYTHON_TO_JSON, &printed]));
        serde_json::from_str(&json).expect("JSON of freezer job-get")
    }

    /// The plan's `job_schedule` as the API holds it now.
    pub fn job_schedule(&self, job_id: &str) -> Map<String, Value> {
        let plan = self.plan(job_id);
        plan.get("job_schedule")
            .and_then(Value::as_object)
            .cloned()
            .expect("a job_schedule")
    }

    /// Gives the plan this schedule instead of its own.
    pub fn reschedule_plan(&self, job_id: &str, job_schedule: &Value) {
        let file = self
            .node
            .write("edit.json", &json!({ "job_schedule": job_schedule }));
        self.stack
            .client(self.freezer().args(["job-update", job_id]).arg(file));
    }

    fn openstack(&self) -> Command {
        let openstack = self.stack.value("STACK_OPENSTACK");
        let mut command = self.stack.command(openstack, &self.node.home());
        command.env("PYTHONWARNINGS", "ignore");
        command
    }

    /// Status, result and event, as `freezer job-show` shows them, and `openstack backup job show` does too.
    pub fn shown(&self, job_id: &str) -> [String; 3] {
        let cells = |command: &mut Command| -> [String; 3] {
            let row: Value = serde_json::from_str(&self.stack.client(command)).expect("JSON of a job");
            ["Status", "Result", "Event"].map(|column| {
                let cell = row.get(column).and_then(Value::as_str);
                cell.unwrap_or_default().to_owned()
            })
        };
        // Somebody may write between the two looks: they agree soon.
        eventually(LIMIT, "both clients show the same", || {
            let shown = cells(self.freezer().args(["job-show", "-f", "json", job_id]));
            let mut openstack = self.openstack();
            let other = cells(openstack.args(["backup", "job", "show", "-f", "json", job_id]));
            if other == shown {
                Ok(shown)
            } else {
                Err(format!("{shown:?}, {other:?}"))
            }
        })
    }

    /// Asks for a run of this plan.
    pub fn start_plan(&self, job_id: &str) {
        self.stack.client(self.freezer().args(["job-start", job_id]));
    }

    /// The backups of this job, as `freezer backup-list` shows them: id, path and status. (It cannot show its
    /// list as JSON: the times in it are none.)
    pub fn backups(&self, job_id: &str) -> Vec<[String; 3]> {
        let mut command = self.freezer();
        command.args([
            "backup-list",
            "-f",
            "value",
            "-c",
            "Backup ID",
            "-c",
            "Path",
            "-c",
            "Status",
        ]);
        let search = json!([{ "job_id": job_id }]).to_string();
        let printed = self.stack.client(command.args(["--search", &search]));
        // Where there is none, it shows a row of blanks.
        let rows = printed
            .lines()
            .map(|line| line.split(' ').map(str::to_owned).collect());
        rows.filter_map(|row: Vec<String>| <[String; 3]>::try_from(row).ok())
            .filter(|[id, ..]| !id.is_empty())
            .collect()
    }

    /// The metadata of this backup, as `freezer backup-show` shows it: as Python.
    pub fn backup(&self, backup_id: &str) -> String {
        let mut command = self.freezer();
        let printed = self
            .stack
            .client(command.args(["backup-show", "-f", "json", backup_id]));
        let row: Value = serde_json::from_str(&printed).expect("JSON of freezer backup-show");
        let metadata = row.get("Metadata").and_then(Value::as_str);
        metadata.expect("its metadata").to_owned()
    }

    /// Restores the newest backup into `target`, with freezer-agent, by hand.
    pub fn restore(&self, target: &Path) {
        std::fs::create_dir_all(target).expect("the folder to restore to");
        let mut ini = String::from("[action]\n");
        for (key, value) in self.node.restore_action(target) {
            ini.push_str(&format!("{key} = {value}\n"));
        }
        let file = self.node.path("restore.ini");
        std::fs::write(&file, ini).expect("the agent's INI");
        let mut command = self
            .stack
            .command(self.stack.value("STACK_AGENT"), &self.node.home());
        succeed(command.arg("--config").arg(file), LIMIT);
    }
}

/// The keys that say when a plan runs: those we must never write.
pub fn schedule_keys(job_schedule: &Map<String, Value>) -> Map<String, Value> {
    job_schedule
        .iter()
        .filter(|(key, _)| key.starts_with("schedule_"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}
