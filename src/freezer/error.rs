//! What can go wrong between us and the API: what, where, what the server said, and what to do.

use std::path::PathBuf;
use std::time::Duration;

/// An exchange that failed. `at` is the method and the address (which never holds a secret); `said` is
/// what the server said, shortened and stripped of control characters and of our own secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// A setting that cannot be used. Nothing was sent.
    #[error("{setting}: {message}")]
    Setting {
        /// Which, as `auth_url`.
        setting: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The file of certificate authorities cannot be used.
    #[error("ca_file {}: {message}", path.display())]
    CaFile {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An id that cannot stand in an address.
    #[error(
        "job id {id:?} cannot be part of an address: it is empty, `.` or `..`, or has control characters"
    )]
    JobId {
        /// The id.
        id: String,
    },
    /// An id of a backup's record that cannot stand in an address.
    #[error(
        "backup id {id:?} cannot be part of an address: it is empty, `.` or `..`, or has control characters"
    )]
    BackupId {
        /// The id.
        id: String,
    },
    /// An id of a session that cannot stand in an address.
    #[error("session id {id:?} cannot be part of an address: it is `.` or `..`, or has control characters")]
    SessionId {
        /// The id.
        id: String,
    },
    /// Metadata that is no JSON object (any more).
    #[error("run {run}: what its agent said of the backup cannot be read: {message}")]
    Metadata {
        /// Of which run.
        run: String,
        /// Why.
        message: String,
    },
    /// No connection.
    #[error("{at}: no connection: {cause} (does the service run there, and may this node reach it?)")]
    Connect {
        /// Where.
        at: String,
        /// Why.
        cause: String,
    },
    /// The answer broke off, or what came was not HTTP.
    #[error("{at}: the answer broke off: {cause}")]
    Broken {
        /// Where.
        at: String,
        /// Why.
        cause: String,
    },
    /// No secure connection.
    #[error("{at}: no secure connection: {cause} ({hint})")]
    Tls {
        /// Where.
        at: String,
        /// Why.
        cause: String,
        /// What to do.
        hint: &'static str,
    },
    /// Too slow.
    #[error("{at}: timed out: {cause}")]
    Timeout {
        /// Where.
        at: String,
        /// Which limit.
        cause: String,
    },
    /// 401: who we are was not accepted.
    #[error("{at}: not authenticated (401): {said} ({hint})")]
    Auth {
        /// Where.
        at: String,
        /// What the server said.
        said: String,
        /// What to do.
        hint: &'static str,
    },
    /// 403: we may not do that.
    #[error("{at}: forbidden (403): {said} ({hint})")]
    Forbidden {
        /// Where.
        at: String,
        /// What the server said.
        said: String,
        /// What to do.
        hint: &'static str,
    },
    /// Keystone gives no token by a plan's trust: it was taken back, it ran out, or it was given to another user.
    #[error(
        "{at}: trust {trust} is not accepted ({status}): {said} (is it for the user that freezerd is? if it was taken back, the plan's user makes the plan anew)"
    )]
    Trust {
        /// Where.
        at: String,
        /// Which.
        trust: String,
        /// What Keystone answered: 404, 403 ...
        status: u16,
        /// What it said.
        said: String,
    },
    /// The server has a fault of its own, or is busy; it may pass.
    #[error("{at}: the server failed ({status}): {said}")]
    Server {
        /// Where.
        at: String,
        /// 5xx, 429 or 408.
        status: u16,
        /// What it said.
        said: String,
        /// How long it asked us to stay away.
        retry_after: Option<Duration>,
    },
    /// The server does not take this request, now or later.
    #[error("{at}: refused ({status}): {said}{hint}")]
    Refused {
        /// Where.
        at: String,
        /// 4xx or an odd one, as 753.
        status: u16,
        /// What it said.
        said: String,
        /// What to do, in brackets; may be empty.
        hint: &'static str,
    },
    /// A redirect, which is never followed: the token would travel with it.
    #[error(
        "{at}: answered {status}, a redirect to {to}, which is not followed (set auth_url or backup_url to the final address)"
    )]
    Redirected {
        /// Where.
        at: String,
        /// 3xx.
        status: u16,
        /// To where, without query.
        to: String,
    },
    /// The answer is larger than allowed.
    #[error("{at}: more than {limit} bytes were sent (a smaller api.page_size asks for less at once)")]
    TooLarge {
        /// Where.
        at: String,
        /// The bound, bytes.
        limit: u64,
    },
    /// The answer is not what the API's documents promise.
    #[error("{at}: {message}")]
    Protocol {
        /// Where.
        at: String,
        /// What is wrong.
        message: String,
    },
    /// The catalogue does not lead to the API.
    #[error("Keystone's catalogue: {message}")]
    Catalog {
        /// What is missing or ambiguous, and what to set.
        message: String,
    },
}

impl ApiError {
    /// Its sort, for a metric's label: `settings`, `connect`, `tls`, `timeout`, `auth`, `forbidden`,
    /// `server`, `protocol`, `too-large`, `bad-request` or `catalog`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Setting { .. } | Self::CaFile { .. } => "settings",
            Self::Connect { .. } | Self::Broken { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Auth { .. } | Self::Trust { .. } => "auth",
            Self::Forbidden { .. } => "forbidden",
            Self::Server { .. } => "server",
            Self::Redirected { .. } | Self::Protocol { .. } => "protocol",
            Self::TooLarge { .. } => "too-large",
            Self::Refused { .. }
            | Self::JobId { .. }
            | Self::BackupId { .. }
            | Self::SessionId { .. }
            | Self::Metadata { .. } => "bad-request",
            Self::Catalog { .. } => "catalog",
        }
    }

    /// Whether the same request may well succeed a little later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken { .. } | Self::Timeout { .. } => true,
            // 501 and 505 say what the server can never do.
            Self::Server { status, .. } => !matches!(status, 501 | 505),
            _ => false,
        }
    }

    /// Whether the server looked at this very request and will never take it, so that sending it again is
    /// useless. (Wrong credentials or a wrong address are not that: somebody can mend them.)
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::JobId { .. } | Self::BackupId { .. } | Self::SessionId { .. } | Self::Metadata { .. } => {
                true
            }
            Self::Refused { status, .. } => matches!(status, 400 | 409 | 413 | 414 | 422 | 753),
            _ => false,
        }
    }

    /// Whether our own account, or the way to the API, is wrong: so until somebody mends that nothing else fares better.
    #[must_use]
    pub fn is_of_our_own(&self) -> bool {
        matches!(
            self,
            Self::Setting { .. }
                | Self::CaFile { .. }
                | Self::Tls { .. }
                | Self::Auth { .. }
                | Self::Redirected { .. }
                | Self::Catalog { .. }
        )
    }

    /// Whether it is a plan's trust that was refused: so its user's affair, and no other plan's.
    #[must_use]
    pub fn is_refused_trust(&self) -> bool {
        matches!(self, Self::Trust { .. })
    }

    /// Whether the server may have done what it was asked, though we did not hear of it.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. }
                | Self::Timeout { .. }
                | Self::Server { .. }
                | Self::TooLarge { .. }
                | Self::Protocol { .. }
        )
    }

    /// How long the server asked us to stay away, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
