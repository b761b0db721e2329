//! Rows for benches/bench.py: one JSON object a line.

fn line(work: &str, who: &str, size: usize, value: f64) {
    println!(
        "{}",
        serde_json::json!({"work": work, "who": who, "size": size, "value": value})
    );
}

/// Nanoseconds, bytes or a count of ours, with so many plans.
pub fn row(work: &str, size: usize, value: u128) {
    line(work, "freezerd", size, value as f64);
}

/// Nanoseconds or bytes of somebody else's.
pub fn peer(work: &str, who: &str, size: usize, value: u128) {
    line(work, who, size, value as f64);
}

/// So many a second.
pub fn rate(work: &str, size: usize, value: f64) {
    line(work, "freezerd", size, value);
}
