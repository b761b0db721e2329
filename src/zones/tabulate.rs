//! The build script: writes chrono-tz's zones down as tables of numbers, which `embedded.rs` takes in.
//!
//! chrono-tz's own tables are forty thousand entries with a pointer each. The dynamic loader would have to put every one
//! of them right at the start of every process, and each supervisor of a run would keep that megabyte for itself: it
//! was a third of the time that one takes to come up. Numbers lie in the file as they are, and are shared.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{IANA_TZDB_VERSION, TZ_VARIANTS, Tz};

/// Zones are listed from here on: 1969-12-25, so that 1970 is whole wherever one is. Seconds since the epoch.
const FROM: i64 = -7 * 86_400;
/// Zones are listed up to here: 2101-01-01. Seconds since the epoch.
const UNTIL: i64 = 4_133_980_800;
/// How far apart the offsets are looked at, in seconds. No zone has changed its clocks twice in a day
/// since 1970.
const STRIDE: i64 = 86_400;

/// From each instant on, civil time is UTC plus so many seconds.
type Changes = Vec<(i64, i32)>;

#[expect(clippy::print_stdout, reason = "so a build script talks to cargo")]
fn main() -> Result<(), Box<dyn Error>> {
    // Not whenever any source changes. (That this file did, cargo sees by itself.)
    println!("cargo::rerun-if-changed=Cargo.toml");
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("zones.rs"), tables()?)?;
    Ok(())
}

/// What `embedded.rs` includes.
fn tables() -> Result<String, Box<dyn Error>> {
    let mut names: Vec<Tz> = TZ_VARIANTS.to_vec();
    names.sort_unstable_by_key(|tz| tz.name());
    // Many a name is but another one for the same zone.
    let mut places: HashMap<Changes, usize> = HashMap::new();
    let (mut zones, mut changes, mut count) = (String::new(), String::new(), 0);
    for tz in names {
        let (first, listed) = changes_of(tz)?;
        let length = listed.len();
        let from = match places.get(&listed) {
            Some(from) => *from,
            None => {
                for (start, offset) in &listed {
                    write!(changes, "({start},{offset}),")?;
                }
                places.insert(listed, count);
                count += length;
                count - length
            }
        };
        writeln!(zones, "    ({:?}, {first}, {from}, {length}),", tz.name())?;
    }
    Ok(format!(
        "pub(super) const VERSION: &str = {IANA_TZDB_VERSION:?};\n\
         pub(super) const FROM: i64 = {FROM};\n\
         pub(super) const UNTIL: i64 = {UNTIL};\n\
         pub(super) static ZONES: [(&str, i32, usize, usize); {}] = [\n{zones}];\n\
         pub(super) static CHANGES: [(i64, i32); {count}] = [{changes}];\n",
        TZ_VARIANTS.len()
    ))
}

/// The offset that a zone has first, and all later ones.
///
/// chrono-tz answers which offset holds at an instant, but does not list the changes; so the offsets of
/// all days are compared, and each change is narrowed down to its second.
fn changes_of(tz: Tz) -> Result<(i32, Changes), Box<dyn Error>> {
    let first = offset_at(tz, FROM)?;
    let mut changes = Changes::new();
    let (mut before, mut offset) = (FROM, first);
    while before < UNTIL {
        let after = before + STRIDE;
        let next = offset_at(tz, after)?;
        if next != offset {
            changes.push((change_between(tz, before, after)?, next));
            offset = next;
        }
        before = after;
    }
    Ok((first, changes))
}

/// The first instant, after `before` and up to `after`, with another offset than `before` has.
fn change_between(tz: Tz, mut before: i64, mut after: i64) -> Result<i64, Box<dyn Error>> {
    let offset = offset_at(tz, before)?;
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset_at(tz, middle)? == offset {
            before = middle;
        } else {
            after = middle;
        }
    }
    Ok(after)
}

fn offset_at(tz: Tz, instant: i64) -> Result<i32, Box<dyn Error>> {
    let instant = DateTime::from_timestamp(instant, 0).ok_or("no such instant")?;
    Ok(tz
        .offset_from_utc_datetime(&instant.naive_utc())
        .fix()
        .local_minus_utc())
}
