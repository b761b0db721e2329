//! When to try again, and how long to wait before.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{self, HeaderMap};

use crate::clock;
use crate::freezer::access::Patience;
use crate::freezer::error::ApiError;

/// The tries of one request.
#[derive(Debug)]
pub(in crate::freezer) struct Tries {
    patience: Patience,
    failed: u32,
}

impl Tries {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, failed: 0 }
    }

    /// Whether `error` may pass and a further try is left; if so, waits before it.
    pub async fn again(&mut self, error: &ApiError) -> bool {
        if self.failed >= self.patience.retries || !error.is_transient() {
            return false;
        }
        let wait = wait(&self.patience, self.failed, error.retry_after(), random());
        self.failed += 1;
        tracing::debug!(%error, wait_ms = wait.as_millis(), failed = self.failed, "trying again");
        clock::pause(wait).await;
        true
    }
}

/// The pause after the `failed`th failure (from 0): a random part (`random`, 0 to 1) of a time that doubles,
/// or what the server asked for with a random part of the first pause on top, so that not all of those who
/// were told the same time come back at once. Never longer than the limit.
fn wait(patience: &Patience, failed: u32, asked: Option<Duration>, random: f64) -> Duration {
    let part = |whole: Duration| whole.min(patience.back_off_limit).mul_f64(random.clamp(0.0, 1.0));
    match asked {
        Some(asked) => asked
            .saturating_add(part(patience.back_off))
            .min(patience.back_off_limit),
        None => part(patience.back_off.saturating_mul(2u32.saturating_pow(failed))),
    }
}

/// How long who goes on trying rests when the server asked for `asked` and we would wait for `ours`. One that asks for no time
/// at all gets its rest all the same.
#[must_use]
pub fn rest(asked: Option<Duration>, ours: Duration, longest: Duration) -> Duration {
    asked.unwrap_or_default().max(ours).min(longest)
}

/// A random number from 0 to 1. The standard library seeds its hasher from the operating system; nothing
/// here needs more than two nodes that do not agree, so no crate is asked for it.
pub(in crate::freezer) fn random() -> f64 {
    let bits = u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or(u32::MAX);
    f64::from(bits) / f64::from(u32::MAX)
}

/// `Retry-After`: seconds, or a date as HTTP writes it. A date in the past is no wait at all.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        connect: Duration::ZERO,
        request: Duration::ZERO,
        listing: Duration::ZERO,
        retries: 3,
        back_off: Duration::from_millis(500),
        back_off_limit: Duration::from_secs(30),
    };

    #[test]
    fn the_pause_doubles_up_to_its_limit_and_is_random_below() {
        let longest: Vec<u128> = (0..9)
            .map(|failed| wait(&PATIENCE, failed, None, 1.0).as_millis())
            .collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(wait(&PATIENCE, 3, None, 0.5).as_millis(), 2000);
        assert_eq!(wait(&PATIENCE, u32::MAX, None, 0.0), Duration::ZERO);
    }

    #[test]
    fn what_the_server_asks_for_is_kept_up_to_the_limit() {
        let asked = |seconds| wait(&PATIENCE, 5, Some(Duration::from_secs(seconds)), 0.5).as_millis();
        assert_eq!(asked(7), 7250);
        assert_eq!(asked(3600), 30000);
        assert_eq!(asked(u64::MAX), 30000);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            read("Sat, 28 Mar 2026 12:01:30 GMT"),
            Some(Duration::from_secs(90))
        );
        assert_eq!(read("Sat, 28 Mar 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-5"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn random_numbers_differ_and_stay_in_range() {
        let numbers: Vec<f64> = (0..64).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(numbers.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
