//! What is known of one time that a user names.

use super::Scene;
use super::story::Told;
use crate::cli::times::stamp;
use crate::config::show_length;
use crate::ledger::LedgerError;
use crate::schedule::{DueTime, Kind};

/// What is known of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is a due time, and this became, or becomes, of it.
    Due(Box<Told>),
    /// It lies among due times that got one verdict, and may be one of them.
    Among(Box<Told>),
    /// It is no due time. What it says, and the due times before and after.
    Nothing {
        text: String,
        before: Option<Box<Told>>,
        after: Option<Box<Told>>,
    },
}

impl Answer {
    /// As JSON has it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Due(_) => "due",
            Self::Among(_) => "among",
            Self::Nothing { .. } => "nothing",
        }
    }
}

impl Scene<'_> {
    /// What is known of `time`.
    pub(super) fn asked(&self, time: DueTime) -> Result<Answer, LedgerError> {
        let coming = self.overview.coming.as_ref();
        if let Some(verdict) = self.reader.verdict_at(&self.overview.known.plan.job, time)? {
            let told = Box::new(self.tell(&verdict)?);
            let named = coming.is_some_and(|coming| coming.occurrence(time).is_some());
            return Ok(if named || time == verdict.first || time == verdict.last {
                Answer::Due(told)
            } else {
                Answer::Among(told)
            });
        }
        let next = coming.and_then(|coming| coming.after(time.plus(-1)));
        if next == Some(time) {
            return Ok(Answer::Due(Box::new(self.to_come(time))));
        }
        let before = self.before(time)?;
        Ok(Answer::Nothing {
            text: self.nothing(time, before.is_some()),
            before: before.map(Box::new),
            after: self.after(time)?.map(Box::new),
        })
    }

    fn before(&self, time: DueTime) -> Result<Option<Told>, LedgerError> {
        let coming = self.overview.coming.as_ref();
        if let Some(due) = coming.and_then(|coming| coming.before(time)) {
            return Ok(Some(self.to_come(due)));
        }
        let job = &self.overview.known.plan.job;
        let found = self
            .reader
            .verdicts(job, DueTime::from_epoch(i64::MIN), time.plus(-1), 1)?;
        found.first().map(|verdict| self.tell(verdict)).transpose()
    }

    fn after(&self, time: DueTime) -> Result<Option<Told>, LedgerError> {
        let job = &self.overview.known.plan.job;
        if let Some(verdict) = self.reader.verdict_after(job, time)? {
            return self.tell(&verdict).map(Some);
        }
        let coming = self.overview.coming.as_ref();
        let next = coming.and_then(|coming| coming.after(time));
        Ok(next.map(|due| self.to_come(due)))
    }

    /// That nothing was due, and why nobody can say more, where that is so.
    fn nothing(&self, time: DueTime, anything_before: bool) -> String {
        let known = &self.overview.known;
        let shown = stamp(time, &known.zone);
        let now = DueTime::floor(self.now);
        let keep = i64::try_from(self.keep.as_secs()).unwrap_or(i64::MAX);
        let coming = self.overview.coming.as_ref();
        if time < known.plan.first_seen && !anything_before {
            let seen = stamp(known.plan.first_seen, &known.zone);
            return format!("Nothing is known of {shown}: the plan was first seen at {seen}.");
        }
        if now.since(time) > keep && !anything_before {
            let keep = show_length(self.keep);
            return format!(
                "Nothing is known of {shown}: history is kept for {keep} (history.keep), then removed."
            );
        }
        if time > now && coming.is_some_and(|coming| coming.kind() == Kind::Continuous) {
            return format!(
                "Nobody knows about {shown}: a continuous plan is due one second after its last run ended."
            );
        }
        if time > now {
            return format!("Nothing is due at {shown}.");
        }
        if coming.is_some_and(|coming| coming.occurrence(time).is_some()) {
            return format!(
                "Nothing was due at {shown}: the plan's schedule names that time now, but it was not in force then."
            );
        }
        format!("Nothing was due at {shown}.")
    }
}
