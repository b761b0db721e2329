//! The bounds of the histograms, in seconds: chosen for backups, which take from seconds to days.

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// From due to started: usually milliseconds, but hours after downtime.
pub(super) const LATENESS: [f64; 15] = [
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    15.0,
    MINUTE,
    5.0 * MINUTE,
    15.0 * MINUTE,
    HOUR,
    4.0 * HOUR,
    12.0 * HOUR,
    DAY,
];
/// From queued to started: nothing, or the length of somebody else's backup.
pub(super) const QUEUE_WAIT: [f64; 12] = [
    0.1,
    1.0,
    10.0,
    MINUTE,
    5.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
];
/// A backup: seconds for a folder, days for a petabyte.
pub(super) const RUN: [f64; 15] = [
    1.0,
    5.0,
    15.0,
    MINUTE,
    5.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    4.0 * HOUR,
    8.0 * HOUR,
    16.0 * HOUR,
    DAY,
    3.0 * DAY,
    7.0 * DAY,
];
/// One listing: milliseconds from a file, half an hour from a large service that searches.
pub(super) const POLL: [f64; 12] = [
    0.01,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
    30.0,
    2.0 * MINUTE,
    10.0 * MINUTE,
    HOUR,
];
