//! One life: a script, lived through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use freezerd::plan::Digests;
use freezerd::planner::{Capabilities, Policy, SessionRefused};

use super::checker::History;
use super::cloud::{Cloud, Faults};
use super::fate::Fate;
use super::listings::Reader;
use super::machine::{Agents, Machine, Virtual};
use super::outbox::Outbox;
use super::script::{HOUR, START, Script, Weather};
use super::sessions::Answers;
use super::world::World;
use super::{windows, zones};

/// How often what happened.
pub type Tally = BTreeMap<&'static str, u64>;

/// The daemon was told to stop, and did.
pub const STOPPED: &str = "stopped";
/// A run that was prepared might not start any more.
pub const SHUT: &str = "shut";
/// A run was queued together with others.
pub const TOGETHER: &str = "queued together";

/// A life, when it is over.
pub struct Life {
    pub history: History,
    pub story: Vec<String>,
    pub kills: u32,
    pub faults: Faults,
    pub tally: Tally,
    /// Places at which the daemon could have been killed: before and after each effect.
    pub places: i64,
}

pub fn live(script: &Script) -> Life {
    live_and_die(script, 0, 1)
}

/// The daemon is killed at this place (0: not by this), and started again so much later.
pub fn live_and_die(script: &Script, place: i64, back: i64) -> Life {
    let policy = Policy {
        max_concurrent: script.max_concurrent,
        catch_up: script.catch_up,
        allow_exec: false,
        capabilities: Capabilities {
            modes: Some(["fs", "cindernative"].map(str::to_owned).to_vec()),
            ..Capabilities::default()
        },
        late_after: HOUR,
        shadow: false,
        central: script.central == Some(true),
        reports: freezerd::planner::Reports::Upstream,
        session_refused: script.session.unwrap_or(SessionRefused::Skip),
        session_wait: 600,
        zone: zones::data(0),
        zones: Vec::new(),
        windows: script.outside.map(windows::rule).into_iter().collect(),
    };
    let cloud = Arc::new(Mutex::new(Cloud::new(script.session.is_some())));
    let machine = Arc::new(Machine {
        seed: script.seed,
        clock: Arc::new(Virtual::at(START)),
        fate: Arc::new(Fate::default()),
        cloud: Arc::clone(&cloud),
        agents: Mutex::new(Agents::default()),
    });
    let mut world = World {
        machine,
        shelf: Arc::default(),
        policy,
        daemon: None,
        cloud,
        api: None,
        trusts: script.central.is_some(),
        users: Vec::new(),
        wanted: BTreeMap::new(),
        hindered: BTreeMap::new(),
        shadows: Vec::new(),
        clock: Vec::new(),
        tally: Tally::new(),
        story: Vec::new(),
        kills: 0,
        afresh: 0,
        back,
        weather: Weather::Fair,
        fair_again: START,
        disk_back: START,
        set_back: 0,
        seed: script.seed,
        poll_every: script.poll,
        page: script.page,
        events: script.events.iter().cloned().collect(),
        retry: None,
        begin: None,
        next_poll: START,
        listing: None,
        reader: Reader::new(Digests::default()),
        deliver: None,
        outbox: Outbox::default(),
        restart: Some(START),
        decided: START,
        died: START,
        confirmed: Vec::new(),
        answers: Answers::default(),
        readied: Vec::new(),
        troubles: Vec::new(),
        stepped: false,
        listed: 0,
        missing: Vec::new(),
        zones: vec![(START, zones::data(0))],
        outside: script.outside,
    };
    world.machine.fate.strike_at(place);
    world.until(START + script.length);
    let places = world.machine.fate.places();
    world.heal(START + script.length);
    Life {
        places,
        ..world.over()
    }
}
