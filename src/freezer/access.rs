//! How to reach the API and as whom: plain settings, checked by [`super::Api::connect`].

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::secret::Secret;

/// A Keystone domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id, as `default`.
    Id(String),
    /// By name, as `Default`.
    Name(String),
}

/// A user or a project: its id, or its name within a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id, which needs no domain.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// Where that name is known.
        domain: Domain,
    },
}

/// An application credential: its id, or its name and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// By id, which needs no user.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// Whose.
        user: Named,
    },
}

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One project.
    Project(Named),
}

/// Who we are. An application credential carries its own scope, so it is given none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// User and password.
    Password {
        /// The user.
        user: Named,
        /// The password.
        password: Secret,
        /// For what.
        scope: Scope,
    },
    /// Application credential: the right choice for a service.
    ApplicationCredential {
        /// Which.
        credential: Credential,
        /// Its secret.
        secret: Secret,
    },
    /// A token that somebody else got. It cannot be renewed beyond its own expiry.
    Token {
        /// The token.
        token: Secret,
        /// For what.
        scope: Scope,
    },
}

impl Auth {
    /// Whether a plan's trust can be used with it. An application credential is for its own project alone.
    #[must_use]
    pub fn takes_trusts(&self) -> bool {
        !matches!(self, Self::ApplicationCredential { .. })
    }
}

/// Which of an endpoint's addresses to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For services inside the cloud.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// Its name in the catalogue.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// An interface that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an interface: allowed are public, internal and admin (or publicURL, internalURL, adminURL)"
)]
pub struct UnknownInterface(String);

impl FromStr for Interface {
    type Err = UnknownInterface;

    /// Reads `public`, `publicURL` and the like, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        match lower.strip_suffix("url").unwrap_or(&lower) {
            "public" => Ok(Self::Public),
            "internal" => Ok(Self::Internal),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownInterface(text.to_owned())),
        }
    }
}

/// Whose plans a listing keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFilter {
    /// Those of this `client_id`; `None`: `{project_id}_{hostname}`, the name that freezer-scheduler
    /// registers under.
    Own(Option<String>),
    /// Everybody's.
    All,
}

impl Default for ClientFilter {
    fn default() -> Self {
        Self::Own(None)
    }
}

/// How long to wait, and how often to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection (with TLS) stands.
    pub connect: Duration,
    /// For one whole exchange, from connecting to the last byte.
    pub request: Duration,
    /// For a whole listing, all pages with all tries: each page may take its time, but not each of a thousand.
    pub listing: Duration,
    /// Further tries after a failed one, when the fault may pass.
    pub retries: u32,
    /// The longest pause before the first further try; it doubles each time. The pause itself is a random
    /// part of it, so that a fleet of nodes does not come back in step.
    pub back_off: Duration,
    /// The longest pause of all, also for a `Retry-After`.
    pub back_off_limit: Duration,
}

impl Patience {
    /// So many times as long as one exchange may a whole listing take. With the usual limits that is half an hour, in which
    /// Freezer's own API gives a million jobs.
    pub const LISTING: u32 = 30;
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(60),
            listing: Duration::from_secs(60) * Self::LISTING,
            retries: 3,
            back_off: Duration::from_millis(500),
            back_off_limit: Duration::from_secs(30),
        }
    }
}

/// How much to take from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Jobs asked for in one page.
    pub page_size: NonZeroU32,
    /// Bytes of one page.
    pub page_bytes: u64,
    /// Bytes of any other answer: one document, eight times as long as one may be.
    pub document_bytes: u64,
    /// Pages of one listing.
    pub pages: u32,
    /// Bytes of one listing, all pages together.
    pub listing_bytes: u64,
    /// Different jobs of one listing, whosever they are.
    pub documents: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            page_size: NonZeroU32::new(500).unwrap_or(NonZeroU32::MIN),
            page_bytes: 64 << 20,
            document_bytes: 4 << 20,
            pages: 1000,
            // A million plans, at two kilobytes each.
            listing_bytes: 2 << 30,
            // Twice as many: of each some fifty bytes are held.
            documents: 2_000_000,
        }
    }
}

/// How to reach the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// As whom.
    pub auth: Auth,
    /// Keystone's base address, with or without `/v3`.
    pub auth_url: String,
    /// Which region's endpoint; `None`: the only one there is.
    pub region: Option<String>,
    /// Which of its addresses.
    pub interface: Interface,
    /// The API's address instead of the catalogue's; with or without a trailing `/`, `/v2`, or `/v2/{project_id}`.
    pub backup_url: Option<String>,
    /// A PEM file of authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Do not verify the servers' certificates at all.
    pub insecure: bool,
    /// Use the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY` ...).
    pub use_proxy: bool,
    /// Whose plans to list.
    pub clients: ClientFilter,
    /// Those of every project.
    pub all_projects: bool,
    /// Report runs to an API of the Virtuozzo dialect, which shows a place for them and asks for none.
    pub report_to_virtuozzo: bool,
    /// How long to wait.
    pub patience: Patience,
    /// How much to take.
    pub bounds: Bounds,
}

impl Access {
    /// With every other setting at its default.
    #[must_use]
    pub fn new(auth: Auth, auth_url: impl Into<String>) -> Self {
        Self {
            auth,
            auth_url: auth_url.into(),
            region: None,
            interface: Interface::default(),
            backup_url: None,
            ca_file: None,
            insecure: false,
            use_proxy: true,
            clients: ClientFilter::default(),
            all_projects: false,
            report_to_virtuozzo: false,
            patience: Patience::default(),
            bounds: Bounds::default(),
        }
    }
}
