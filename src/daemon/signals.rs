//! SIGTERM, SIGINT and SIGHUP, through signal-hook, as messages.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// SIGTERM, SIGINT: stop.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// Listens from now on. One thread waits in the kernel; it costs nothing until a signal comes.
pub(super) fn listen() -> std::io::Result<UnboundedReceiver<Wish>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (wishes, receiver) = unbounded_channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let wish = if signal == SIGHUP {
                    Wish::Reload
                } else {
                    Wish::Stop
                };
                if wishes.send(wish).is_err() {
                    break;
                }
            }
        })?;
    Ok(receiver)
}
