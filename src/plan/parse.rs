//! From a document's text to a plan, or to everything that is wrong with it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::raw::{Document, Head, JobAction, JobSchedule, Raw, Shape, object};
use super::{Action, Dialect, JobId, Plan, Problem, ProjectId, Reported, printable, state};
use crate::schedule::{self, Schedule, Spec, Unscheduled};

/// Longest `job_id` and `project_id` taken, in bytes. The API's own column holds 36 characters.
const ID_LIMIT: usize = 255;
/// Longest name kept, in characters.
const NAME_LIMIT: usize = 200;
/// Longest document taken, in bytes: four times what the API itself takes. Read, it may need forty times as much memory.
const DOCUMENT_LIMIT: usize = 512 << 10;
/// Most things that are told to be wrong with one document: of a list of a million numbers each is no action.
const FAULTS_LIMIT: usize = 100;

/// A plan, and what its user should hear about it though it can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The plan.
    pub plan: Plan,
    /// What is odd about it.
    pub warnings: Vec<Problem>,
}

/// Parses one job document. `place` names it when it has no `job_id`: `document 3 of the listing`, a file name.
///
/// # Errors
/// Everything that is wrong with it, not only the first, but no more than a hundred things; at least one.
pub fn parse(text: &str, place: &str) -> Result<Parsed, Vec<Problem>> {
    let unreadable = |error: &str| vec![unreadable(text, place, error)];
    if text.len() > DOCUMENT_LIMIT {
        return Err(unreadable(&format!(
            "the document has {} bytes; allowed are {DOCUMENT_LIMIT}",
            text.len()
        )));
    }
    let document: Document<'_> = object(text).map_err(|error| unreadable(&error))?;
    let mut faults = Faults::of(document.job_id, document.name, place);

    let id = faults.job_id(document.job_id);
    let project = faults.id("project_id", document.project_id, ProjectId::new);
    let client_id = faults.label("client_id", document.client_id);
    let trust = faults.trust(document.user_credentials);
    let name = [document.name, document.description]
        .into_iter()
        .find_map(display_name);
    let dialect = state::dialect(&document);
    let disabled = faults
        .note("disabled", document.disabled, state::flag(document.disabled))
        .unwrap_or_default();

    let job_schedule = faults.job_schedule(document.job_schedule);
    let reported = faults.reported(&document, &job_schedule, dialect);
    let schedule = faults.schedule(&job_schedule, dialect);
    let actions = faults.actions(document.job_actions);
    let session_id = faults.label("session_id", document.session_id);

    let (Some(id), Some(schedule), Some(actions), true) = (id, schedule, actions, faults.found.is_empty())
    else {
        return Err(faults.found);
    };
    if actions.is_empty() {
        faults.warn(
            "job_actions",
            "",
            "it has no actions, so nothing can run; give it at least one",
        );
    }
    let plan = Plan {
        name: name.unwrap_or_else(|| printable(id.as_str(), NAME_LIMIT)),
        id,
        project,
        client_id,
        trust,
        dialect,
        standing: state::standing(disabled, &reported),
        schedule: Arc::new(schedule),
        created: state::instant(document.created_at),
        updated: state::instant(document.updated_at),
        actions,
        reported,
        session: state::session(&session_id, document.session_tag),
        document: Arc::from(text),
    };
    Ok(Parsed {
        plan,
        warnings: faults.odd,
    })
}

/// A document that is no object, or has a key twice.
fn unreadable(text: &str, place: &str, error: &str) -> Problem {
    let head: Head<'_> = object(text).unwrap_or_default();
    let mut faults = Faults::of(head.job_id, head.name, place);
    let scalar = !text.trim_ascii_start().starts_with(['{', '[']);
    faults.problem("", if scalar { text } else { "" }, error)
}

/// What a document is called, for people.
fn display_name(raw: Raw<'_>) -> Option<String> {
    match raw.shape() {
        Shape::Text(text) if !text.trim().is_empty() => Some(printable(text.trim(), NAME_LIMIT)),
        Shape::Number(text) => Some(printable(text, NAME_LIMIT)),
        _ => None,
    }
}

fn usable_id(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("it is empty; give the document an id of its own")
    } else if text.len() > ID_LIMIT {
        Err("it is too long; allowed are 255 bytes")
    } else if text.chars().any(char::is_control) {
        Err("it has control characters; allowed are letters, digits and signs")
    } else {
        Ok(())
    }
}

/// Gathers what is wrong with one document.
pub(super) struct Faults {
    job_id: String,
    name: Option<String>,
    found: Vec<Problem>,
    /// What is no fault: the plan can be used.
    odd: Vec<Problem>,
}

