//! `[dispatch.limits]`: what one run may use up.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::fragment::LimitsFragment;
use crate::config::settings::Limits;
use crate::config::size::Size;

use super::{Check, DAY, SECOND};

/// Less than this not even an agent's interpreter comes up in: most likely a forgotten unit.
const LEAST_MEMORY: u64 = 16 << 20;

impl Check<'_> {
    /// The limits, each within what the kernel and systemd take.
    pub(super) fn limits(&mut self, limits: &LimitsFragment) -> Limits {
        let weights = 1..=10_000;
        if limits.memory_max.is_some_and(|Size(bytes)| bytes < LEAST_MEMORY) {
            self.refuse(
                "dispatch.limits.memory_max",
                "is less than 16M; with a unit, as \"2G\"?",
            );
        }
        let runtime_max = limits.runtime_max.map(|length| {
            let range = (SECOND, DAY * 366);
            self.length("dispatch.limits.runtime_max", Some(length), Duration::ZERO, range)
        });
        Limits {
            cpu_weight: self.within("dispatch.limits.cpu_weight", limits.cpu_weight, &weights),
            io_weight: self.within("dispatch.limits.io_weight", limits.io_weight, &weights),
            memory_max: limits.memory_max.map(|Size(bytes)| bytes),
            runtime_max,
            nice: self.within("dispatch.limits.nice", limits.nice, &(-20..=19)),
        }
    }

    fn within<N>(&mut self, name: &str, number: Option<N>, range: &RangeInclusive<N>) -> Option<N>
    where
        N: PartialOrd + std::fmt::Display,
    {
        if let Some(number) = &number
            && !range.contains(number)
        {
            let message = format!("{number} is not between {} and {}", range.start(), range.end());
            self.refuse(name, &message);
        }
        number
    }
}
