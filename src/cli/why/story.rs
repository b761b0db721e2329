//! One verdict, told: what became of a due time, and why.

use chrono::{DateTime, Utc};

use super::Scene;
use super::reasons::{LOST, UNDECIDED, advice};
use crate::cli::history::{RunLine, took};
use crate::cli::notes::{shift_note, window_note};
use crate::cli::times::{beside, between, lateness, relative};
use crate::ledger::LedgerError;
use crate::plan::printable;
use crate::planner::{Admission, Outcome, Reason, RunId, RunRecord, RunState, Verdict, VerdictRecord};
use crate::schedule::DueTime;

/// From so many milliseconds on, somebody may wonder what took so long.
const LONG: i64 = 60_000;
/// Most characters of what the launcher said.
const DETAIL: usize = 500;

/// One due time, or several with one verdict, and what became of them.
#[derive(Debug)]
pub(super) struct Told {
    pub first: DueTime,
    pub last: DueTime,
    pub count: u64,
    /// `run`, `coalesced`, `skipped`; or `undecided`, `planned`.
    pub word: &'static str,
    pub reason: Option<Reason>,
    pub decided: Option<DateTime<Utc>>,
    pub run: Option<RunLine>,
    pub tone: Tone,
    /// What became of it: `ran: success`.
    pub head: String,
    /// And how, or why: `, started 0.2 s late, took 12 s`.
    pub tail: String,
    /// What is special about the due time itself.
    pub note: Option<String>,
    /// What can be done about it.
    pub advice: Option<&'static str>,
}

/// How a sentence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Odd,
    Plain,
}

impl Told {
    /// The sentence.
    pub(super) fn text(&self) -> String {
        let note = self
            .note
            .as_ref()
            .map_or_else(String::new, |note| format!("; {note}"));
        format!("{}{}{note}", self.head, self.tail)
    }
}

