//! Which zone this node is in.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Enough for any zone's name; in bytes.
const LONGEST: u64 = 256;

/// The zone name by `TZ`, else by `timezone` or the link `localtime` in the folder `etc`, else `UTC`.
pub(super) fn zone_name(etc: &Path, tz: Option<&str>) -> String {
    tz.and_then(by_variable)
        .or_else(|| by_file(&etc.join("timezone")))
        .or_else(|| by_link(&etc.join("localtime")))
        .unwrap_or_else(|| "UTC".to_owned())
}

/// `Europe/Berlin`, `:Europe/Berlin`, or a path into zoneinfo. Set but empty means UTC, as POSIX has it.
fn by_variable(tz: &str) -> Option<String> {
    let tz = tz.strip_prefix(':').unwrap_or(tz);
    if tz.is_empty() {
        return Some("UTC".to_owned());
    }
    if !tz.starts_with('/') {
        return Some(tz.to_owned());
    }
    below_zoneinfo(Path::new(tz)).or_else(|| by_link(Path::new(tz)))
}

fn by_file(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(LONGEST)
        .read_to_string(&mut text)
        .ok()?;
    let name = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(name.to_owned())
}

fn by_link(path: &Path) -> Option<String> {
    below_zoneinfo(&std::fs::read_link(path).ok()?)
}

/// The part of a path behind its folder `zoneinfo`.
fn below_zoneinfo(path: &Path) -> Option<String> {
    let (_, name) = path.to_str()?.rsplit_once("/zoneinfo/")?;
    (!name.is_empty()).then(|| name.to_owned())
}
