//! From when until when.

use chrono::{DateTime, Utc};

use super::DryRunArgs;
use crate::cli::Failure;
use crate::cli::times::{LAST, instant};
use crate::schedule::{DueTime, Zone};

const DAY: i64 = 86_400;

/// Due times with `from < due <= until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: DueTime,
    pub until: DueTime,
}

impl Span {
    /// From the arguments; what they leave out counts from `now`.
    pub(super) fn read(args: &DryRunArgs, now: DateTime<Utc>, zone: &Zone) -> Result<Self, Failure> {
        let from = match &args.from {
            Some(text) => instant("--from", text, zone)?,
            None => DueTime::floor(now),
        };
        let until = match (&args.until, &args.length) {
            (Some(text), _) => instant("--until", text, zone)?,
            (None, Some(text)) => from.plus(length(text)?).min(LAST),
            (None, None) => from.plus(DAY).min(LAST),
        };
        if from > until {
            return Err(Failure::usage(format!("--until {until} is before --from {from}")));
        }
        Ok(Self { from, until })
    }
}

fn length(text: &str) -> Result<i64, Failure> {
    let length = humantime::parse_duration(text.trim()).map_err(|error| {
        Failure::usage(format!(
            "--for {text:?}: a length of time is wanted, as 12h, 7d or 1h30m: {error}"
        ))
    })?;
    Ok(i64::try_from(length.as_secs()).unwrap_or(i64::MAX))
}
