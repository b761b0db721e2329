//! Registration as a client: once after the first listing, and again after a reload, which may have changed what
//! this node can do.
//!
//! A task of its own, for which nothing waits: plans run on a node that is not registered as on any other.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock;
use crate::freezer::{ApiError, rest};

use super::listing::{Polling, Source};

/// What the latest listing showed of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// There was none yet.
    None,
    /// It is there.
    Made,
    /// It is there, and it is Virtuozzo's.
    Virtuozzo,
}

impl Contact {
    /// After a complete listing. `virtuozzo`: there are plans of that dialect in it.
    #[must_use]
    pub fn made(virtuozzo: bool) -> Self {
        if virtuozzo { Self::Virtuozzo } else { Self::Made }
    }
}

/// How long to stay away after a failure.
#[derive(Debug, Clone, Copy)]
pub struct BackOff {
    /// After the first one; it doubles each time.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            longest: Duration::from_secs(300),
        }
    }
}

/// Registers when contact is made, and again whenever the settings change. Ends with the daemon.
pub async fn forever(
    mut polling: watch::Receiver<Polling>,
    mut contact: watch::Receiver<Contact>,
    back_off: BackOff,
) {
    loop {
        let settings = polling.borrow_and_update().clone();
        let work = async {
            until_done(&settings, &mut contact, back_off).await;
            std::future::pending().await
        };
        tokio::select! {
            () = work => {}
            // An attempt that is cut short may have been heard: the next one says the same or better.
            changed = polling.changed() => if changed.is_err() { return },
        }
    }
}

/// Tries until it is registered, or clear that it never will be. Says each different trouble once.
async fn until_done(settings: &Polling, contact: &mut watch::Receiver<Contact>, back_off: BackOff) {
    let Polling {
        source: Source::Api(api),
        registering,
        ..
    } = settings
    else {
        return;
    };
    if registering.wanted == Some(false) {
        return;
    }
    let (mut central, mut pause, mut told) = (registering.central, back_off.first, String::new());
    loop {
        // Before each try: a later listing may show what an empty one could not.
        let made = contact.wait_for(|contact| *contact != Contact::None).await;
        let Ok(seen) = made.map(|contact| *contact) else {
            return;
        };
        if seen == Contact::Virtuozzo && registering.wanted.is_none() {
            tracing::info!(
                "not registered as a client: the plans are Virtuozzo's (api.register = true does it all the same)"
            );
            return;
        }
        let error = match api.connection().await {
            Ok(connection) if connection.client_id.is_none() && registering.wanted.is_none() => {
                tracing::info!(
                    "not registered as a client: client_id = \"*\" names none (api.register = true does it all the same)"
                );
                return;
            }
            Ok(connection) => {
                let registration = registering.registration(&connection, central);
                match api.register(&registration).await {
                    Ok(()) => {
                        let client_id = registration.client_id;
                        tracing::info!(client_id, central, "registered as a client");
                        return;
                    }
                    Err(error @ ApiError::Forbidden { .. }) if central => {
                        tracing::error!(
                            "not registered as a central client, only as a plain one: api.central takes the role admin \
                             or service: {error}"
                        );
                        central = false;
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if is_hopeless(&error) {
            tracing::error!("not registered as a client, and not tried again before a reload: {error}");
            return;
        }
        let text = error.to_string();
        if text != told {
            tracing::warn!("not registered as a client yet: {text}");
            told = text;
        }
        clock::pause(rest(error.retry_after(), pause, back_off.longest)).await;
        pause = pause.saturating_mul(2).min(back_off.longest);
    }
}

/// Whether the API looked at the registration and will never take it, or takes none at all.
fn is_hopeless(error: &ApiError) -> bool {
    let no_clients = matches!(
        error,
        ApiError::Refused {
            status: 404 | 405,
            ..
        } | ApiError::Server {
            status: 501 | 505,
            ..
        }
    );
    no_clients || error.is_final()
}
