//! The system's zoneinfo: compiled TZif files below one directory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use tz::TimeZone;
use tz::timezone::{AlternateTime, RuleDay, TransitionRule};

use super::{FROM, LAST_YEAR, UNTIL};
use crate::schedule::{Segment, Zone};

/// No zone's file is larger, by far; in bytes.
const LARGEST: u64 = 256 * 1024;
/// How much of a file is read to find a version; in bytes.
const VERSION_LINE: u64 = 128;

/// The zone in the file `name`; `None` if there is none that can be read.
pub(super) fn load(directory: &Path, name: &str) -> Option<Zone> {
    from_tzif(name, &read(&directory.join(name), LARGEST)?)
}

/// The tzdata version that the directory says it has, as `2026f`.
pub(super) fn version(directory: &Path) -> Option<String> {
    ["tzdata.zi", "+VERSION", "version"].iter().find_map(|file| {
        let head = read_head(&directory.join(file), VERSION_LINE)?;
        let text = String::from_utf8_lossy(&head);
        let line = text.lines().next()?;
        let version = line.strip_prefix("# version ").unwrap_or(line).trim();
        let short = (4..=16).contains(&version.len());
        let plain = version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        (short && plain).then(|| version.to_owned())
    })
}

/// A whole file; `None` if it cannot be read or is larger than `most` bytes.
fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let bytes = read_head(path, most + 1)?;
    (u64::try_from(bytes.len()).ok()? <= most).then_some(bytes)
}

/// The beginning of a regular file.
fn read_head(path: &Path, most: u64) -> Option<Vec<u8>> {
    // Asked before it is opened: to open a pipe would wait for a writer.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// From the bytes of a TZif file. `None`: not such a file, or one that counts leap seconds (`right/...`),
/// by which no civil clock goes.
pub(super) fn from_tzif(name: &str, bytes: &[u8]) -> Option<Zone> {
    let file = TimeZone::from_tz_data(bytes).ok()?;
    let file = file.as_ref();
    if !file.leap_seconds().is_empty() {
        return None;
    }
    let mut first = file.local_time_types().first()?.ut_offset();
    let mut segments = Vec::new();
    let mut add = |segment: Segment| {
        if segment.start <= FROM {
            first = segment.offset;
        } else if segment.start < UNTIL {
            segments.push(segment);
        }
    };
    let mut listed_until = i64::MIN;
    for transition in file.transitions() {
        listed_until = transition.unix_leap_time();
        let offset = file
            .local_time_types()
            .get(transition.local_time_type_index())?
            .ut_offset();
        add(Segment {
            start: listed_until,
            offset,
        });
    }
    match file.extra_rule() {
        Some(TransitionRule::Alternate(rule)) => {
            by_rule(rule)
                .into_iter()
                .filter(|segment| segment.start > listed_until)
                .for_each(add);
        }
        // What a file says beyond its last change is what that change says; only without any it is news.
        Some(TransitionRule::Fixed(fixed)) if file.transitions().is_empty() => first = fixed.ut_offset(),
        Some(TransitionRule::Fixed(_)) | None => {}
    }
    Some(Zone::new(name, first, &segments))
}

/// The changes of the clocks that a rule makes each year (the footer of the file has it).
fn by_rule(rule: &AlternateTime) -> Vec<Segment> {
    let (standard, summer) = (rule.std().ut_offset(), rule.dst().ut_offset());
    let change = |year: i32, day: &RuleDay, time: i32, before: i32, offset: i32| {
        let midnight = date_of(day, year)?.and_time(NaiveTime::MIN).and_utc().timestamp();
        Some(Segment {
            start: midnight + i64::from(time) - i64::from(before),
            offset,
        })
    };
    (FIRST_YEAR..=LAST_YEAR)
        .flat_map(|year| {
            [
                change(year, rule.dst_start(), rule.dst_start_time(), standard, summer),
                change(year, rule.dst_end(), rule.dst_end_time(), summer, standard),
            ]
        })
        .flatten()
        .collect()
}

/// One year before [`FROM`] becomes 1970, so that the offset of its beginning is known.
const FIRST_YEAR: i32 = 1969;

/// The date a rule's day falls on.
fn date_of(day: &RuleDay, year: i32) -> Option<NaiveDate> {
    let new_year = NaiveDate::from_ymd_opt(year, 1, 1)?;
    match day {
        // 1 to 365; 29 February is never counted.
        RuleDay::Julian1WithoutLeap(day) => {
            let skipped = u64::from(new_year.leap_year() && day.get() > 59);
            new_year.checked_add_days(Days::new(u64::from(day.get()).saturating_sub(1) + skipped))
        }
        // 0 to 365; 29 February is counted.
        RuleDay::Julian0WithLeap(day) => new_year.checked_add_days(Days::new(u64::from(day.get()))),
        RuleDay::MonthWeekDay(day) => {
            // tz counts weekdays from Sunday = 0; week 5 is the last one, whichever it is.
            let weekday = Weekday::try_from((day.week_day() + 6) % 7).ok()?;
            let month = u32::from(day.month());
            let nth = |nth| NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth);
            nth(day.week())
                .or_else(|| nth(4))
                .filter(|date| date.month() == month)
        }
    }
}
