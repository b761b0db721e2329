//! What users do, and what befalls the node.

use std::collections::BTreeSet;
use std::sync::Arc;

use freezerd::daemon::main_loop::MainLoop;
use freezerd::planner::Reason;
use serde_json::{Value, json};

use super::checker::{Shadow, Version};
use super::cloud::stamp;
use super::script::{Event, SCHEDULES};
use super::servers::project_of;
use super::world::World;
use super::zones;

impl World {
    pub(super) fn happen(&mut self, event: Event) {
        let now = self.machine.clock.now();
        self.trouble(&event);
        match event {
            Event::Make(id, schedule) => self.make(&id, schedule),
            Event::Edit(id, schedule) => self.edit(&id, schedule),
            Event::Stop(id) => self.stop(&id, "stop"),
            Event::Abort(id) => self.stop(&id, "abort"),
            Event::Start(id) if self.is_there(&id) => {
                self.cloud().start(&id, now);
                self.version(&id, false);
            }
            Event::Delete(id) if self.is_there(&id) => self.delete(&id),
            Event::Hinder(id, why) if self.is_there(&id) => self.hinder(&id, Some(why)),
            Event::Unhinder(id) if self.is_there(&id) => self.hinder(&id, None),
            Event::Start(_) | Event::Delete(_) | Event::Hinder(..) | Event::Unhinder(_) => {}
            Event::Shadow(shadow) => self.shadow(shadow),
            Event::Kill { effect, back } => {
                self.back = back;
                self.machine.fate.strike_at(effect);
            }
            Event::Restart { back } => self.stop_daemon(back),
            Event::Reboot { down } => {
                self.back = down;
                self.machine.reboot();
                self.die();
            }
            Event::Oom => {
                if let Some(run) = self.machine.kill_one() {
                    self.tell(&format!("{run} is killed by the kernel"));
                }
            }
            Event::NoAgent(length) => self.machine.lose_agent(length),
            Event::Sleep(length) => {
                self.machine.clock.set(now + length);
                self.machine.let_agents_end();
            }
            Event::Step(seconds) => {
                self.set_back -= seconds.min(0);
                self.afresh += 1;
                self.machine.clock.step(seconds);
                self.clock.push((now, self.machine.clock.wall() - now));
                if seconds < 0 {
                    self.open_again();
                }
                self.clock_was_set();
            }
            Event::Api(weather, length) => {
                self.fair_again = now + length;
                self.be(weather);
            }
            Event::Revoke(tokens) => self.cloud().refuses += tokens,
            Event::TakeBack(id, length) => {
                if let Some(trust) = self.trust(&id) {
                    self.cloud().keystone.take_back(&trust, now + length);
                }
            }
            Event::DiskFull(length) => self.disk(100, length),
            Event::DiskFlaky(length) => self.disk(50, length),
            Event::Zone(number) => self.replace_zone(number),
        }
    }

    /// The wall clock was set back: what was decided ahead of it by a plan that is another one by now may be decided
    /// once more, by that one.
    fn open_again(&mut self) {
        let wall = self.machine.clock.wall();
        self.decided = self.decided.min(wall);
        for (_, versions) in &mut self.users {
            let former = versions.len().saturating_sub(1);
            for version in &mut versions[..former] {
                version.until = version.until.min(wall);
            }
        }
    }

    /// For so long the daemon may do nothing, or not all that it should.
    fn trouble(&mut self, event: &Event) {
        let now = self.machine.clock.now();
        let length = match event {
            Event::Sleep(length) | Event::DiskFull(length) | Event::DiskFlaky(length) => *length,
            Event::Step(_) => {
                self.stepped = true;
                0
            }
            Event::Zone(_) => 0,
            _ => return,
        };
        self.troubles.push((now, now + length));
    }

    fn disk(&mut self, failing: i64, length: i64) {
        self.machine.fate.fail_commits(failing);
        self.disk_back = self.machine.clock.now() + length;
    }

    fn is_there(&self, id: &str) -> bool {
        self.cloud().jobs.contains_key(id)
    }

    fn make(&mut self, id: &str, schedule: usize) {
        let now = self.machine.clock.now();
        let schedule: Value = serde_json::from_str(SCHEDULES[schedule]).expect("JSON");
        let mut job = json!({
            "job_id": id, "project_id": project_of(id), "description": id,
            "created_at": stamp(now), "updated_at": stamp(now), "job_schedule": schedule,
            "job_actions": actions(id),
        });
        if let Some(trust) = self.trust(id) {
            job["user_credentials"] = json!({"trust_id": trust, "trustor_user_id": "u"});
        }
        if self.cloud().is_member(id) {
            job["session_id"] = json!("s");
            job["session_tag"] = json!(0);
        }
        self.cloud().make(id, job);
        self.wanted.insert(id.to_owned(), schedule);
        self.users.push((id.to_owned(), Vec::new()));
        self.version(id, false);
    }

    fn edit(&mut self, id: &str, schedule: usize) {
        if !self.is_there(id) {
            return;
        }
        let schedule: Value = serde_json::from_str(SCHEDULES[schedule]).expect("JSON");
        let now = self.machine.clock.now();
        self.cloud().rewrite(id, now, schedule.clone());
        self.wanted.insert(id.to_owned(), schedule);
        self.version(id, false);
    }

    pub(super) fn stop(&mut self, id: &str, event: &str) {
        if !self.is_there(id) {
            return;
        }
        let now = self.machine.clock.now();
        self.cloud()
            .write(id, now, |schedule| schedule["event"] = json!(event));
        self.version(id, true);
    }