impl Faults {
    pub(super) fn of(job_id: Raw<'_>, name: Raw<'_>, place: &str) -> Self {
        let job_id = match job_id.shape() {
            Shape::Text(text) if usable_id(&text).is_ok() => text.into_owned(),
            // No id, but whoever looks for the document will look for this.
            Shape::Number(text) if usable_id(text).is_ok() => text.to_owned(),
            _ => place.to_owned(),
        };
        Self {
            job_id,
            name: display_name(name),
            found: Vec::new(),
            odd: Vec::new(),
        }
    }

    fn problem(&mut self, field: &str, text: &str, error: &str) -> Problem {
        Problem::new(&self.job_id, field, text, error).named(self.name.as_deref())
    }

    pub(super) fn add(&mut self, field: &str, text: &str, error: &str) {
        if self.found.len() < FAULTS_LIMIT {
            let problem = self.problem(field, text, error);
            self.found.push(problem);
        }
    }

    /// Something that its user should hear though the plan can be used.
    pub(super) fn warn(&mut self, field: &str, text: &str, what: &str) {
        if self.odd.len() < FAULTS_LIMIT {
            let problem = self.problem(field, text, what);
            self.odd.push(problem);
        }
    }

    /// The value of `field`, or none and a problem.
    pub(super) fn note<T, E: AsRef<str>>(
        &mut self,
        field: &str,
        raw: Raw<'_>,
        read: Result<T, E>,
    ) -> Option<T> {
        read.map_err(|error| self.add(field, &raw.shown(), error.as_ref()))
            .ok()
    }

    fn job_id(&mut self, raw: Raw<'_>) -> Option<JobId> {
        let read = match raw.shape() {
            Shape::Text(text) => usable_id(&text).map(|()| JobId::new(&text)),
            Shape::Nothing => Err("it is missing; every document needs an id of its own"),
            _ => Err("this is not a text; allowed is the job's id in quotes"),
        };
        self.note("job_id", raw, read)
    }

    pub(super) fn id<T>(&mut self, field: &str, raw: Raw<'_>, made: impl Fn(&str) -> T) -> Option<T> {
        let text = self.label(field, raw);
        if text.is_empty() {
            return None;
        }
        self.note(field, raw, usable_id(&text).map(|()| made(&text)))
    }

    /// A text that only names something; a number will do.
    fn label(&mut self, field: &str, raw: Raw<'_>) -> String {
        let read = match raw.shape() {
            Shape::Nothing => Ok(String::new()),
            Shape::Text(text) => Ok(text.into_owned()),
            Shape::Number(text) => Ok(text.to_owned()),
            _ => Err("this is not a text; allowed is a text or null"),
        };
        self.note(field, raw, read).unwrap_or_default()
    }

