//! Logs: for a person on a terminal, as entries of the journal, or as JSON lines.
//!
//! Always on standard error; standard output is for data. Whoever logs never waits for who reads it ([`outlet`]).

mod journal;
mod outlet;
mod stderr;

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use journal::{Journal, Socket};
use outlet::Outlet;
use stderr::{Lines, Stream};

/// The environment variable that overrides the configured filter.
pub const FILTER_VARIABLE: &str = "FREEZERD_LOG";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person; with colours.
    Human {
        /// Whether the terminal wants them.
        colours: bool,
    },
    /// Fields of the journal, as `FREEZERD_JOB_ID=...`.
    Journal,
    /// One JSON object a line.
    Json,
}

/// What to log, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// As `info`, or `info,freezerd::freezer=debug`.
    pub filter: String,
    /// `None`: whatever suits standard error.
    pub format: Option<Format>,
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "log filter {filter:?}: {reason}; allowed are error, warn, info, debug, trace, off, \
         or a list as \"info,freezerd::freezer=debug\""
    )]
    Filter {
        /// Its text.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It has begun before.
    #[error("logging was set up twice")]
    Twice,
    /// What is logged cannot be changed any more.
    #[error("the log's filter cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Changes what is logged while the process lives.
#[derive(Debug, Clone)]
pub struct LogHandle {
    filter: reload::Handle<EnvFilter, Registry>,
    way: Way,
    lost: Counter,
}

/// The way that lines leave by.
#[derive(Debug, Clone)]
enum Way {
    Stderr(Arc<Outlet<Stream>>),
    Journal(Arc<Outlet<Socket>>),
}

impl LogHandle {
    /// Counts lines that were lost because nobody took them.
    #[must_use]
    pub fn lost(&self) -> Counter {
        self.lost.clone()
    }

    /// Waits until all lines are out, but no longer than `patience`: for the end of the process.
    pub fn flush(&self, patience: Duration) {
        match &self.way {
            Way::Stderr(outlet) => outlet.flush(patience),
            Way::Journal(outlet) => outlet.flush(patience),
        }
    }

    /// Logs by `text` from now on; `FREEZERD_LOG`, if set, overrides it as it did at the start.
    ///
    /// # Errors
    /// A filter that cannot be read; then nothing changes.
    pub fn set_filter(&self, text: &str) -> Result<(), LogError> {
        Ok(self.filter.reload(filter_in_force(text)?)?)
    }
}

/// Whether `text` can be a filter, for who looks at a configuration that is not in force.
///
/// # Errors
/// A filter that cannot be read.
pub fn check_filter(text: &str) -> Result<(), LogError> {
    filter(text).map(drop)
}

/// Begins logging, once in the process's life. `FREEZERD_LOG`, if set, overrides the filter of `settings`.
///
/// # Errors
/// A filter that cannot be read; a second call.
pub fn init(settings: &LogSettings) -> Result<LogHandle, LogError> {
    let (filter, handle) = reload::Layer::new(filter_in_force(&settings.filter)?);
    let lost = Counter::default();
    let format = settings.format.unwrap_or_else(format_of_stderr);
    // If the journal's socket is not there (a container, say), what goes to stderr still arrives.
    let socket = (format == Format::Journal)
        .then(Socket::connect)
        .and_then(Result::ok);
    let (layer, way) = if let Some(socket) = socket {
        let outlet = Outlet::new(socket, lost.clone(), tell_lost);
        (Journal(Arc::clone(&outlet)).boxed(), Way::Journal(outlet))
    } else {
        let outlet = Outlet::new(Stream::stderr(), lost.clone(), tell_lost);
        let lines = Lines(Arc::clone(&outlet));
        let layer = match format {
            Format::Human { colours } => human(lines, colours).boxed(),
            Format::Journal | Format::Json => json(lines).boxed(),
        };
        (layer, Way::Stderr(outlet))
    };
    Registry::default()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|_| LogError::Twice)?;
    Ok(LogHandle {
        filter: handle,
        way,
        lost,
    })
}

/// Logged when somebody takes the log again, and all that waited is out.
fn tell_lost(lines: u64) {
    tracing::warn!(
        lines,
        "lines of this log were lost before this one: nobody took them"
    );
}

/// A crate that logs as an error what it also returns, and what is told in our own words by whoever asked.
const SAID_ALREADY: &str = "rustls_platform_verifier";

fn filter_in_force(configured: &str) -> Result<EnvFilter, LogError> {
    let overriding = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|text| !text.trim().is_empty());
    filter(overriding.as_deref().unwrap_or(configured))
}

