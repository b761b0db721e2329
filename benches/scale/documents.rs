//! The documents of a cloud: some hundred schedules, a thousand projects, and one plan for each number.

use chrono::{DateTime, Utc};

/// The project of plan `number`.
fn project(number: usize) -> String {
    format!("{:032x}", 0xab5_0000 + number % 1000)
}

/// The id of plan `number`, as the API gives them.
pub fn id(number: usize) -> String {
    format!("{:032x}", (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// What stands in `job_schedule` of plan `number`: one of ten is due at `due`, the others at other hours.
pub fn schedule(number: usize, due: DateTime<Utc>) -> String {
    let hour = due.format("%H").to_string().parse::<usize>().unwrap_or(0);
    if number.is_multiple_of(10) {
        return format!(
            r#""schedule_hour": "{hour}", "schedule_minute": "{}", "schedule_second": "{}""#,
            due.format("%M"),
            due.format("%S")
        );
    }
    // Never in the hour of `due` nor in the ones beside it.
    let other = (hour + 2 + number % 20) % 24;
    match number % 3 {
        0 => format!(
            r#""schedule_hour": "{other}", "schedule_minute": "{}""#,
            number % 60
        ),
        1 => format!(r#""schedule_day_of_week": "mon,wed,fri", "schedule_hour": "{other}""#),
        _ => format!(
            r#""schedule_day": "{}", "schedule_hour": "{other}""#,
            1 + number % 28
        ),
    }
}

/// The document of plan `number` at its `edition`-th edit, as upstream's API shows one.
pub fn document(number: usize, schedule: &str, edition: usize) -> String {
    let (id, project) = (id(number), project(number));
    format!(
        r#"{{"job_id": "{id}", "project_id": "{project}", "user_id": "d1899d7f32d64b1bb95e262e7a6a4bc2", "client_id": "node-1", "description": "nightly of vm-{number}, {edition}", "created_at": "2026-01-05T09:51:10", "updated_at": "2026-02-05T09:52:58", "job_schedule": {{{schedule}, "status": "scheduled", "result": "", "event": "", "time_created": 1767606670, "time_started": -1, "time_ended": -1}}, "session_id": "", "session_tag": 0, "job_actions": [{{"action_id": "b9dc9e548b914b80a06d752342828371", "max_retries": 3, "max_retries_interval": 60, "mandatory": false, "freezer_action": {{"action": "backup", "mode": "cinder", "storage": "swift", "container": "backups-{number}", "backup_name": "vm-{number}", "cinder_vol_id": "{id}", "remove_older_than": "30", "max_level": 6}}}}]}}"#
    )
}

/// A page of a listing.
pub fn page<'a>(documents: impl Iterator<Item = &'a str>) -> String {
    let documents: Vec<&str> = documents.collect();
    format!("{{\"jobs\": [{}]}}", documents.join(", "))
}
