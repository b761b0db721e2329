//! What systemd is told: ready, reloading, stopping, a status line, and that the main loop lives.
//!
//! The protocol is a datagram of `KEY=value` lines, spoken here directly: the `sd-notify` crate takes the
//! socket's address from the environment at every call, so that nothing but a changed environment could
//! test it, and may block on a service manager that does not read.
//! Not under systemd, every call does nothing.

use std::ffi::{OsStr, OsString};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use super::health::Health;
use super::one_line;
use crate::clock;

/// How long a message may wait for a service manager that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// What can be wrong with the environment that the service manager gave.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The socket cannot be spoken to.
    #[error(
        "NOTIFY_SOCKET={socket:?} cannot be used: {source}; \
         it must be an absolute path, or @ and an abstract name"
    )]
    Socket {
        /// As it was given.
        socket: OsString,
        /// Why.
        source: std::io::Error,
    },
    /// The watchdog's interval is no number.
    #[error("WATCHDOG_USEC={text:?} is not a number of microseconds above 0")]
    Watchdog {
        /// As it was given.
        text: OsString,
    },
}

/// Tells the service manager how the daemon fares.
#[derive(Debug)]
pub struct Notifier {
    manager: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// From `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` of this process.
    ///
    /// # Errors
    /// When one of them is set to something that cannot be.
    pub fn from_environment() -> Result<Self, NotifyError> {
        Self::new(|name| std::env::var_os(name), std::process::id())
    }

    /// One that nobody hears.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            manager: None,
            watchdog: None,
        }
    }

    /// From an environment.
    fn new(variable: impl Fn(&str) -> Option<OsString>, pid: u32) -> Result<Self, NotifyError> {
        let manager = match variable("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) {
            None => None,
            Some(socket) => Some(connect(&socket).map_err(|source| NotifyError::Socket { socket, source })?),
        };
        let ours = variable("WATCHDOG_PID").is_none_or(|text| text.to_str() == Some(&pid.to_string()));
        let watchdog = match variable("WATCHDOG_USEC").filter(|text| ours && !text.is_empty()) {
            None => None,
            Some(text) => match text.to_str().and_then(|text| text.parse().ok()) {
                Some(usec) if usec > 0 => Some(Duration::from_micros(usec)),
                _ => return Err(NotifyError::Watchdog { text }),
            },
        };
        Ok(Self {
            watchdog: watchdog.filter(|_| manager.is_some()),
            manager,
        })
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.manager.is_some()
    }

    /// Started, or reloaded: at its work.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}\n", one_line(status)));
    }

    /// Reads its configuration again; [`ready`](Self::ready) must follow, also when that failed.
    pub fn reloading(&self) {
        // The time tells the manager that this answers its latest signal, not an earlier one.
        let now = clock::system_monotonic().as_micros();
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=reloading the configuration\n"
        ));
    }

    /// On its way out.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}\n", one_line(status)));
    }

    /// One line for `systemctl status`.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}\n", one_line(status)));
    }

    /// Asks the main loop twice in every watchdog interval, and tells the manager when it answers. A main
    /// loop that hangs is thus restarted. Runs for ever; without a watchdog it never wakes.
    pub async fn keep_watchdog(&self, health: &Health) {
        let Some(interval) = self.watchdog else {
            return std::future::pending().await;
        };
        let half = interval / 2;
        loop {
            if health.answers(half).await {
                self.send("WATCHDOG=1\n");
                clock::pause(half).await;
            } else {
                tracing::error!(
                    ?interval,
                    "the main loop hangs; the watchdog will not be told that it lives"
                );
            }
        }
    }

    fn send(&self, message: &str) {
        let Some((socket, manager)) = &self.manager else {
            return;
        };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), manager) {
            let what = message.lines().next().unwrap_or_default();
            tracing::warn!(%error, what, "cannot notify the service manager");
        }
    }
}