    fn job_schedule<'a>(&mut self, raw: Raw<'a>) -> JobSchedule<'a> {
        match raw.shape() {
            Shape::Nothing => JobSchedule::default(),
            Shape::Object => self
                .note("job_schedule", raw, object(raw.written()))
                .unwrap_or_default(),
            _ => {
                let error =
                    "this is not an object; allowed are an object, as {\"schedule_hour\": \"1\"}, or null";
                self.add("job_schedule", &raw.shown(), error);
                JobSchedule::default()
            }
        }
    }

    fn reported(
        &mut self,
        document: &Document<'_>,
        schedule: &JobSchedule<'_>,
        dialect: Dialect,
    ) -> Reported {
        let (field, status, result) = match dialect {
            Dialect::Upstream => ("job_schedule.status", schedule.status, schedule.result),
            Dialect::Virtuozzo => ("status", document.status, document.result),
        };
        let (started, ended) = state::last_run(document, schedule);
        Reported {
            status: self.note(field, status, state::word(status)).unwrap_or_default(),
            result: state::word(result).unwrap_or_default(),
            event: self
                .note("job_schedule.event", schedule.event, state::word(schedule.event))
                .unwrap_or_default(),
            started,
            ended,
        }
    }

    fn schedule(&mut self, raw: &JobSchedule<'_>, dialect: Dialect) -> Option<Schedule> {
        let before = self.found.len();
        let mut calendar = |field, raw| self.schedule_text(field, raw);
        let fields = [
            calendar("schedule_year", raw.schedule_year),
            calendar("schedule_month", raw.schedule_month),
            calendar("schedule_day", raw.schedule_day),
            calendar("schedule_week", raw.schedule_week),
            calendar("schedule_day_of_week", raw.schedule_day_of_week),
            calendar("schedule_hour", raw.schedule_hour),
            calendar("schedule_minute", raw.schedule_minute),
            calendar("schedule_second", raw.schedule_second),
        ];
        // Upstream reads these as left out when they are empty, and its clients write them so.
        let mut other = |field, raw| self.schedule_text(field, raw).filter(|text| !text.is_empty());
        let others = [
            other("schedule_interval", raw.schedule_interval),
            other("schedule_date", raw.schedule_date),
            other("schedule_start_date", raw.schedule_start_date),
            other("schedule_end_date", raw.schedule_end_date),
        ];
        let [year, month, day, week, day_of_week, hour, minute, second] =
            fields.each_ref().map(Option::as_deref);
        let [interval, date, start_date, end_date] = others.each_ref().map(Option::as_deref);
        let spec = Spec {
            year,
            month,
            day,
            week,
            day_of_week,
            hour,
            minute,
            second,
            interval,
            date,
            start_date,
            end_date,
        };
        let unscheduled = match dialect {
            Dialect::Upstream => Unscheduled::Once,
            Dialect::Virtuozzo => Unscheduled::Manual,
        };
        match schedule::compile(&spec, unscheduled) {
            Ok(schedule) => (self.found.len() == before).then_some(schedule),
            Err(errors) => {
                for error in errors {
                    self.add(error.field, &error.text, &error.message);
                }
                None
            }
        }
    }

    /// The text of one `schedule_*` key; an integer is its digits.
    fn schedule_text<'a>(&mut self, field: &str, raw: Raw<'a>) -> Option<Cow<'a, str>> {
        let read = match raw.shape() {
            Shape::Nothing => return None,
            Shape::Text(text) => Ok(text),
            Shape::Number(text) if is_integer(text) => Ok(Cow::Borrowed(text)),
            Shape::Number(_) => Err("this is not a whole number; allowed are a text or a whole number"),
            Shape::Bool(_) | Shape::List | Shape::Object => {
                Err("this is neither text nor number; allowed are a text or a whole number")
            }
            Shape::NoText => Err("this text has half a character in it (a lone surrogate)"),
        };
        self.note(field, raw, read)
    }

    fn actions(&mut self, raw: Raw<'_>) -> Option<Vec<Action>> {
        match raw.shape() {
            Shape::Nothing => Some(Vec::new()),
            Shape::List => {
                let read =
                    serde_json::from_str::<Vec<Raw<'_>>>(raw.written()).map_err(|error| error.to_string());
                let entries = self.note("job_actions", raw, read)?;
                // One that is missing among them has its fault.
                let mut actions = Vec::new();
                for (index, entry) in entries.into_iter().enumerate() {
                    actions.extend(self.action(index, entry));
                    if self.found.len() >= FAULTS_LIMIT {
                        break;
                    }
                }
                Some(actions)
            }
            _ => {
                let error = "this is not a list; allowed is [{\"freezer_action\": {...}}, ...]";
                self.add("job_actions", &raw.shown(), error);
                None
            }
        }
    }

    fn action(&mut self, index: usize, raw: Raw<'_>) -> Option<Action> {
        let place = format!("job_actions[{index}]");
        let entry: JobAction<'_> = self.note(
            &place,
            raw,
            object(raw.written()).map_err(|error| {
                if raw.shape() == Shape::Object {
                    error
                } else {
                    "this is not an object; allowed is {\"freezer_action\": {...}}".to_owned()
                }
            }),
        )?;
        let freezer_action = self.freezer_action(&format!("{place}.freezer_action"), entry.freezer_action);
        let retries = self.retries(&place, &entry);
        let mandatory = self.note(
            &format!("{place}.mandatory"),
            entry.mandatory,
            state::flag(entry.mandatory),
        );
        Some(Action {
            freezer_action: freezer_action?,
            max_retries: retries?.most,
            max_retries_interval: retries?.pause,
            mandatory: mandatory?,
        })
    }

    fn freezer_action(&mut self, field: &str, raw: Raw<'_>) -> Option<Map<String, Value>> {
        let read = match raw.shape() {
            Shape::Object => {
                serde_json::from_str(raw.written()).map_err(|error| format!("this cannot be read: {error}"))
            }
            Shape::Nothing => Err("it is missing; every action needs its freezer_action object".to_owned()),
            _ => Err("this is not an object; allowed is {\"action\": ...}".to_owned()),
        };
        // Only the sort of a wrong value is told: it may be a secret at the wrong place.
        match read {
            Ok(map) => Some(map),
            Err(error) => {
                self.add(field, "", &error);
                None
            }
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
