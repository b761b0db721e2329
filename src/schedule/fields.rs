//! The eight calendar fields: their keys, bounds and names.

/// One calendar field of a `job_schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// The document's key.
    pub key: &'static str,
    /// The lowest value.
    pub first: u32,
    /// The highest value.
    pub last: u32,
    /// Names of its values, from `first` on.
    pub names: &'static [&'static str],
    /// What a single value may be, for messages.
    pub values: &'static str,
    /// What it means when it is left out and no less significant field is given: its first value; of weeks and
    /// weekdays, any.
    pub left_out: &'static str,
}

/// Weekdays, from Monday = 0.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Months, from January = 1.
pub(super) const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Which of a month's Mondays (Tuesdays ...), for `schedule_day`.
pub(super) const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

pub(super) const YEAR: Field = Field {
    key: "schedule_year",
    first: 1970,
    last: 9999,
    names: &[],
    values: "1970-9999",
    left_out: "1970",
};
pub(super) const MONTH: Field = Field {
    key: "schedule_month",
    first: 1,
    last: 12,
    names: &MONTHS,
    values: "1-12 or jan..dec",
    left_out: "1",
};
pub(super) const DAY: Field = Field {
    key: "schedule_day",
    first: 1,
    last: 31,
    names: &[],
    values: "1-31, last, or a weekday of the month as \"1st fri\" .. \"5th fri\", \"last fri\"",
    left_out: "1",
};
pub(super) const WEEK: Field = Field {
    key: "schedule_week",
    first: 1,
    last: 53,
    names: &[],
    values: "1-53 (ISO weeks)",
    left_out: "*",
};
pub(super) const DAY_OF_WEEK: Field = Field {
    key: "schedule_day_of_week",
    first: 0,
    last: 6,
    names: &WEEKDAYS,
    values: "0-6 (0 = Monday) or mon..sun",
    left_out: "*",
};
pub(super) const HOUR: Field = Field {
    key: "schedule_hour",
    first: 0,
    last: 23,
    names: &[],
    values: "0-23",
    left_out: "0",
};
pub(super) const MINUTE: Field = Field {
    key: "schedule_minute",
    first: 0,
    last: 59,
    names: &[],
    values: "0-59",
    left_out: "0",
};
pub(super) const SECOND: Field = Field {
    key: "schedule_second",
    first: 0,
    last: 59,
    names: &[],
    values: "0-59",
    left_out: "0",
};
