//! What befalls the daemon: when it is struck dead, and when its disk fails.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::rng::Rng;

/// Thrown through the daemon when it is killed.
pub struct Killed;

/// For what the ledger is used.
#[derive(Debug, Clone, Copy)]
pub enum Disk {
    /// What was decided is written.
    Commit,
    /// A plan's document is read.
    Document,
    /// What becomes of the record of a backup is written.
    Account,
    /// That the API took something, or did not, is written.
    Delivered,
    /// What waits until the API took it is read.
    Waiting,
}

/// Strikes the daemon dead before its n-th effect from now, and lets its disk fail.
#[derive(Debug, Default)]
pub struct Fate {
    countdown: AtomicI64,
    /// Percent of the commits that fail.
    failing: AtomicI64,
    commits: AtomicU64,
    failed: [AtomicU64; 5],
    /// How often it could have struck.
    places: AtomicI64,
}

impl Fate {
    /// At the n-th effect from now; 0: never.
    pub fn strike_at(&self, effect: i64) {
        self.countdown.store(effect, Ordering::Relaxed);
    }

    pub fn fail_commits(&self, percent: i64) {
        self.failing.store(percent, Ordering::Relaxed);
    }

    /// Whether it fails whoever asks, to do this.
    pub fn disk_fails(&self, what: Disk) -> bool {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let fails = Rng::new(number).chance(self.failing.load(Ordering::Relaxed));
        self.failed[what as usize].fetch_add(u64::from(fails), Ordering::Relaxed);
        fails
    }

    /// How often it failed each of them.
    pub fn failed(&self) -> [(&'static str, u64); 5] {
        let failed = |what: Disk| self.failed[what as usize].load(Ordering::Relaxed);
        [
            ("commits that failed", failed(Disk::Commit)),
            ("documents not read", failed(Disk::Document)),
            ("accounts not written", failed(Disk::Account)),
            ("deliveries not noted", failed(Disk::Delivered)),
            ("what waits not read", failed(Disk::Waiting)),
        ]
    }

    /// At how many places it could have struck so far.
    pub fn places(&self) -> i64 {
        self.places.load(Ordering::Relaxed)
    }

    /// Called before and after every effect.
    pub fn strikes(&self) {
        self.places.fetch_add(1, Ordering::Relaxed);
        if self.countdown.load(Ordering::Relaxed) > 0 && self.countdown.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::panic::panic_any(Killed);
        }
    }
}
