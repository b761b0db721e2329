//! Plans that wait together are launched, and whatever else happens to them, as if each waited by itself.

use proptest::prelude::*;

use super::*;

/// What happens, to all or to one of the plans.
#[derive(Debug, Clone)]
enum Deed {
    Pass(i64),
    SetBack(i64),
    /// It is another edition from now on.
    Edit(usize, Edition),
    Break(usize),
    Gone(usize),
    /// A run that holds a place ends.
    End(usize),
    Places(usize),
    Hold,
    Release,
    Restart,
}

#[derive(Debug, Clone, Copy)]
enum Edition {
    Hourly,
    HalfHourly,
    Stopped,
    Renamed,
    OfAnother,
}

fn deed() -> impl Strategy<Value = Deed> {
    let edition = prop::sample::select(vec![
        Edition::Hourly,
        Edition::HalfHourly,
        Edition::Stopped,
        Edition::Renamed,
        Edition::OfAnother,
    ]);
    prop_oneof![
        8 => (1..5_000_i64).prop_map(Deed::Pass),
        1 => (1..9_000_i64).prop_map(Deed::SetBack),
        3 => (0..8_usize, edition).prop_map(|(number, edition)| Deed::Edit(number, edition)),
        1 => (0..8_usize).prop_map(Deed::Break),
        1 => (0..8_usize).prop_map(Deed::Gone),
        8 => (0..4_usize).prop_map(Deed::End),
        1 => (0..4_usize).prop_map(Deed::Places),
        1 => Just(Deed::Hold),
        2 => Just(Deed::Release),
        1 => Just(Deed::Restart),
    ]
}

/// As always, but with so many places.
pub(super) fn rules(places: usize) -> Policy {
    Policy {
        max_concurrent: places,
        ..policy()
    }
}

fn edition(number: usize, edition: Edition) -> Plan {
    let schedule = match edition {
        Edition::HalfHourly => json!({"schedule_minute": "0,30"}),
        Edition::Stopped => json!({"schedule_minute": "0", "event": "stop"}),
        _ => json!({"schedule_minute": "0"}),
    };
    // Each is of a project of its own: of two of one project it does not matter who goes first.
    let whose = if matches!(edition, Edition::OfAnother) {
        "other"
    } else {
        "of"
    };
    document(json!({
        "job_id": format!("p{number}"),
        "project_id": format!("{whose}{number}"),
        "description": if matches!(edition, Edition::Renamed) { "another name" } else { "" },
        "created_at": "2026-01-01T00:00:00",
        "job_schedule": schedule,
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }))
}

/// A world, and the ledger as it would be.
struct Life {
    world: World,
    places: usize,
    listed: Vec<usize>,
    runs: BTreeMap<RunId, RunRecord>,
    /// So many records are in it.
    recorded: usize,
    /// Nobody waits together with others for longer than it takes to say so.
    apart: bool,
}

impl Life {
    fn new(plans: usize, places: usize, apart: bool) -> Self {
        let all = (0..plans)
            .map(|number| edition(number, Edition::Hourly))
            .collect();
        let world = World::new("2026-03-01T00:30:00Z", rules(places), all);
        let mut life = Self {
            world,
            places,
            listed: (0..plans).collect(),
            runs: BTreeMap::new(),
            recorded: 0,
            apart,
        };
        life.record();
        life
    }

    fn tell(&mut self, input: Input) {
        self.world.tell(input);
        if self.apart {
            self.world.planner.part_all();
        }
        self.record();
    }

    fn record(&mut self) {
        for record in &self.world.records[self.recorded..] {
            match record {
                Record::Run(run) => drop(self.runs.insert(run.id.clone(), run.clone())),
                Record::Queued(queued) => {
                    let runs = queued.runs().map(|run| (run.id.clone(), run));
                    self.runs.extend(runs);
                }
                Record::Withdraw { run } => {
                    let withdrawn = self.runs.remove(run).expect("it was recorded");
                    assert!(matches!(withdrawn.state, RunState::Queued | RunState::Starting));
                }
                _ => {}
            }
        }
        self.recorded = self.world.records.len();
    }