impl Scene<'_> {
    /// Tells a verdict.
    pub(super) fn tell(&self, verdict: &VerdictRecord) -> Result<Told, LedgerError> {
        let note = self.overview.coming.as_ref().and_then(|coming| {
            let occurrence = coming.occurrence(verdict.first)?;
            (verdict.count == 1).then(|| shift_note(occurrence, self.overview.zone()))?
        });
        let mut told = Told {
            first: verdict.first,
            last: verdict.last,
            count: verdict.count,
            word: "skipped",
            reason: None,
            decided: Some(verdict.decided),
            run: None,
            tone: Tone::Odd,
            head: String::new(),
            tail: String::new(),
            note,
            advice: None,
        };
        match &verdict.verdict {
            Verdict::Run(id) => {
                told.word = "run";
                self.ran(&mut told, id)?;
            }
            Verdict::Coalesced(id) => {
                told.word = "coalesced";
                told.tone = Tone::Plain;
                told.head = "coalesced".to_owned();
                told.tail = self.coalesced(&mut told, id)?;
            }
            Verdict::Skipped(reason) => {
                told.reason = Some(*reason);
                told.head = format!("skipped: {}", reason.word());
                told.tail = format!(": {}", self.skipped(verdict, *reason)?);
                told.advice = advice(*reason);
            }
        }
        Ok(told)
    }

    fn line(&self, run: &RunRecord) -> RunLine {
        RunLine::new(run, &self.overview.known.plan.name, self.overview.zone())
    }

    fn ran(&self, told: &mut Told, id: &RunId) -> Result<(), LedgerError> {
        let Some(run) = self.reader.run(id)? else {
            told.head = "ran".to_owned();
            told.tail = ": its run is not in the ledger any more".to_owned();
            return Ok(());
        };
        (told.head, told.tail, told.tone) = self.life(&run);
        told.tail.push_str(&session_note(&run).unwrap_or_default());
        if run.covers > run.due {
            let covers = self.beside(run.covers, run.due);
            told.tail
                .push_str(&format!("; it also serves later due times, up to {covers}"));
        }
        if run.state == RunState::Done(Outcome::Lost) {
            told.advice = Some(LOST);
        }
        told.run = Some(self.line(&run));
        Ok(())
    }

    /// Where a run is, or how it ended: what, how, and in which tone.
    fn life(&self, run: &RunRecord) -> (String, String, Tone) {
        let started = run
            .started
            .map(|at| format!("started {}{}", lateness(run.due, at), self.why_late(run, at)));
        match run.state {
            RunState::Queued => ("queued".to_owned(), format!(": {}", self.waits(run)), Tone::Plain),
            RunState::Starting => {
                let since = self.beside(DueTime::floor(run.queued), run.due);
                let text = format!(
                    ": given to the launcher, and not yet known to have started (decided at {since})"
                );
                ("starting".to_owned(), text, Tone::Plain)
            }
            RunState::Running => {
                let so_far = run.started.map_or_else(String::new, |at| {
                    format!(", has run for {}", between(at, self.now))
                });
                let pid = run
                    .pid
                    .map_or_else(String::new, |pid| format!(" (process {pid})"));
                let started = started.unwrap_or_else(|| "started".to_owned());
                (
                    "running".to_owned(),
                    format!(": {started}{so_far}{pid}"),
                    Tone::Plain,
                )
            }
            RunState::Done(outcome) => {
                let mut tail = match started {
                    Some(started) => format!(", {started}"),
                    None if outcome == Outcome::Aborted => ", before it was started".to_owned(),
                    None => ", could not be started".to_owned(),
                };
                if let Some((from, to)) = took(run) {
                    tail.push_str(&format!(", took {}", between(from, to)));
                } else if let (Outcome::Lost, Some(ended)) = (outcome, run.ended) {
                    let noticed = self.beside(DueTime::floor(ended), run.due);
                    tail.push_str(&format!(", and was found to be gone at {noticed}"));
                }
                let detail = printable(&run.detail, DETAIL);
                let detail = detail.strip_prefix("aborted: ").unwrap_or(&detail);
                if !detail.is_empty() {
                    tail.push_str(&format!(": {detail}"));
                }
                let tone = match outcome {
                    Outcome::Success => Tone::Good,
                    Outcome::Fail | Outcome::Lost => Tone::Bad,
                    Outcome::Aborted => Tone::Odd,
                };
                (format!("ran: {}", outcome.word()), tail, tone)
            }
        }
    }

    fn waits(&self, run: &RunRecord) -> String {
        let refused = run.session.as_ref().and_then(|mine| {
            let refused = mine.refused.filter(|_| mine.admission == Admission::Waiting)?;
            Some((mine, refused))
        });
        if let Some((mine, refused)) = refused {
            let again = run.not_before.map_or_else(String::new, |again| {
                format!(", and is asked again at {}", self.beside(again, run.due))
            });
            return format!(
                "waits for its session {}, which says {} since {}{again}",
                printable(&mine.session, DETAIL),
                refused.word(),
                self.beside(DueTime::floor(mine.asked), run.due)
            );
        }
        match run.not_before {
            Some(again) if !run.detail.is_empty() => format!(
                "could not be started, and is tried again at {} ({}): {}",
                self.beside(again, run.due),
                relative(again.since(DueTime::floor(self.now))),
                printable(&run.detail, DETAIL)
            ),
            Some(opens) => format!(
                "waits for its window, which opens at {} ({})",
                self.beside(opens, run.due),
                relative(opens.since(DueTime::floor(self.now)))
            ),
            None => format!(
                "has waited {} for a free place; {}",
                between(run.queued, self.now),
                places(self.policy.max_concurrent)
            ),
        }
    }

    /// Where the time went between a due time and a late start.
    fn why_late(&self, run: &RunRecord, started: DateTime<Utc>) -> String {
        let mut parts = Vec::new();
        if (run.queued - run.due.instant()).num_milliseconds() >= LONG {
            let decided = self.beside(DueTime::floor(run.queued), run.due);
            parts.push(format!("the daemon came to it only at {decided}"));
        }
        if (started - run.queued).num_milliseconds() >= LONG {
            let waited = between(run.queued, started);
            parts.push(format!(
                "it waited {waited} for a free place, its window or the API"
            ));
        }
        if parts.is_empty() {
            return String::new();
        }
        format!(" ({})", parts.join(" and "))
    }

    fn coalesced(&self, told: &mut Told, id: &RunId) -> Result<String, LedgerError> {
        let run = self.reader.run(id)?;
        let Some(due) = run.as_ref().map(|run| run.due).or_else(|| due_of(id)) else {
            return Ok(format!(" into the run {id}, which is not in the ledger any more"));
        };
        let of = self.beside(due, told.first);
        let became = match &run {
            Some(run) => run.state.word().to_owned(),
            None => match self.reader.verdict_at(&self.overview.known.plan.job, due)? {
                // It was taken back while it waited.
                Some(VerdictRecord {
                    verdict: Verdict::Skipped(reason),
                    ..
                }) => format!("in the end skipped: {}", reason.word()),
                _ => "not in the ledger any more".to_owned(),
            },
        };
        told.run = run.as_ref().map(|run| self.line(run));
        let why = if due > told.last {
            let decided = told.decided.map_or(due, DueTime::floor);
            let decided = self.beside(decided, told.first);
            format!(
                ": the daemon came to it only at {decided}, and of due times that were missed only the latest runs"
            )
        } else {
            ", which still waited for a free place or its window".to_owned()
        };
        Ok(format!(" into the run of {of} ({became}){why}"))
    }

    /// A due time that has no verdict yet, as things stand.
    pub(super) fn to_come(&self, due: DueTime) -> Told {
        let now = DueTime::floor(self.now);
        let coming = self.overview.coming.as_ref();
        let (word, tail) = if due > now {
            ("planned", format!(": {}", relative(due.since(now))))
        } else {
            let ago = relative(due.since(now).min(-1));
            (
                "undecided",
                format!(": due {ago}, and no daemon has come to it yet"),
            )
        };
        let mut notes = Vec::new();
        if let Some(coming) = coming {
            let zone = self.overview.zone();
            let occurrence = coming.occurrence(due);
            notes.extend(occurrence.and_then(|occurrence| shift_note(occurrence, zone)));
            match coming.hindered() {
                Some(hindered) => notes.push(format!("as things stand, it will not run: {hindered}")),
                None => notes.extend(window_note(coming.window.as_ref(), due, zone)),
            }
        }
        Told {
            first: due,
            last: due,
            count: 1,
            word,
            reason: None,
            decided: None,
            run: None,
            tone: Tone::Plain,
            head: word.to_owned(),
            tail,
            note: Some(notes.join("; ")).filter(|notes| !notes.is_empty()),
            advice: (due <= now).then_some(UNDECIDED),
        }
    }

    pub(super) fn beside(&self, instant: DueTime, other: DueTime) -> String {
        beside(instant, other, self.overview.zone())
    }
}

/// What is to be said of a run's session.
fn session_note(run: &RunRecord) -> Option<String> {
    let mine = run.session.as_ref()?;
    let session = printable(&mine.session, DETAIL);
    match (mine.admission, mine.refused) {
        (Admission::Joined, _) => Some(format!("; in round {} of its session {session}", mine.tag)),
        (Admission::Alone, Some(refused)) => Some(format!(
            "; without its session {session}, which said {}",
            refused.word()
        )),
        _ => None,
    }
}

/// The due time that a run is named from.
fn due_of(id: &RunId) -> Option<DueTime> {
    let (_, text) = id.as_str().rsplit_once('-')?;
    let due = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()?;
    Some(DueTime::floor(due.and_utc()))
}

/// How many runs there may be.
fn places(most: usize) -> String {
    let all = format!("at most {most} run at a time");
    match most {
        0 | 1 => all,
        _ => format!("{all}, where there are several projects {} of each", most - 1),
    }
}
