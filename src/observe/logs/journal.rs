//! Log events as entries of the journal: fields to search by, and a message that a person can read alone.
//!
//! The journal's native protocol is one datagram of `KEY=value` lines, spoken here directly. The
//! `tracing-journald` crate puts fields beside the message only: `journalctl -u freezerd` would then show
//! "cannot poll" and hide the error that says why.

use std::fmt::{Debug, Write as _};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::outlet::{Door, Outlet, Put};
use super::stderr::{Stream, Text, until_open};

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Bytes of one value; what is longer is cut.
const LONGEST: usize = 4096;

/// Fields of one entry; further ones are left out. With [`LONGEST`] this keeps an entry below the 208 KiB
/// that a datagram may have.
const MOST: usize = 32;

/// The journal's socket.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UnixDatagram,
    /// journald's other door.
    stderr: Stream,
}

/// An entry; and what of it a person reads, where the socket is not to be had.
#[derive(Debug)]
pub(super) struct Entry {
    datagram: Vec<u8>,
    priority: &'static str,
    message: String,
}

impl Socket {
    /// Speaks to this machine's journal.
    pub(super) fn connect() -> std::io::Result<Self> {
        Self::connect_to(Path::new(SOCKET))
    }

    fn connect_to(path: &Path) -> std::io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            stderr: Stream::stderr(),
        })
    }
}

impl Door for Socket {
    type Line = Entry;

    fn put(&self, entry: &mut Entry) -> Put {
        loop {
            match self.socket.send(&entry.datagram) {
                Ok(_) => return Put::Out,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Put::Refused,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    // journald is not there, or does not want this. Nor is it known when it will: so this is its last chance.
                    let plain = format!("<{}>{}\n", entry.priority, entry.message);
                    return match self.stderr.put(&mut Text::new(plain.into_bytes())) {
                        Put::Out => Put::Out,
                        Put::Refused | Put::Gone => Put::Gone,
                    };
                }
            }
        }
    }

    fn wait(&self) {
        until_open(self.socket.as_fd());
    }

    fn size(entry: &Entry) -> usize {
        entry.datagram.capacity() + entry.message.capacity()
    }
}

/// Sends events to the journal.
pub(super) struct Journal(pub(super) Arc<Outlet<Socket>>);

/// Names and values, in order; of a span (kept in it), or of an event.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn set(&mut self, name: &'static str, mut value: String) {
        value.truncate(value.floor_char_boundary(LONGEST));
        if let Some(known) = self.0.iter_mut().find(|(known, _)| *known == name) {
            known.1 = value;
        } else if self.0.len() < MOST {
            self.0.push((name, value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field.name(), format!("{value:?}"));
    }
}

impl<S> Layer<S> for Journal
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                of_span
                    .0
                    .iter()
                    .for_each(|(name, value)| fields.set(name, value.clone()));
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let (message, priority) = (message(&fields), priority(*metadata.level()));
        let mut entry = Vec::with_capacity(512);
        put(&mut entry, "MESSAGE", &message);
        put(&mut entry, "PRIORITY", priority);
        put(&mut entry, "SYSLOG_IDENTIFIER", "freezerd");
        put(&mut entry, "TARGET", metadata.target());
        for (name, value) in &fields.0 {
            if *name != "message" {
                put(&mut entry, &key(name), value);
            }
        }
        self.0.put(Entry {
            datagram: entry,
            priority,
            message,
        });
    }
}

/// The numbers of syslog.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// What a person reads: the message, and the fields behind it.
fn message(fields: &Fields) -> String {
    let text = fields.0.iter().find(|(name, _)| *name == "message");
    let mut line = text.map(|(_, value)| value.clone()).unwrap_or_default();
    for (name, value) in fields.0.iter().filter(|(name, _)| *name != "message") {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '"';
        let quoted = value.is_empty() || value.contains(odd);
        let _ = if quoted {
            write!(line, " {name}={value:?}")
        } else {
            write!(line, " {name}={value}")
        };
    }
    line.truncate(line.floor_char_boundary(2 * LONGEST));
    line
}

/// A field's name as the journal wants it: `FREEZERD_JOB_ID`; at most 64 characters.
fn key(name: &str) -> String {
    let upper = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    });
    "FREEZERD_".chars().chain(upper).take(64).collect()
}

