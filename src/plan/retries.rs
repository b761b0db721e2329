//! How often an action is tried, and how long is waited in between: as its document says, within bounds.
//!
//! A run keeps its place while it waits for its next try, and the numbers are its owner's: 4294967295 tries with as many
//! seconds between them would be a place that is taken for good.

use super::parse::Faults;
use super::raw::{JobAction, Raw, Shape};

/// What upstream's scheduler takes when an action does not say: one try ...
const MAX_RETRIES: u32 = 0;
/// ... and, should it be told to try again, this many seconds between.
const MAX_RETRIES_INTERVAL: u32 = 60;
/// No action is tried again more often ...
const RETRIES_AT_MOST: u32 = 1000;
/// ... nor are its pauses, in seconds, longer than this taken together.
const PAUSES_AT_MOST: u32 = 86_400;

/// `max_retries` and `max_retries_interval` that are kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retries {
    pub(super) most: u32,
    pub(super) pause: u32,
}

impl Retries {
    fn within_bounds(self) -> Self {
        let pause = self.pause.min(PAUSES_AT_MOST);
        let fit = PAUSES_AT_MOST.checked_div(pause).unwrap_or(RETRIES_AT_MOST);
        Self {
            most: self.most.min(RETRIES_AT_MOST).min(fit),
            pause,
        }
    }
}

impl Faults {
    /// What the action at `place` says of them; its user hears of it where less is done.
    pub(super) fn retries(&mut self, place: &str, entry: &JobAction<'_>) -> Option<Retries> {
        let field = format!("{place}.max_retries");
        let most = self.count(&field, entry.max_retries, MAX_RETRIES);
        let pause = self.count(
            &format!("{place}.max_retries_interval"),
            entry.max_retries_interval,
            MAX_RETRIES_INTERVAL,
        );
        let said = Retries {
            most: most?,
            pause: pause?,
        };
        let kept = said.within_bounds();
        if said.most > kept.most {
            self.warn(
                &field,
                &entry.max_retries.shown(),
                &format!(
                    "it is tried again {} times, {} s apart: an action waits at most {PAUSES_AT_MOST} s in all \
                     between its tries, and has at most {RETRIES_AT_MOST} of them",
                    kept.most, kept.pause
                ),
            );
        }
        Some(kept)
    }

    fn count(&mut self, field: &str, raw: Raw<'_>, default: u32) -> Option<u32> {
        let read = match raw.shape() {
            Shape::Nothing => return Some(default),
            Shape::Number(text) => text.trim().parse(),
            Shape::Text(text) => text.trim().parse(),
            _ => "".parse(),
        };
        let read = read.map_err(|_| "this is not a whole number from 0 to 4294967295");
        self.note(field, raw, read)
    }
}
