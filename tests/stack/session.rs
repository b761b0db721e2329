//! A session, as a user makes and looks at it with python-freezerclient.

use serde_json::{Value, json};

use crate::node::Node;
use crate::services::Stack;

/// Calls a method of python-freezerclient's sessions with the arguments given as JSON, and prints what it gives.
const CALL: &str = r#"
import json, os, sys
from freezerclient.v2.client import Client
names = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
client = Client(endpoint_type="public", **{name: os.environ["OS_" + name.upper()] for name in names})
print(json.dumps(getattr(client.sessions, sys.argv[1])(*json.loads(sys.argv[2]))))
"#;

/// A session that a user has made.
pub struct Session<'a> {
    stack: &'a Stack,
    node: &'a Node,
    pub id: String,
}

impl<'a> Session<'a> {
    /// Makes one with this schedule and hold-off (seconds).
    pub fn new(stack: &'a Stack, node: &'a Node, schedule: &Value, hold_off: u32) -> Self {
        let mut session = Self {
            stack,
            node,
            id: String::new(),
        };
        let document = json!({"description": node.client_id, "hold_off": hold_off, "schedule": schedule});
        let id = session.call("create", &json!([document]));
        session.id = id.as_str().expect("an id").to_owned();
        session
    }

    fn call(&self, method: &str, arguments: &Value) -> Value {
        let python = self.stack.value("STACK_PYTHON");
        let mut command = self.stack.command(python, &self.node.home());
        command
            .env("PYTHONWARNINGS", "ignore")
            .args(["-c", CALL, method, &arguments.to_string()]);
        serde_json::from_str(&self.stack.client(&command)).expect("JSON")
    }

    /// Puts a job into it.
    pub fn add(&self, job_id: &str) {
        self.call("add_job", &json!([self.id, job_id]));
    }

    /// Takes a job out of it.
    pub fn remove(&self, job_id: &str) {
        self.call("remove_job", &json!([self.id, job_id]));
    }

    /// Starts it for a job, as another scheduler would; gives what the API answers.
    pub fn start(&self, job_id: &str, tag: i64) -> Value {
        self.call("start_session", &json!([self.id, job_id, tag]))
    }

    /// Its document.
    pub fn document(&self) -> Value {
        self.call("get", &json!([self.id]))
    }

    /// What `freezer session-show` shows.
    pub fn shown(&self) -> Value {
        let mut command = self
            .stack
            .command(self.stack.value("STACK_FREEZER"), &self.node.home());
        command
            .env("PYTHONWARNINGS", "ignore")
            .args(["session-show", "-f", "json", &self.id]);
        serde_json::from_str(&self.stack.client(&command)).expect("JSON of freezer session-show")
    }
}