    fn live(&mut self, deed: &Deed) {
        match deed {
            Deed::Pass(seconds) => {
                let end = self.world.now + TimeDelta::seconds(*seconds);
                while let Some(wake) = self.world.wake.filter(|wake| wake.instant() <= end) {
                    self.world.now = self.world.now.max(wake.instant());
                    self.tell(Input::Tick);
                }
                self.world.now = end;
            }
            Deed::SetBack(seconds) => {
                self.world.now -= TimeDelta::seconds(*seconds);
                self.tell(Input::ClockStepped);
            }
            Deed::Edit(number, which) if self.listed.contains(number) => {
                self.tell(Input::Seen(Box::new(edition(*number, *which))));
            }
            Deed::Break(number) if self.listed.contains(number) => {
                let broken = Broken {
                    job: job(&format!("p{number}")),
                    document: "{}".into(),
                    event: String::new(),
                };
                let (began, digests) = (self.world.now, self.world.planner.digests());
                self.tell(Input::Listed {
                    began,
                    digests: Arc::new(digests),
                    broken: vec![broken],
                });
            }
            Deed::Gone(number) => {
                self.listed.retain(|other| other != number);
                self.tell(Input::Gone(job(&format!("p{number}"))));
            }
            Deed::End(number) => {
                let launched = self.world.planner.launched();
                if let Some(run) = launched.get(number % launched.len().max(1)) {
                    let (run, at) = (run.id.clone(), self.world.now);
                    self.tell(Input::Started {
                        run: run.clone(),
                        pid: 7,
                        at,
                    });
                    let end = over(Outcome::Success, at, at);
                    self.tell(Input::Ended { run, end });
                }
            }
            Deed::Places(places) => {
                self.places = *places;
                self.tell(Input::Policy(Box::new(rules(self.places))));
            }
            Deed::Hold => self.tell(Input::Hold(Vec::new())),
            Deed::Release => self.tell(Input::Release),
            Deed::Restart => self.restart(),
            Deed::Edit(..) | Deed::Break(_) => {}
        }
    }

    /// The daemon dies, and begins with what was recorded of runs. (Of plans all that matters here is kept in any case.)
    fn restart(&mut self) {
        let open = self.runs.values();
        let open = open.filter(|run| !matches!(run.state, RunState::Done(_)));
        // Of those that waited together the plan says whose they are: it may be another's by now.
        let open = open.map(|run| RunRecord {
            project: None,
            ..run.clone()
        });
        let plans = self.world.planner.slots.values().map(|slot| LedgerPlan {
            plan: slot.slot.plan.clone(),
            first_seen: slot.slot.first_seen,
            since: Some(slot.slot.since),
            covered: slot.front.covered,
            last: slot.slot.last.as_deref().cloned(),
            success: slot.slot.success.as_deref().cloned(),
        });
        let past = Past {
            plans: plans.collect(),
            open: open.collect(),
            polled: self.world.planner.polled(),
            ..Past::default()
        };
        self.world.planner = Planner::restore(rules(self.places), past);
        for run in self.world.planner.launched() {
            let found = Found::Alive {
                pid: 7,
                started: Some(self.world.now),
            };
            self.tell(Input::Found { run: run.id, found });
        }
        self.tell(Input::Begin);
    }

    /// What is known of runs, but for what only their plans say of those that wait together.
    fn runs(&self) -> Vec<(RunId, RunState, DateTime<Utc>, DueTime)> {
        let known = |run: &RunRecord| (run.id.clone(), run.state, run.queued, run.covers);
        self.runs.values().map(known).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn together_as_each_by_itself(
        plans in 2..8_usize,
        places in 0..4_usize,
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let mut lives = [false, true].map(|apart| Life::new(plans, places, apart));
        for deed in &deeds {
            let [one, other] = &mut lives;
            one.live(deed);
            other.live(deed);
            prop_assert_eq!(one.world.launched(), other.world.launched(), "after {:?}", deed);
            prop_assert_eq!(one.runs(), other.runs(), "after {:?}", deed);
            prop_assert_eq!(one.world.planner.counts(), other.world.planner.counts(), "after {:?}", deed);
            prop_assert_eq!(one.world.planner.plans(100), other.world.planner.plans(100), "after {:?}", deed);
            for number in 0..plans {
                let id = format!("p{number}");
                let job = job(&id);
                prop_assert_eq!(one.world.verdicts(&id), other.world.verdicts(&id), "after {:?}", deed);
                prop_assert_eq!(one.world.planner.needs(&job), other.world.planner.needs(&job));
                prop_assert_eq!(one.world.planner.presses(&job), other.world.planner.presses(&job));
            }
        }
    }
}