/// One field. A value of several lines goes by its length, so that no line of it is taken for a field.
fn put(entry: &mut Vec<u8>, key: &str, value: &str) {
    entry.extend_from_slice(key.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::metrics::counter::Counter;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What the journal gets of what `act` logs.
    fn journalled(act: impl FnOnce()) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        journald.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let socket = Socket::connect_to(&path).unwrap();
        let outlet = Outlet::new(socket, Counter::default(), |_| ());
        let subscriber = Registry::default().with(Journal(outlet));
        tracing::subscriber::with_default(subscriber, || {
            act();
            tracing::info!("the end");
        });
        let mut entries = Vec::new();
        loop {
            let mut buffer = vec![0_u8; 1 << 20];
            let length = journald.recv(&mut buffer).expect("an entry arrives");
            let entry = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if entry.starts_with("MESSAGE=the end\n") {
                return entries;
            }
            entries.push(entry.replace(module_path!(), "MODULE"));
        }
    }

    #[test]
    fn an_entry_reads_well_and_has_its_fields() {
        let entries = journalled(|| {
            let run = tracing::info_span!("run", run_id = "a-20260329T010000Z", pid = tracing::field::Empty);
            let _inside = run.enter();
            run.record("pid", 42);
            let error = std::io::Error::other("connection refused");
            tracing::warn!(job_id = "a", %error, late = true, "run failed");
        });
        insta::assert_snapshot!(entries.concat(), @r#"
        MESSAGE=run failed run_id=a-20260329T010000Z pid=42 job_id=a error="connection refused" late=true
        PRIORITY=4
        SYSLOG_IDENTIFIER=freezerd
        TARGET=MODULE
        FREEZERD_RUN_ID=a-20260329T010000Z
        FREEZERD_PID=42
        FREEZERD_JOB_ID=a
        FREEZERD_ERROR=connection refused
        FREEZERD_LATE=true
        "#);
    }

    #[test]
    fn no_value_can_pass_for_a_field() {
        let entries = journalled(|| {
            tracing::error!(name = "x\nPRIORITY=0\n_UID=0", "plan\nMESSAGE=forged");
        });
        let message = "plan\nMESSAGE=forged name=\"x\\nPRIORITY=0\\n_UID=0\"";
        let value = "x\nPRIORITY=0\n_UID=0";
        let length = |text: &str| String::from_utf8((text.len() as u64).to_le_bytes().to_vec()).unwrap();
        let expected = format!(
            "MESSAGE\n{}{message}\nPRIORITY=3\nSYSLOG_IDENTIFIER=freezerd\nTARGET=MODULE\nFREEZERD_NAME\n{}{value}\n",
            length(message),
            length(value)
        );
        assert_eq!(entries, [expected]);
    }

    #[test]
    fn the_longest_entry_still_goes_out() {
        let long = "\u{20ac}\n".repeat(100_000);
        let entries = journalled(|| {
            tracing::info!(
                a = long,
                b = long,
                c = long,
                d = long,
                e = long,
                f = long,
                g = long,
                h = long,
                "long"
            );
        });
        assert!(
            entries[0].len() > 8 * (LONGEST - 4) && entries[0].len() < 11 * LONGEST,
            "{}",
            entries[0].len()
        );
        // The bound on fields and that on values together stay below the system's on datagrams.
        const { assert!((MOST + 3) * (LONGEST + 80) < 200 * 1024) };
    }

    #[test]
    fn a_journal_that_hangs_holds_up_nobody_and_gets_all_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        journald.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let outlet = Outlet::new(Socket::connect_to(&path).unwrap(), Counter::default(), |_| ());
        let subscriber = Registry::default().with(Journal(Arc::clone(&outlet)));
        // More than any system lets wait for one socket.
        const LINES: usize = 1500;
        tracing::subscriber::with_default(subscriber, || {
            (0..LINES).for_each(|number| tracing::info!(number, "a line"));
        });
        let mut buffer = vec![0_u8; 4096];
        for number in 0..LINES {
            let length = journald.recv(&mut buffer).expect("an entry");
            let entry = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert!(
                entry.starts_with(&format!("MESSAGE=a line number={number}\n")),
                "{entry}"
            );
        }
        outlet.flush(Duration::from_secs(120));
    }

    #[test]
    fn levels_and_names_are_the_journals() {
        let all = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        assert_eq!(all.map(priority), ["3", "4", "6", "7", "7"]);
        assert_eq!(key("job_id"), "FREEZERD_JOB_ID");
        assert_eq!(key("log.target"), "FREEZERD_LOG_TARGET");
        assert_eq!(key(&"x".repeat(100)).len(), 64);
    }
}
