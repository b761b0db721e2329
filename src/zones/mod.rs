//! Zone data: from the system's zoneinfo when it is there (the OS updates it), else chrono-tz's own.
//!
//! The shell around `schedule::Zone`: it reads files, so that `schedule/` need not. A zone's offsets are
//! listed from 1970 to 2100; after that its last offset stays.
//! May use: `schedule`. Must not use: any other room.

mod embedded;
mod node;
mod zoneinfo;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use embedded::{FROM, UNTIL};

use crate::schedule::Zone;

/// The last year with changes of the clocks.
const LAST_YEAR: i32 = 2100;
/// Where the tz database lives, unless `TZDIR` says otherwise.
const ZONEINFO: &str = "/usr/share/zoneinfo";
/// No zone has a longer name; the tz database bounds each part to 14 characters.
const LONGEST_NAME: usize = 64;

/// Loads zones by name and keeps them.
#[derive(Debug)]
pub struct Zones {
    directory: Option<PathBuf>,
    loaded: Mutex<HashMap<String, (Arc<Zone>, Origin)>>,
}

/// Where a zone's data came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The system's zoneinfo: its directory, and its tzdata version if it says so.
    System {
        /// The directory.
        directory: PathBuf,
        /// As `2026f`.
        version: Option<String>,
    },
    /// chrono-tz's own tables, of this tzdata version.
    Embedded {
        /// As `2025b`.
        version: &'static str,
    },
}

impl std::fmt::Display for Origin {
    /// As `tzdata 2026f from /usr/share/zoneinfo`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System {
                directory,
                version: Some(version),
            } => {
                write!(f, "tzdata {version} from {}", directory.display())
            }
            Self::System {
                directory,
                version: None,
            } => {
                write!(f, "tzdata of unknown version from {}", directory.display())
            }
            Self::Embedded { version } => write!(f, "tzdata {version}, built in"),
        }
    }
}

/// A zone that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// No such name, here or in chrono-tz.
    #[error("time zone {name:?} is not known; {hint}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The name that may have been meant, or how names look.
        hint: String,
    },
}

impl Zones {
    /// From the system's zoneinfo (`/usr/share/zoneinfo`, or `TZDIR`), with chrono-tz behind it.
    #[must_use]
    pub fn system() -> Self {
        let directory = std::env::var_os("TZDIR").filter(|directory| !directory.is_empty());
        Self::in_directory(&directory.map_or_else(|| PathBuf::from(ZONEINFO), PathBuf::from))
    }

    /// From the zoneinfo files in `directory`, with chrono-tz behind it.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            directory: Some(directory.to_owned()),
            loaded: Mutex::default(),
        }
    }

    /// From chrono-tz alone.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            directory: None,
            loaded: Mutex::default(),
        }
    }

    /// The zone called `name`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn get(&self, name: &str) -> Result<Arc<Zone>, ZoneError> {
        self.find(name).map(|(zone, _)| zone)
    }

    /// Where `name`'s data comes from.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn origin(&self, name: &str) -> Result<Origin, ZoneError> {
        self.find(name).map(|(_, origin)| origin)
    }

    /// Forgets what was loaded, so that zones are read afresh: the OS may have updated them.
    pub fn refresh(&self) {
        self.loaded().clear();
    }

    /// The node's own zone name: `tz` (the variable `TZ`), else `/etc/timezone`, else the link
    /// `/etc/localtime`, else `UTC`. Whether there is such a zone is for [`Self::get`] to say.
    #[must_use]
    pub fn node_zone(tz: Option<&str>) -> String {
        node::zone_name(Path::new("/etc"), tz)
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<String, (Arc<Zone>, Origin)>> {
        // A thread that panicked here left whole entries behind; they stay good.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Result<(Arc<Zone>, Origin), ZoneError> {
        let mut loaded = self.loaded();
        if let Some(known) = loaded.get(name) {
            return Ok(known.clone());
        }
        let (zone, origin) = self.load(name).ok_or_else(|| ZoneError::Unknown {
            name: name.chars().take(LONGEST_NAME).collect(),
            hint: hint(name),
        })?;
        // Only real names come here, so that the map is bounded by the tz database.
        Ok(loaded
            .entry(name.to_owned())
            .or_insert((Arc::new(zone), origin))
            .clone())
    }

    fn load(&self, name: &str) -> Option<(Zone, Origin)> {
        if !plausible(name) {
            return None;
        }
        if let Some(directory) = &self.directory
            && let Some(zone) = zoneinfo::load(directory, name)
        {
            let version = zoneinfo::version(directory);
            return Some((
                zone,
                Origin::System {
                    directory: directory.clone(),
                    version,
                },
            ));
        }
        let zone = embedded::load(name)?;
        Some((
            zone,
            Origin::Embedded {
                version: embedded::VERSION,
            },
        ))
    }
}

/// Whether a name could be one of the tz database, and surely leads nowhere but below its directory.
fn plausible(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-_.".contains(&byte))
    };
    name.len() <= LONGEST_NAME && name.split('/').all(part)
}

/// The known name that is nearest, if any is near.
fn hint(name: &str) -> String {
    let usual = || "give a name of the tz database, as \"Europe/Berlin\"".to_owned();
    if name.is_empty() || name.len() > LONGEST_NAME {
        return usual();
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(' ', "_");
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let asked = plain(name);
    let distance = |known: &str| {
        let known = plain(known);
        let whole = strsim::damerau_levenshtein(&asked, &known);
        // "Berlin" for "Europe/Berlin", but not any three letters for any other.
        let by_city = strsim::damerau_levenshtein(&city(&asked), &city(&known)) + 1;
        whole.min(by_city)
    };
    let nearest = embedded::names().min_by_key(|known| distance(known));
    let bound = (asked.len() / 4).clamp(1, 3);
    match nearest {
        Some(known) if distance(known) <= bound => format!("did you mean {known:?}?"),
        _ => usual(),
    }
}

#[cfg(test)]
mod tests;
