//! What a run is called.

use arcstr::ArcStr;
use chrono::{Datelike, Timelike};
use serde::{Deserialize, Serialize};

use crate::plan::JobId;
use crate::schedule::DueTime;

/// Names one run, from its plan and due time: the idempotency key of a launch.
///
/// Safe as a file name and as part of a systemd unit name: `[A-Za-z0-9_-]+`, at most 100 bytes. A job id
/// that is not safe by itself is replaced by a digest of it. Ends in the due time as `20260329T010000Z`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(ArcStr);

impl RunId {
    /// The one id for this plan and due time.
    #[must_use]
    pub fn new(job: &JobId, due: DueTime) -> Self {
        let mut id = beginning(job);
        write_second(due, &mut id);
        Self(id.into())
    }

    /// What the ids of all of a plan's runs begin with; some of another one's may, too.
    pub(super) fn beginning(job: &JobId) -> Self {
        Self(beginning(job).into())
    }

    /// What it begins with: mostly the id of its plan, and else what all runs of that begin with (and some of another one may).
    #[must_use]
    pub fn of_plan(&self) -> &str {
        // A year before the first one begins with a dash, too.
        let plan = self.0.rsplit_once('-').map_or("", |(plan, _)| plan);
        plan.trim_end_matches('-')
    }

    /// The due time that its name tells; `None`: it is not named by one, or by one after the year 9999.
    #[must_use]
    pub fn due(&self) -> Option<DueTime> {
        let (_, text) = self.0.rsplit_once('-')?;
        let second = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()?;
        Some(DueTime::from_epoch(second.and_utc().timestamp()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From stored text (the ledger's, a directory's name), unchecked.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }
}

fn beginning(job: &JobId) -> String {
    let text = job.as_str();
    let safe = !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let mut id = String::with_capacity(text.len().max(33) + 17);
    if safe {
        id.push_str(text);
    } else {
        id.push_str(&digest(text));
    }
    id.push('-');
    id
}

/// Writes `due` as `20260329T010000Z`.
fn write_second(due: DueTime, id: &mut String) {
    use std::fmt::Write;
    let instant = due.instant();
    let Some(year) = u32::try_from(instant.year()).ok().filter(|year| *year <= 9999) else {
        // Writing to a string cannot fail.
        let _ = write!(id, "{}", instant.format("%Y%m%dT%H%M%SZ"));
        return;
    };
    // By far the usual case, and a hundred thousand plans may be due at one second.
    for part in [year / 100, year % 100, instant.month(), instant.day()] {
        two_digits(part, id);
    }
    id.push('T');
    for part in [instant.hour(), instant.minute(), instant.second()] {
        two_digits(part, id);
    }
    id.push('Z');
}

fn two_digits(value: u32, id: &mut String) {
    for digit in [value / 10, value % 10] {
        id.push(char::from_digit(digit, 10).unwrap_or_default());
    }
}

fn digest(text: &str) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    let mut out = String::from("x");
    for byte in sha2::Sha256::digest(text.as_bytes()).iter().take(16) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_second_in_any_year() {
        for epoch in [
            i64::MIN,
            -62_200_000_000,
            -1,
            0,
            1_774_746_005,
            253_402_300_799,
            253_402_300_800,
            i64::MAX,
        ] {
            let due = DueTime::from_epoch(epoch);
            let name = RunId::new(&JobId::new("a"), due);
            let second = due.instant().format("%Y%m%dT%H%M%SZ");
            assert_eq!(name.as_str(), format!("a-{second}"));
        }
    }
}
