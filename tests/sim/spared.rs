//! Lives in which the API hears all that it is told, and the daemon all that it answers: there nothing may be told twice.
//! (By chance alone there are few.)

use super::rng::Rng;
use super::script::{Event, Script, Weather};

/// What such a life is spared.
pub fn spare(script: &mut Script) {
    let mut rng = Rng::of(script.seed, "spared");
    let spared: fn(&Event) -> bool = match rng.within(1, 20) {
        1 => |event| is_doubt(event) || is_refusal(event),
        2 => is_doubt,
        _ => return,
    };
    script.events.retain(|(_, event)| !spared(event));
}

/// Something may be done, and not be heard of or noted.
fn is_doubt(event: &Event) -> bool {
    matches!(
        event,
        Event::Kill { .. }
            | Event::Reboot { .. }
            | Event::Shadow(_)
            | Event::DiskFull(_)
            | Event::DiskFlaky(_)
            | Event::Api(Weather::LostReplies | Weather::Failing(_) | Weather::Slow(_), _)
    )
}

/// Something may not be done, or late.
fn is_refusal(event: &Event) -> bool {
    matches!(
        event,
        Event::Sleep(_)
            | Event::Restart { .. }
            | Event::Step(_)
            | Event::Zone(_)
            | Event::Revoke(_)
            | Event::Api(Weather::Away | Weather::Refusing | Weather::NoKeystone, _)
    )
}