    /// Its document is one that may not run, for one reason more; or for none any more.
    fn hinder(&mut self, id: &str, why: Option<Reason>) {
        let now = self.machine.clock.now();
        let mine = self.hindered.entry(id.to_owned()).or_default();
        match why {
            Some(why) => drop(mine.insert(why)),
            None => mine.clear(),
        }
        let (disabled, mut all) = (mine.contains(&Reason::Disabled), actions(id));
        let mut more = Vec::new();
        if mine.contains(&Reason::Unsupported) {
            more.push(json!({"freezer_action": {"action": "backup", "mode": "unheard-of"}}));
        }
        if mine.contains(&Reason::ExecDenied) {
            more.push(json!({"freezer_action": {"action": "exec", "command": "true"}}));
        }
        all.as_array_mut().expect("a list").extend(more);
        self.cloud().write_job(id, now, |job| {
            job["job_actions"] = all;
            let job = job.as_object_mut().expect("a job");
            // Only of one dialect a job can be disabled: for so long it is of that.
            job.remove("disabled");
            if disabled {
                job.insert("disabled".to_owned(), json!(true));
            }
        });
        let stopped = self.versions(id).last().is_some_and(|last| last.stopped);
        self.version(id, stopped);
    }

    /// The daemon ends, and another one is started, in shadow or not.
    pub(super) fn shadow(&mut self, shadow: bool) {
        if shadow == self.policy.shadow {
            return;
        }
        self.policy.shadow = shadow;
        let (now, wall) = (self.machine.clock.now(), self.machine.clock.wall());
        if shadow {
            self.shadows.push(Shadow {
                wall: (wall, i64::MAX),
                real: (now, i64::MAX),
            });
        } else if let Some(last) = self.shadows.last_mut() {
            (last.wall.1, last.real.1) = (wall, now);
            self.troubles.push(last.real);
        }
        self.back = 1;
        self.die();
    }

    fn delete(&mut self, id: &str) {
        self.cloud().delete(id);
        let version = Version {
            // The API dates it by its own clock, and what fell due since is run.
            from: self.machine.clock.wall().min(self.machine.clock.now()),
            plan: None,
            zone: Arc::clone(&self.policy.zone),
            stopped: false,
            hindered: BTreeSet::new(),
            known: None,
            until: i64::MAX,
        };
        self.versions(id).push(version);
    }

    fn versions(&mut self, id: &str) -> &mut Vec<Version> {
        let user = self.users.iter_mut().find(|(user, _)| user == id);
        &mut user.expect("it was made").1
    }

    /// The job as it is in the API is a new version of its plan.
    fn version(&mut self, id: &str, stopped: bool) {
        let text = self.cloud().jobs[id].to_string();
        let plan = freezerd::plan::parse(&text, "the story").expect("a plan").plan;
        let version = Version {
            // The API dates it by its own clock, and what fell due since is run.
            from: self.machine.clock.wall().min(self.machine.clock.now()),
            plan: Some(plan),
            zone: Arc::clone(&self.policy.zone),
            stopped,
            hindered: self.hindered.get(id).cloned().unwrap_or_default(),
            known: None,
            until: i64::MAX,
        };
        self.versions(id).push(version);
    }

    /// A daemon that runs is told to read its configuration again; another finds it at its start.
    fn replace_zone(&mut self, number: usize) {
        let zone = zones::data(number);
        if *zone == *self.policy.zone {
            return;
        }
        self.afresh += 1;
        self.policy.zone = Arc::clone(&zone);
        self.zones.push((self.machine.clock.now(), Arc::clone(&zone)));
        let (wall, lives) = (self.machine.clock.wall(), self.daemon.is_some());
        let decides = self.daemon.as_ref().is_some_and(MainLoop::has_begun);
        let taken = self.take_policy();
        let known = (taken && decides).then_some(wall);
        // By the old data certainly everything up to here was decided, by the new certainly everything from there on. (One
        // that has only just started, and has not begun to decide, is like one that was away.)
        let (decided, afresh) = match known {
            Some(wall) => (wall, wall),
            None if lives && !taken => (self.decided, wall),
            None => (self.decided, self.died),
        };
        for (_, versions) in &mut self.users {
            let gone = |last: &Version| last.plan.is_none() && last.known.is_some();
            if versions.last().is_none_or(gone) {
                continue;
            }
            // A daemon that was away decides by the zone's new data from where it stopped, and by the plan as it knew
            // it, until it sees another.
            let seen = versions.iter().rposition(|version| version.known.is_some());
            let seen = seen.unwrap_or(0);
            let mut again: Vec<Version> = versions[seen..].to_vec();
            again[0].from = since(&versions[..=seen]);
            for version in versions.iter_mut() {
                version.until = version.until.min(decided);
            }
            for mut version in again {
                version.zone = Arc::clone(&zone);
                if version.known.is_some() {
                    version.known = Some(afresh);
                    if known.is_some() {
                        version.from = wall;
                    }
                }
                versions.push(version);
            }
        }
    }
}

/// Since when the last of these versions has its schedule: a stop or a start is none of its due times' affair.
fn since(versions: &[Version]) -> i64 {
    let schedule = |version: &Version| version.plan.as_ref().map(|plan| Arc::clone(&plan.schedule));
    let last = versions.last().and_then(schedule);
    let same = versions
        .iter()
        .rev()
        .take_while(|version| schedule(version) == last);
    same.map(|version| version.from).min().unwrap_or(i64::MAX)
}

/// Of some jobs two, of some by Cinder's own means: their records are made before their backups.
fn actions(id: &str) -> Value {
    let mode = if id.ends_with(['3', '5']) {
        "cindernative"
    } else {
        "fs"
    };
    let action = |mode| json!({"freezer_action": {"action": "backup", "mode": mode, "backup_name": id}});
    let mut all = vec![action(mode)];
    if id.ends_with(['2', '5']) {
        all.push(action("fs"));
    }
    Value::Array(all)
}
