//! What users do, and what befalls the machine.

use serde_json::{Value, json};

use super::machine::instant;
use super::story::{Driver, HOUR, SCHEDULES, Version};

impl Driver {
    pub(super) fn make(&mut self, id: &str) {
        let schedule: Value = serde_json::from_str(self.rng.pick(&SCHEDULES)).expect("JSON");
        let version = self.version(id, schedule, false);
        self.users.push((id.to_owned(), vec![version]));
    }

    pub(super) fn version(&self, id: &str, mut schedule: Value, stopped: bool) -> Version {
        if stopped {
            schedule["status"] = json!("stop");
        }
        let updated = instant(self.now()).format("%Y-%m-%dT%H:%M:%S").to_string();
        let created = self
            .users
            .iter()
            .find(|(user, _)| user == id)
            .map_or(self.now(), |(_, all)| all[0].from);
        let created = instant(created).format("%Y-%m-%dT%H:%M:%S").to_string();
        let document = json!({
            "job_id": id, "project_id": format!("p{}", id.len() % 2), "description": id,
            "created_at": created, "updated_at": updated, "job_schedule": schedule,
            "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}],
        });
        let plan = freezerd::plan::parse(&document.to_string(), "the story")
            .expect("a plan")
            .plan;
        Version {
            from: self.now(),
            plan: Some(plan),
            document: Some(document),
            stopped,
            known: None,
        }
    }

    pub(super) fn user_acts(&mut self) {
        if self.rng.chance(20) {
            let id = format!("late{}", self.users.len());
            self.tell(&format!("a user makes {id}"));
            return self.make(&id);
        }
        let last = i64::try_from(self.users.len()).expect("few") - 1;
        let who = usize::try_from(self.rng.within(0, last)).expect("few");
        let (id, versions) = self.users[who].clone();
        let Some(Version {
            document: Some(document),
            stopped,
            ..
        }) = versions.last()
        else {
            return;
        };
        let mut schedule = document["job_schedule"].clone();
        schedule.as_object_mut().expect("an object").remove("status");
        let new = match self.rng.within(1, 4) {
            1 => Version {
                from: self.now(),
                document: None,
                plan: None,
                stopped: false,
                known: None,
            },
            2 => self.version(&id, schedule, !stopped),
            _ => {
                let other = serde_json::from_str(self.rng.pick(&SCHEDULES)).expect("JSON");
                self.version(&id, other, *stopped)
            }
        };
        let what = new
            .document
            .as_ref()
            .map_or(Value::Null, |document| document["job_schedule"].clone());
        self.tell(&format!("a user leaves {id} as {what}"));
        self.users[who].1.push(new);
    }

    pub(super) fn disaster(&mut self) {
        let now = self.now();
        match self.rng.within(1, 6) {
            1 | 2 => {
                let effect = self.rng.within(1, 9);
                self.tell(&format!("the daemon will be killed at its effect {effect}"));
                self.machine.fate.strike_at(effect);
            }
            3 => {
                let length = self.rng.within(60, 14 * HOUR);
                self.tell(&format!("the machine sleeps for {length} s"));
                self.machine.clock.set(now + length);
                self.machine.let_agents_end();
            }
            4 => {
                self.tell("the machine reboots");
                self.machine.reboot();
                self.die();
            }
            5 => {
                self.api_back = now + self.rng.within(60, 20 * HOUR);
                self.tell(&format!("the API is away for {} s", self.api_back - now));
            }
            _ => {
                self.disk_back = now + self.rng.within(60, 3 * HOUR);
                self.tell(&format!("the disk is full for {} s", self.disk_back - now));
            }
        }
    }
}
