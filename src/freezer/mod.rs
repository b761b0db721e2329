//! The v2 API over HTTP: listings in; reports, registrations and records of backups out; with Keystone v3 tokens.
//!
//! Three concerns, one folder each: `http` makes one bounded exchange and knows when to try again;
//! `keystone` gets tokens and finds the endpoint; this folder speaks of jobs and backups. What a document means is
//! `plan`'s business, and what to report is the planner's: this room only carries.
//!
//! Everything a server sends is bounded before it is parsed, no redirect is followed, and no secret is
//! ever part of an error, a log line or a `Debug`.
//!
//! May use: `clock`, `plan` (ids), `planner` (`Report`, `RunId`, `Metadata`: what is to be told),
//! `source`'s `Document`s, which of them are as they were, and its way to read what is long.
//! Must not use: `ledger`, `launch`, `config`, `observe`.

mod access;
mod api;
mod backup_document;
mod endpoint;
mod error;
mod http;
mod keystone;
mod merge;
mod pager;
mod registration;
mod secret;

pub use access::{
    Access, Auth, Bounds, ClientFilter, Credential, Domain, Interface, Named, Patience, Scope,
    UnknownInterface,
};
pub use api::{Api, Backup, Connection, Delivered, Draft, Drafted, Kept, Listing, NotKept};
pub use error::ApiError;
pub use http::{Answer, Ask, Exchange, Peer, Wire, rest};
pub use merge::{Merge, merge};
pub use pager::{Habits, Next, NoPage, Pager};
pub use registration::Registration;
pub use secret::Secret;
