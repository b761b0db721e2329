//! freezerd beside freezer-scheduler 19.0.0: each test is a row of README.md's table. It shows what freezerd does, with
//! the same users' clients on the same API; where the incumbent fails, the lines that show it are marked `incumbent`.
//!
//! A row that begins to fail on the incumbent's side is good news: then a newer freezer has mended it, and the
//! table wants an edit.

mod actions;
mod downtime;
mod edits;
mod events;
mod folder;
mod many;
mod queue;
mod runs;
mod sessions;
mod two;

use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use freezerd::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::daemon::known_outcomes;
use crate::eventually::eventually;
use crate::node::Node;
use crate::services::{Stack, shared_stack};
use crate::user::User;

/// Two nodes alike, of which one is freezer-scheduler's and the other freezerd's.
struct Pair {
    stack: Stack,
    incumbent: Node,
    ours: Node,
}

impl Pair {
    fn new(row: &str) -> Self {
        Self::on(shared_stack(), row)
    }

    fn on(stack: Stack, row: &str) -> Self {
        let incumbent = Node::new(&stack, &format!("{row}-incumbent"));
        let ours = Node::new(&stack, row);
        let pair = Self {
            stack,
            incumbent,
            ours,
        };
        for user in pair.users() {
            user.register_client();
        }
        pair
    }

    /// The incumbent's and ours.
    fn users(&self) -> [User<'_>; 2] {
        [&self.incumbent, &self.ours].map(|node| User::of(&self.stack, node))
    }

    /// The same plan for both.
    fn plans(&self, job_schedule: &Value) -> [String; 2] {
        self.users().map(|user| user.create_plan(job_schedule))
    }

    fn close_gates(&self) {
        self.incumbent.close_gate();
        self.ours.close_gate();
    }

    /// Waits until freezerd has recorded one run of this plan, which ended so.
    fn await_outcome(&self, job: &str, outcome: &str) {
        eventually(Duration::from_secs(120), "it is recorded", || {
            let outcomes = known_outcomes(&self.stack, &self.ours, job)?;
            if outcomes == [json!(outcome)] {
                Ok(())
            } else {
                Err(format!("{outcomes:?}"))
            }
        });
    }

    fn open_gates(&self) {
        self.incumbent.open_gate();
        self.ours.open_gate();
    }
}

/// From one due time of [`again_and_again`] to the next: a busy machine does twice within what is to be done.
const APART: Duration = Duration::from_secs(180);

/// Due at this second, and ever so often from then on: whoever made it too late waits for the next time.
fn again_and_again(first: DateTime<Utc>) -> Value {
    let minutes: Vec<String> = (0_u32..60)
        .step_by(3)
        .map(|after| ((first.minute() + after) % 60).to_string())
        .collect();
    json!({ "schedule_minute": minutes.join(","), "schedule_second": first.second().to_string() })
}

/// When it is due next.
fn next_due(first: DateTime<Utc>) -> DateTime<Utc> {
    let now = SystemClock::new().now();
    let mut due = first;
    while due <= now {
        due += APART;
    }
    due
}

/// A plan that runs once, as soon as it is seen.
fn at_once() -> Value {
    json!({})
}

/// One that is not due while a test runs. (Two hours of a day: not both are near.)
fn not_now() -> Value {
    json!({ "schedule_year": "2099", "schedule_hour": "3" })
}
