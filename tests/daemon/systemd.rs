//! What a service manager is told: the datagrams of `Type=notify-reload`.

use std::os::unix::net::UnixDatagram;

use freezerd::clock::system_monotonic;
use rustix::process::Signal;

use crate::bed::Bed;
use crate::process::Daemon;
use crate::until::PATIENCE;

struct Manager(UnixDatagram);

impl Manager {
    fn of(bed: &mut Bed) -> Self {
        let path = bed.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        let path = path.to_str().expect("a text").to_owned();
        bed.environment.insert("NOTIFY_SOCKET".to_owned(), path);
        Self(socket)
    }

    /// The next message, line by line.
    fn heard(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("a message");
        let text = std::str::from_utf8(&buffer[..length]).expect("a text");
        text.lines().map(str::to_owned).collect()
    }

    fn is_quiet(&self) -> bool {
        self.0.set_nonblocking(true).expect("set");
        self.0.recv(&mut [0; 16]).is_err()
    }
}

#[test]
fn ready_reloading_and_stopping() {
    let mut bed = Bed::new("");
    let manager = Manager::of(&mut bed);
    let daemon = Daemon::begin(&bed, &[]);
    assert_eq!(manager.heard(), ["READY=1", "STATUS=running"]);

    for (settings, then) in [
        ("dispatch = { max_concurrent = 2 }", "STATUS=running"),
        (
            "dispatch = 2",
            "STATUS=running with the old settings: the new configuration is bad",
        ),
        ("", "STATUS=running"),
    ] {
        bed.set(settings);
        let asked = system_monotonic();
        daemon.signal(Signal::HUP);
        let reloading = manager.heard();
        assert_eq!(reloading[0], "RELOADING=1");
        let at = reloading[1].strip_prefix("MONOTONIC_USEC=").expect("a time");
        let at: u128 = at.parse().expect("a number");
        // The kernel's clock: later than the signal, not later than now; so the manager knows what it answers.
        let span = asked.as_micros()..=system_monotonic().as_micros();
        assert!(span.contains(&at), "{at} is not within {span:?}");
        assert_eq!(manager.heard(), ["READY=1", then]);
    }

    daemon.signal(Signal::TERM);
    assert_eq!(manager.heard()[0], "STOPPING=1");
    assert_eq!(daemon.ended().0.code(), Some(0));
    assert!(manager.is_quiet());
}

#[test]
fn the_watchdog_is_told_while_the_main_loop_turns() {
    let mut bed = Bed::new("");
    let manager = Manager::of(&mut bed);
    bed.environment
        .insert("WATCHDOG_USEC".to_owned(), "200000".to_owned());
    let daemon = Daemon::begin(&bed, &[]);
    let mut beats = 0;
    while beats < 3 {
        beats += usize::from(manager.heard() == ["WATCHDOG=1"]);
    }
    assert!(daemon.stop().success());
}