fn filter(text: &str) -> Result<EnvFilter, LogError> {
    let failed = |reason: String| LogError::Filter {
        filter: super::one_line(text),
        reason,
    };
    // A bare word that is no level would be taken for the name of a module, and silence all else.
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    let bare = items.iter().find(|item| {
        !item.is_empty()
            && !item.contains(['=', ':', '['])
            && item.parse::<tracing_subscriber::filter::LevelFilter>().is_err()
    });
    if let Some(bare) = bare {
        return Err(failed(format!("{bare:?} is no level")));
    }
    let mut directives = items.join(",");
    // An empty filter has a meaning of its own. Whoever wants what is switched off says so in a later directive.
    if !directives.is_empty() {
        directives.insert_str(0, &format!("{SAID_ALREADY}=off,"));
    }
    EnvFilter::builder()
        .with_regex(false)
        .parse(directives)
        .map_err(|error| failed(error.to_string()))
}

fn format_of_stderr() -> Format {
    let stderr = std::io::stderr();
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let device_inode = rustix::fs::fstat(stderr.as_fd())
        .ok()
        .map(|stat| format!("{}:{}", stat.st_dev, stat.st_ino));
    let journal = std::env::var_os("JOURNAL_STREAM");
    suited(
        stderr.is_terminal(),
        colours,
        journal.as_deref(),
        device_inode.as_deref(),
    )
}

/// `journal`: what `JOURNAL_STREAM` says; ours only if it names the very file standard error is. (A child
/// of a service inherits the variable, whatever its own standard error is.)
fn suited(terminal: bool, colours: bool, journal: Option<&OsStr>, stderr: Option<&str>) -> Format {
    if terminal {
        Format::Human { colours }
    } else if stderr.is_some_and(|stderr| journal == Some(OsStr::new(stderr))) {
        Format::Journal
    } else {
        Format::Json
    }
}

fn human<S, W>(writer: W, colours: bool) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(colours)
        .with_target(false)
}

fn json<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .json()
        .flatten_event(true)
        .with_span_list(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn json_lines_carry_their_fields() {
        let page = Page::default();
        let to = page.clone();
        let subscriber =
            Registry::default().with(json(move || to.clone()).with_filter(filter("info").unwrap()));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("run", run_id = "a-20260329T010000Z");
            let _inside = span.enter();
            tracing::info!(
                job_id = "a",
                lateness_s = 0.25,
                tries = 2,
                "run started:\n\"quoted\" \u{1b}[31m"
            );
            tracing::debug!("not this");
            tracing::warn!("second");
        });
        let text = page.text();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        let first = &lines[0];
        assert_eq!(first["level"], "INFO");
        assert_eq!(first["message"], "run started:\n\"quoted\" \u{1b}[31m");
        assert_eq!(first["job_id"], "a");
        assert_eq!(first["lateness_s"], 0.25);
        assert_eq!(first["tries"], 2);
        assert_eq!(first["span"]["run_id"], "a-20260329T010000Z");
        let time = first["timestamp"].as_str().unwrap();
        assert!(
            chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'),
            "{time}"
        );
        assert_eq!(lines[1]["level"], "WARN");
    }

    #[test]
    fn a_terminal_is_not_painted_by_what_is_logged() {
        for colours in [true, false] {
            let page = Page::default();
            let to = page.clone();
            let subscriber = Registry::default().with(human(move || to.clone(), colours));
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(name = "evil\u{1b}]0;title\u{7}", "plan \u{1b}[2Jcleared");
            });
            let text = page.text();
            assert!(
                !text.contains("\u{1b}[2J") && !text.contains("\u{1b}]0;"),
                "{text:?}"
            );
            assert_eq!(text.contains('\u{1b}'), colours, "{text:?}");
            assert!(text.contains("INFO") && text.contains("evil"), "{text:?}");
        }
    }

    #[test]
    fn the_format_suits_stderr() {
        let stream = Some(OsStr::new("8:42"));
        assert_eq!(
            suited(true, true, stream, Some("8:42")),
            Format::Human { colours: true }
        );
        assert_eq!(suited(true, false, None, None), Format::Human { colours: false });
        assert_eq!(suited(false, true, stream, Some("8:42")), Format::Journal);
        assert_eq!(suited(false, true, stream, Some("8:43")), Format::Json);
        assert_eq!(suited(false, true, stream, None), Format::Json);
        assert_eq!(suited(false, true, None, Some("8:42")), Format::Json);
        assert_eq!(suited(false, true, None, None), Format::Json);
    }

    #[test]
    fn filters() {
        for good in [
            "info",
            "WARN",
            "info,freezerd::freezer=debug",
            "off",
            " info , hyper=warn ",
        ] {
            assert!(filter(good).is_ok(), "{good}");
        }
        insta::assert_snapshot!(filter("verbose").unwrap_err(), @r#"log filter "verbose": "verbose" is no level; allowed are error, warn, info, debug, trace, off, or a list as "info,freezerd::freezer=debug""#);
        insta::assert_snapshot!(filter("info,freezerd=loud").unwrap_err(), @r#"log filter "info,freezerd=loud": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5; allowed are error, warn, info, debug, trace, off, or a list as "info,freezerd::freezer=debug""#);
    }
}
