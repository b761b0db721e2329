//! A story before it is lived: what users do and what befalls the node, when. A seed writes it; whatever is taken
//! out of it, the rest stays as it was, so that a story that fails can be made shorter ([`super::shrink`]).

use std::fmt;

use freezerd::planner::{CatchUp, Outside, Reason, SessionRefused};

use super::besides;
use super::machine::instant;
use super::rng::Rng;
use super::spared::spare;

pub const START: i64 = 1_772_323_200; // 2026-03-01T00:00:00Z
pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;

/// How the API is for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Weather {
    #[default]
    Fair,
    /// Nothing is answered: it is down, or times out.
    Away,
    /// So many requests in a hundred meet a fault of its own (500).
    Failing(i64),
    /// It takes no token (401), though Keystone gives one.
    Refusing,
    /// A listing takes so many seconds to arrive.
    Slow(i64),
    /// What is written is written, and no answer to it arrives.
    LostReplies,
    /// Keystone is down. Who has a token is served.
    NoKeystone,
    /// Listings break off after their first page.
    CutOff,
    /// Jobs change their places from page to page.
    Shifting,
}

impl Weather {
    pub const KINDS: [&str; 9] = [
        "fair",
        "away",
        "failing",
        "refusing",
        "slow",
        "lost replies",
        "no keystone",
        "cut off",
        "shifting",
    ];

    /// Which of these it is.
    pub const fn kind(self) -> &'static str {
        Self::KINDS[match self {
            Self::Fair => 0,
            Self::Away => 1,
            Self::Failing(_) => 2,
            Self::Refusing => 3,
            Self::Slow(_) => 4,
            Self::LostReplies => 5,
            Self::NoKeystone => 6,
            Self::CutOff => 7,
            Self::Shifting => 8,
        }]
    }
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Make(String, usize),
    Edit(String, usize),
    Stop(String),
    Start(String),
    Abort(String),
    Delete(String),
    /// Its user makes of a plan what may not run here, for this reason.
    Hinder(String, Reason),
    /// And puts that right.
    Unhinder(String),
    /// The daemon is ended, and started again in shadow, or no longer in it.
    Shadow(bool),
    /// The daemon is killed before or after its n-th effect from now on, and started again so much later.
    Kill {
        effect: i64,
        back: i64,
    },
    /// The daemon is told to stop, and started again so much later.
    Restart {
        back: i64,
    },
    Reboot {
        down: i64,
    },
    /// The kernel kills an agent and its supervisor.
    Oom,
    /// The agent is missing.
    NoAgent(i64),
    /// Suspended.
    Sleep(i64),
    /// The wall clock is set.
    Step(i64),
    Api(Weather, i64),
    /// So many tokens are refused (401). Of two in a row the daemon hears.
    Revoke(u64),
    /// Keystone gives no token by the trust of this job for so long.
    TakeBack(String, i64),
    DiskFull(i64),
    /// One commit in two fails.
    DiskFlaky(i64),
    /// The zone's data is replaced.
    Zone(usize),
}

#[derive(Debug, Clone)]
pub struct Script {
    pub seed: u64,
    pub length: i64,
    pub max_concurrent: usize,
    pub catch_up: CatchUp,
    /// Seconds between two polls.
    pub poll: i64,
    /// Jobs in a page of a listing.
    pub page: usize,
    /// Some plans have a backup window: what becomes of them outside.
    pub outside: Option<Outside>,
    /// Some plans are in a session: what becomes of a run that it refuses.
    pub session: Option<SessionRefused>,
    /// Some plans have a trust; whether none runs without.
    pub central: Option<bool>,
    pub events: Vec<(i64, Event)>,
}

/// Those of the busy life of days first.
pub const SCHEDULES: [&str; 15] = [
    r#"{"schedule_minute": "*/20"}"#,
    r#"{"schedule_minute": "0"}"#,
    r#"{"schedule_hour": "*/6"}"#,
    r#"{"schedule_interval": "90 minutes"}"#,
    r#"{"schedule_interval": "7 hours"}"#,
    r#"{"schedule_interval": "continuous"}"#,
    r#"{"schedule_hour": "2", "schedule_minute": "30"}"#,
    r#"{"schedule_hour": "0"}"#,
    r#"{"schedule_day_of_week": "mon,thu", "schedule_hour": "4"}"#,
    r#"{"schedule_date": "2026-03-02T11:11:11Z"}"#,
    "{}",
    r#"{"schedule_day": "last", "schedule_hour": "3"}"#,
    r#"{"schedule_week": "1,14,27,40", "schedule_day_of_week": "sun"}"#,
    r#"{"schedule_month": "2", "schedule_day": "29"}"#,
    r#"{"schedule_interval": "3 weeks"}"#,
];
/// The one that is due every hour.
pub const HOURLY: usize = 1;
/// The one that is due again as soon as it is over.
pub const CONTINUOUS: usize = 5;
/// The one that is due at half past two.
pub const HALF_PAST_TWO: usize = 6;
/// The one that is due once.
pub const ONCE: usize = 10;
/// From here on they are for a life of years, too.
const SELDOM: usize = 6;

/// What its user can make of a plan, so that it may not run here.
pub const HINDRANCES: [Reason; 3] = [Reason::Disabled, Reason::Unsupported, Reason::ExecDenied];

/// What not every life has, by the seed alone.
fn sometimes<T: Copy>(seed: u64, about: &str, which: [T; 2]) -> Option<T> {
    let mut rng = Rng::of(seed, about);
    rng.chance(25).then(|| rng.pick(&which))
}