fn connect(socket: &OsStr) -> std::io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(socket)?,
        _ => return Err(std::io::ErrorKind::InvalidInput.into()),
    };
    let ours = UnixDatagram::unbound()?;
    ours.set_write_timeout(Some(PATIENCE))?;
    Ok((ours, manager))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A service manager that listens, and the notifier that talks to it.
    fn heard(socket: &str, manager: &UnixDatagram, watchdog: Option<&str>) -> Notifier {
        manager.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let variable = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(socket.into()),
            "WATCHDOG_USEC" => watchdog.map(OsString::from),
            "WATCHDOG_PID" => watchdog.map(|_| "77".into()),
            _ => None,
        };
        Notifier::new(variable, 77).unwrap()
    }

    fn told(manager: &UnixDatagram) -> String {
        let mut buffer = [0_u8; 2048];
        let length = manager.recv(&mut buffer).expect("a message arrives");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_life_as_systemd_hears_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = heard(path.to_str().unwrap(), &manager, None);
        assert!(notifier.is_heard());

        notifier.ready("12 plans, next at 01:00");
        assert_eq!(told(&manager), "READY=1\nSTATUS=12 plans, next at 01:00\n");
        notifier.status("a\nREADY=1 b");
        assert_eq!(
            told(&manager),
            "STATUS=a READY=1 b\n",
            "no line can be smuggled in"
        );
        let before = clock::system_monotonic().as_micros();
        notifier.reloading();
        let after = clock::system_monotonic().as_micros();
        let message = told(&manager);
        let usec: u128 = message
            .lines()
            .find_map(|line| line.strip_prefix("MONOTONIC_USEC="))
            .expect(&message)
            .parse()
            .unwrap();
        assert!(
            message.starts_with("RELOADING=1\n") && (before..=after).contains(&usec),
            "{message}"
        );
        notifier.stopping("2 runs go on");
        assert_eq!(told(&manager), "STOPPING=1\nSTATUS=2 runs go on\n");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_watchdog_hears_of_a_living_loop_only() {
        let name = format!("freezerd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = heard(&format!("@{name}"), &manager, Some("20000"));
        let health = Arc::new(Health::new());

        // Nobody answers: for three whole intervals nothing is said.
        let silent = notifier.keep_watchdog(&health);
        assert!(
            tokio::time::timeout(Duration::from_millis(60), silent)
                .await
                .is_err()
        );
        manager.set_nonblocking(true).unwrap();
        assert_eq!(
            manager.recv(&mut [0; 64]).unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
        manager.set_nonblocking(false).unwrap();

        let main_loop = tokio::spawn({
            let health = Arc::clone(&health);
            async move {
                loop {
                    health.asked().await;
                    health.heartbeat(|| {});
                }
            }
        });
        let pinging = tokio::spawn(async move { notifier.keep_watchdog(&health).await });
        let twice = tokio::task::spawn_blocking(move || [told(&manager), told(&manager)]);
        assert_eq!(twice.await.unwrap(), ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
        pinging.abort();
        main_loop.abort();
    }

    #[tokio::test]
    async fn outside_systemd_nothing_is_said_and_nothing_wakes() {
        let notifier = Notifier::new(|_| None, 77).unwrap();
        assert!(!notifier.is_heard());
        notifier.ready("nobody hears");
        let health = Health::new();
        let never = notifier.keep_watchdog(&health);
        assert!(
            tokio::time::timeout(Duration::from_millis(5), never)
                .await
                .is_err()
        );
        // Not even a question was asked.
        assert!(
            tokio::time::timeout(Duration::from_millis(5), health.asked())
                .await
                .is_err()
        );
    }

    #[test]
    fn a_strange_environment_is_named() {
        let with = |name: &'static str, value: &'static str| {
            Notifier::new(move |asked| (asked == name).then(|| value.into()), 77)
        };
        insta::assert_snapshot!(with("NOTIFY_SOCKET", "vsock:2:1234").unwrap_err(), @r#"NOTIFY_SOCKET="vsock:2:1234" cannot be used: invalid input parameter; it must be an absolute path, or @ and an abstract name"#);
        insta::assert_snapshot!(with("WATCHDOG_USEC", "soon").unwrap_err(), @r#"WATCHDOG_USEC="soon" is not a number of microseconds above 0"#);
        insta::assert_snapshot!(with("WATCHDOG_USEC", "0").unwrap_err(), @r#"WATCHDOG_USEC="0" is not a number of microseconds above 0"#);
        // A watchdog of another process (our parent's), and one that nobody would hear.
        let other = |asked: &str| match asked {
            "WATCHDOG_USEC" => Some("20000".into()),
            "WATCHDOG_PID" => Some("78".into()),
            "NOTIFY_SOCKET" => Some("@freezerd-test-nobody".into()),
            _ => None,
        };
        assert_eq!(Notifier::new(other, 77).unwrap().watchdog, None);
        assert_eq!(with("WATCHDOG_USEC", "20000").unwrap().watchdog, None);
    }
}
