//! How a run ended: the supervisor's word to the daemon, kept as `report.json`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::planner::Outcome;

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// As in the recipe.
    pub label: String,
    /// Tries made; 0: it was not run.
    pub tries: u32,
    /// `exit 1`, `killed by signal 9`, `could not be started: ...`; of its last try.
    pub end: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// What the agent printed on standard output (its metadata, JSON), bounded.
    pub stdout: String,
    /// The end of what it printed on standard error, bounded.
    pub stderr: String,
}

/// How a run ended: what the supervisor leaves in the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The outcome.
    pub outcome: Outcome,
    /// When its first agent was started, if one was.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Each step.
    pub steps: Vec<StepReport>,
    /// One line for people: why it failed, or nothing.
    pub detail: String,
}

impl RunReport {
    /// The report of a run that left none: what is known of it is `detail`.
    #[must_use]
    pub(super) fn without_steps(
        outcome: Outcome,
        started: Option<DateTime<Utc>>,
        ended: DateTime<Utc>,
        detail: String,
    ) -> Self {
        Self {
            outcome,
            started,
            ended,
            steps: Vec::new(),
            detail,
        }
    }

    /// Its JSON, at most `limit` bytes: outputs are cut until it fits. What reads it refuses more, and an
    /// outcome that cannot be read is a lost one.
    pub(super) fn to_json(&self, limit: usize) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec(self)?;
        let mut cut = self.clone();
        let mut room = limit / 2;
        while json.len() > limit && room > 0 {
            let each = room / (2 * cut.steps.len().max(1));
            for step in &mut cut.steps {
                step.stdout.truncate(step.stdout.floor_char_boundary(each));
                let from = step
                    .stderr
                    .ceil_char_boundary(step.stderr.len().saturating_sub(each));
                step.stderr.drain(..from);
            }
            json = serde_json::to_vec(&cut)?;
            room /= 2;
        }
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{RunReport, StepReport};
    use crate::planner::Outcome;

    fn report(steps: usize, output: &str) -> RunReport {
        let step = StepReport {
            label: "backup fs".to_owned(),
            tries: 1,
            end: "exit 0".to_owned(),
            ok: true,
            stdout: format!("first {output}"),
            stderr: format!("{output} last"),
        };
        RunReport {
            outcome: Outcome::Success,
            started: Some(DateTime::<Utc>::UNIX_EPOCH),
            ended: DateTime::<Utc>::UNIX_EPOCH,
            steps: vec![step; steps],
            detail: String::new(),
        }
    }

    #[test]
    fn a_report_that_fits_is_kept_whole() {
        let whole = report(3, "output");
        let json = whole.to_json(10_000).expect("json");
        assert_eq!(
            serde_json::from_slice::<RunReport>(&json).expect("a report"),
            whole
        );
    }

    #[test]
    fn a_report_that_is_too_long_loses_output_and_nothing_else() {
        // Each of these takes six bytes of JSON.
        let long = report(40, &"\u{1}é".repeat(10_000));
        let json = long.to_json(50_000).expect("json");
        assert!(json.len() <= 50_000, "{}", json.len());
        let cut: RunReport = serde_json::from_slice(&json).expect("a report");
        assert_eq!((cut.outcome, cut.steps.len()), (long.outcome, 40));
        assert!(
            cut.steps.iter().all(|step| step.stdout.starts_with("first ")),
            "stdout keeps its start"
        );
        assert!(
            cut.steps.iter().all(|step| step.stderr.ends_with(" last")),
            "stderr keeps its end"
        );
    }
}
