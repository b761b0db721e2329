//! Zone data: from the system's zoneinfo when it is there (the OS updates it), else chrono-tz's own.
//!
//! The shell around `schedule::Zone`: it reads files, so that `schedule/` need not.
//! May use: `schedule`. Must not use: any other room.

use std::sync::Arc;

use crate::schedule::Zone;

/// Loads zones by name and keeps them.
#[derive(Debug)]
pub struct Zones {
    _private: (),
}

/// Where a zone's data came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The system's zoneinfo: its directory, and its tzdata version if it says so.
    System {
        /// The directory.
        directory: std::path::PathBuf,
        /// As `2026f`.
        version: Option<String>,
    },
    /// chrono-tz's own tables, of this tzdata version.
    Embedded {
        /// As `2025b`.
        version: &'static str,
    },
}

/// A zone that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// No such name, here or in chrono-tz.
    #[error("time zone {name:?} is not known{hint}; give a name of the tz database, as \"Europe/Berlin\"")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// `; did you mean "..."?` or nothing.
        hint: String,
    },
}

impl Zones {
    /// From the system's zoneinfo (`/usr/share/zoneinfo`, or `TZDIR`), with chrono-tz behind it.
    #[must_use]
    pub fn system() -> Self {
        todo!()
    }

    /// From chrono-tz alone.
    #[must_use]
    pub fn embedded() -> Self {
        todo!()
    }

    /// The zone called `name`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn get(&self, name: &str) -> Result<Arc<Zone>, ZoneError> {
        let _ = name;
        todo!()
    }

    /// Where `name`'s data comes from.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn origin(&self, name: &str) -> Result<Origin, ZoneError> {
        let _ = name;
        todo!()
    }

    /// The node's own zone name: `TZ`, else `/etc/timezone`, else the link `/etc/localtime`, else `UTC`.
    #[must_use]
    pub fn node_zone() -> String {
        todo!()
    }
}
