//! What some lives have besides, each by a chance of its own: the rest of a seed's story does not hang on it.

use super::rng::Rng;
use super::script::{DAY, Event, HALF_PAST_TWO, HINDRANCES, HOUR, HOURLY, MINUTE, START, Script, Weather};

/// An API that is there and does not do what it is asked, by chance of its own: the rest of a seed's story does not
/// hang on it.
pub fn refusals(script: &mut Script) {
    let mut rng = Rng::of(script.seed, "refusals");
    if !rng.chance(40) {
        return;
    }
    for _ in 0..rng.within(1, 4) {
        let at = START + rng.within(MINUTE, script.length);
        let length = rng.within(MINUTE, 20 * HOUR);
        let event = match rng.within(1, 4) {
            1 | 2 => Event::Revoke(rng.within(1, 3).unsigned_abs()),
            3 => Event::Api(Weather::Refusing, length),
            _ => Event::Api(Weather::Failing(100), length),
        };
        script.events.push((at, event));
    }
}

/// Many plans are due at once, and there are few places: they wait together.
pub fn crowded(script: &mut Script, jobs: usize) {
    let mut rng = Rng::of(script.seed, "crowded");
    if !rng.chance(25) {
        return;
    }
    script.max_concurrent = usize::try_from(rng.within(1, 2)).expect("small");
    let of_all = if script.length > 12 * DAY {
        HALF_PAST_TWO
    } else {
        rng.pick(&[0, HOURLY])
    };
    for (_, event) in &mut script.events {
        if let Event::Make(_, schedule) | Event::Edit(_, schedule) = event
            && rng.chance(70)
        {
            *schedule = of_all;
        }
    }
    for number in 0..rng.index(5) {
        let event = Event::Make(format!("job{}", jobs + number), of_all);
        script.events.push((START, event));
    }
}

/// Trusts are taken back, and given again.
pub fn trusts(script: &mut Script, jobs: usize) {
    let mut rng = Rng::of(script.seed, "taken back");
    if script.central.is_none() {
        return;
    }
    for _ in 0..rng.within(1, 5) {
        let at = START + rng.within(MINUTE, script.length);
        let length = rng.within(MINUTE, 20 * HOUR);
        let event = if rng.chance(80) {
            Event::TakeBack(format!("job{}", rng.index(jobs)), length)
        } else {
            Event::Api(Weather::NoKeystone, length)
        };
        script.events.push((at, event));
    }
}

/// Plans that may not run as they are, for a while.
pub fn hindrances(script: &mut Script, jobs: usize) {
    let mut rng = Rng::of(script.seed, "hindered");
    if !rng.chance(20) {
        return;
    }
    for _ in 0..rng.within(1, 6) {
        let at = START + rng.within(MINUTE, script.length);
        let job = format!("job{}", rng.index(jobs));
        let why = rng.pick(&HINDRANCES);
        let over = at + rng.within(MINUTE, 20 * HOUR);
        script.events.push((at, Event::Hinder(job.clone(), why)));
        script.events.push((over, Event::Unhinder(job)));
    }
}

/// Another scheduler has the node for a while.
pub fn shadow(script: &mut Script) {
    let mut rng = Rng::of(script.seed, "shadow");
    if !rng.chance(8) {
        return;
    }
    let at = START + rng.within(0, script.length);
    let over = at + rng.within(MINUTE, 20 * HOUR);
    script.events.push((at, Event::Shadow(true)));
    script.events.push((over, Event::Shadow(false)));
}

/// As at a boot with a clock that is wrong, which is set right after a while; or the other way round.
pub fn far_ahead(script: &mut Script) {
    let mut rng = Rng::of(script.seed, "far ahead");
    if !rng.chance(4) {
        return;
    }
    let far = rng.within(2, 400) * DAY * rng.pick(&[1, 1, 1, -1]);
    let at = START + rng.within(0, script.length);
    let longest = rng.pick(&[MINUTE, HOUR, 20 * HOUR]);
    let over = at + rng.within(1, longest);
    script.events.push((at, Event::Step(far)));
    script.events.push((over, Event::Step(-far)));
}