pub fn write(seed: u64) -> Script {
    let mut rng = Rng::new(seed);
    // Most are short, and their faults lie close together; a few are long.
    let (length, first, poll) = match rng.within(1, 100) {
        1 => (rng.within(1, 4) * 365 * DAY, SELDOM, 12 * HOUR),
        2..=4 => (rng.within(20, 90) * DAY, SELDOM - 2, 2 * HOUR),
        5..=12 => (rng.within(4, 12) * DAY, 0, rng.pick(&[300, 900])),
        _ => (rng.within(12, 72) * HOUR, 0, rng.pick(&[60, 300, 900])),
    };
    let mut script = Script {
        seed,
        length,
        max_concurrent: usize::try_from(rng.within(1, 4)).expect("small"),
        catch_up: rng.pick(&[CatchUp::UntilNext, CatchUp::UntilNext, CatchUp::Within(1800)]),
        poll,
        page: rng.index(3) + 2,
        outside: sometimes(seed, "windows", [Outside::Wait, Outside::Skip]),
        session: sometimes(seed, "sessions", [SessionRefused::Skip, SessionRefused::Run]),
        central: sometimes(seed, "trusts", [false, true]),
        events: Vec::new(),
    };
    let schedule = |rng: &mut Rng| first + rng.index(SCHEDULES.len() - first);
    let mut jobs = 0;
    for _ in 0..rng.within(1, 5) {
        let event = Event::Make(format!("job{jobs}"), schedule(&mut rng));
        script.events.push((START, event));
        jobs += 1;
    }
    // As many as a life can bear: a long one is not fuller than one of twelve days.
    let (users, fates) = (rng.within(1, 30), rng.within(1, 30));
    for _ in 0..users {
        let at = START + rng.within(MINUTE, length);
        let job = format!("job{}", rng.index(jobs));
        script.events.push((
            at,
            match rng.within(1, 12) {
                1 | 2 => {
                    jobs += 1;
                    Event::Make(format!("job{}", jobs - 1), schedule(&mut rng))
                }
                3..=6 => Event::Edit(job, schedule(&mut rng)),
                7 | 8 => Event::Stop(job),
                9 | 10 => Event::Start(job),
                11 => Event::Abort(job),
                _ => Event::Delete(job),
            },
        ));
    }
    for _ in 0..fates {
        let at = START + rng.within(MINUTE, length);
        script.events.push((at, fate(&mut rng)));
    }
    besides::refusals(&mut script);
    besides::trusts(&mut script, jobs);
    besides::hindrances(&mut script, jobs);
    besides::shadow(&mut script);
    besides::far_ahead(&mut script);
    let mut rng = Rng::of(seed, "no agent");
    if rng.chance(25) {
        for _ in 0..rng.within(1, 3) {
            let at = START + rng.within(MINUTE, length);
            script
                .events
                .push((at, Event::NoAgent(rng.within(MINUTE, 10 * HOUR))));
        }
    }
    besides::crowded(&mut script, jobs);
    script.events.sort_by_key(|(at, _)| *at);
    spare(&mut script);
    script
}

fn fate(rng: &mut Rng) -> Event {
    match rng.within(1, 20) {
        1..=5 => Event::Kill {
            effect: rng.within(1, 12),
            back: rng.pick(&[1, 30, 2 * HOUR, 30 * HOUR]),
        },
        6 => Event::Restart {
            back: rng.pick(&[1, 1, 30, 2 * HOUR]),
        },
        7 => Event::Reboot {
            down: rng.pick(&[MINUTE, HOUR, 30 * HOUR]),
        },
        8 => Event::Oom,
        9 | 10 => Event::Sleep(rng.within(MINUTE, 14 * HOUR)),
        11 => Event::Step(rng.within(1, 600) * rng.pick(&[1, -1])),
        12 => Event::Step(rng.within(600, 20 * HOUR) * rng.pick(&[1, -1])),
        13..=16 => {
            let weather = match rng.within(1, 8) {
                1 | 2 => Weather::Away,
                3 => Weather::Failing(50),
                4 => Weather::Slow(rng.within(1, 900)),
                5 | 6 => Weather::LostReplies,
                7 => Weather::CutOff,
                _ => Weather::Shifting,
            };
            Event::Api(weather, rng.within(MINUTE, 20 * HOUR))
        }
        17 => Event::DiskFull(rng.within(MINUTE, 3 * HOUR)),
        18 => Event::DiskFlaky(rng.within(MINUTE, 10 * HOUR)),
        _ => Event::Zone(rng.index(super::zones::COUNT)),
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} h, {} at once, catch_up {:?}, polled every {} s by {}, outside {:?}, session {:?}, central {:?}",
            self.seed,
            self.length / HOUR,
            self.max_concurrent,
            self.catch_up,
            self.poll,
            self.page,
            self.outside,
            self.session,
            self.central
        )?;
        for (at, event) in &self.events {
            let at = instant(*at).format("%Y-%m-%d %H:%M:%S");
            match event {
                Event::Make(job, schedule) | Event::Edit(job, schedule) => {
                    let what = if matches!(event, Event::Make(..)) {
                        "Make"
                    } else {
                        "Edit"
                    };
                    writeln!(f, "{at} {what} {job} {}", SCHEDULES[*schedule])?;
                }
                other => writeln!(f, "{at} {other:?}")?,
            }
        }
        Ok(())
    }
}
