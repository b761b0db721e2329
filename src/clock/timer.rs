//! The wall-clock timer: wakes at an instant of UTC, or when somebody sets the clock.
//!
//! A timerfd on `CLOCK_REALTIME` with cancel-on-set. An ordinary sleep counts monotonic time: it is late by
//! as long as the machine was suspended, and wrong by as much as the clock was stepped. This one is neither,
//! and costs no wake-up until it is due.

use std::os::fd::OwnedFd;

use chrono::{DateTime, Utc};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Clock, SystemClock};

/// Where the timer stands when nothing is due, so that it still hears of clock steps: the year 2255.
/// (The kernel's own limit is 2262.)
const FAR: i64 = 9_000_000_000;

/// Why a [`Timer`] woke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woke {
    /// The instant has come: the wall clock reads it, or later. Never early.
    Due,
    /// The wall clock was stepped, or the machine was resumed: look at the clock again, and decide anew.
    ClockStepped,
}

/// What can go wrong with a [`Timer`].
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// The system gave none.
    #[error("cannot create the wall-clock timer (timerfd on CLOCK_REALTIME): {0}")]
    Create(std::io::Error),
    /// The system refused to set it.
    #[error("cannot set the wall-clock timer to {until:?}: {source}")]
    Set {
        /// To when; `None`: to nothing but clock steps.
        until: Option<DateTime<Utc>>,
        /// Why.
        source: std::io::Error,
    },
    /// It could not be waited for.
    #[error("cannot wait for the wall-clock timer: {0}")]
    Wait(std::io::Error),
}

/// Waits for instants of the wall clock.
#[derive(Debug)]
pub struct Timer {
    fd: AsyncFd<OwnedFd>,
    /// What the kernel was last told and has not yet answered.
    armed: Option<Timespec>,
}

impl Timer {
    /// A timer that is not set. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the system has no timer, or no file descriptor, to give.
    pub fn new() -> Result<Self, TimerError> {
        let fd = timerfd_create(
            TimerfdClockId::Realtime,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )
        .map_err(|errno| TimerError::Create(errno.into()))?;
        let fd = registered(fd).map_err(TimerError::Create)?;
        Ok(Self { fd, armed: None })
    }

    /// Waits until the wall clock reads `until`, or is stepped; with `None`, until it is stepped.
    ///
    /// An instant in the past is due at once. Cancel-safe: a wait that is dropped loses nothing, and the
    /// next one for the same instant asks the kernel for nothing.
    ///
    /// # Errors
    /// When the system refuses; not because of any `until`.
    pub async fn wait(&mut self, until: Option<DateTime<Utc>>) -> Result<Woke, TimerError> {
        let target = expiry(until);
        if self.armed != Some(target) && self.arm(target, until)? == Armed::AfterStep {
            return Ok(Woke::ClockStepped);
        }
        loop {
            let mut guard = self.fd.readable().await.map_err(TimerError::Wait)?;
            let mut ticks = [0_u8; 8];
            match read_of(rustix::io::read(self.fd.get_ref(), &mut ticks)) {
                Ok(Read::NotYet) => guard.clear_ready(),
                Ok(Read::Expired) => {
                    self.armed = None;
                    return Ok(woke(until, SystemClock::default().now()));
                }
                Ok(Read::Stepped) => {
                    self.armed = None;
                    return Ok(Woke::ClockStepped);
                }
                Err(errno) => {
                    self.armed = None;
                    return Err(TimerError::Wait(errno.into()));
                }
            }
        }
    }

    fn arm(&mut self, target: Timespec, until: Option<DateTime<Utc>>) -> Result<Armed, TimerError> {
        self.armed = None;
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: target,
        };
        let armed =
            armed_by(timerfd_settime(self.fd.get_ref(), flags, &once).map(|_| ())).map_err(|errno| {
                TimerError::Set {
                    until,
                    source: errno.into(),
                }
            })?;
        if armed == Armed::Quietly {
            self.armed = Some(target);
        }
        Ok(armed)
    }
}

/// Tokio's successor of this constructor is `unsafe`, for file types that may change or close their
/// descriptor while it is registered. An `OwnedFd` can do neither: it is open, and the same, until dropped,
/// and nothing here swaps it.
#[expect(
    deprecated,
    reason = "sound for an OwnedFd, and its successor would need unsafe code"
)]
fn registered(fd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// What setting the timer brought.
#[derive(Debug, PartialEq, Eq)]
enum Armed {
    Quietly,
    /// The kernel tells of a step that nobody has read yet (and arms the timer all the same).
    AfterStep,
}

fn armed_by(set: Result<(), Errno>) -> Result<Armed, Errno> {
    match set {
        Ok(()) => Ok(Armed::Quietly),
        Err(Errno::CANCELED) => Ok(Armed::AfterStep),
        Err(errno) => Err(errno),
    }
}

/// What reading the timer brought.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Expired,
    Stepped,
    NotYet,
}

fn read_of(read: Result<usize, Errno>) -> Result<Read, Errno> {
    match read {
        Ok(_) => Ok(Read::Expired),
        Err(Errno::CANCELED) => Ok(Read::Stepped),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Read::NotYet),
        Err(errno) => Err(errno),
    }
}

/// What an expiry means. One that comes although the clock does not read `until` (it was set back between
/// the expiry and now; or the far end of time) is a reason to look again, never a due time.
fn woke(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Woke {
    match until {
        Some(until) if now >= until => Woke::Due,
        _ => Woke::ClockStepped,
    }
}

/// The kernel's form of `until`, inside the bounds it takes. Zero would switch the timer off: an instant
/// at or before the epoch becomes the first nanosecond after it.
fn expiry(until: Option<DateTime<Utc>>) -> Timespec {
    let Some(until) = until else {
        return Timespec {
            tv_sec: FAR,
            tv_nsec: 0,
        };
    };
    match until.timestamp() {
        seconds if seconds >= FAR => Timespec {
            tv_sec: FAR,
            tv_nsec: 0,
        },
        seconds if seconds < 0 => Timespec {
            tv_sec: 0,
            tv_nsec: 1,
        },
        // chrono counts a leap second as nanoseconds beyond 999,999,999, which the kernel refuses.
        seconds => match i64::from(until.timestamp_subsec_nanos()) {
            0 if seconds == 0 => Timespec {
                tv_sec: 0,
                tv_nsec: 1,
            },
            nanos if nanos >= 1_000_000_000 => Timespec {
                tv_sec: seconds + 1,
                tv_nsec: nanos - 1_000_000_000,
            },
            nanos => Timespec {
                tv_sec: seconds,
                tv_nsec: nanos,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;

    /// Long enough for a loaded machine; a timer that never fires fails here instead of hanging.
    const PATIENCE: Duration = Duration::from_secs(120);

    fn now() -> DateTime<Utc> {
        SystemClock::default().now()
    }

    async fn patiently(timer: &mut Timer, until: Option<DateTime<Utc>>) -> Woke {
        tokio::time::timeout(PATIENCE, timer.wait(until))
            .await
            .expect("the timer fires")
            .expect("it works")
    }

    #[tokio::test]
    async fn a_past_instant_is_due_at_once() {
        let mut timer = Timer::new().unwrap();
        for past in [
            now() - TimeDelta::days(400),
            DateTime::UNIX_EPOCH,
            DateTime::<Utc>::MIN_UTC,
        ] {
            assert_eq!(patiently(&mut timer, Some(past)).await, Woke::Due, "{past}");
        }
    }

    #[tokio::test]
    async fn never_early() {
        let mut timer = Timer::new().unwrap();
        for millis in [0, 1, 7, 30] {
            let until = now() + TimeDelta::milliseconds(millis);
            assert_eq!(patiently(&mut timer, Some(until)).await, Woke::Due);
            assert!(now() >= until, "woke before {until}");
        }
    }

    #[tokio::test]
    async fn a_dropped_wait_loses_nothing() {
        let mut timer = Timer::new().unwrap();
        let until = now() + TimeDelta::milliseconds(30);
        for _ in 0..3 {
            // Polled once, which arms it, then dropped: what `select!` does to the branch that lost.
            tokio::select! {
                biased;
                woke = timer.wait(Some(until)) => assert_eq!(woke.unwrap(), Woke::Due),
                () = std::future::ready(()) => {}
            }
        }
        assert_eq!(patiently(&mut timer, Some(until)).await, Woke::Due);
    }

    #[tokio::test]
    async fn the_same_instant_is_armed_once() {
        let mut timer = Timer::new().unwrap();
        let until = Some(now() + TimeDelta::days(1));
        assert_eq!(timer.arm(expiry(until), until).unwrap(), Armed::Quietly);
        assert_eq!(timer.armed, Some(expiry(until)));
        // Behind the timer's back the kernel is told "at once": only a wait that does not re-arm sees it.
        let soon = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: 0,
                tv_nsec: 1,
            },
        };
        timerfd_settime(timer.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &soon).unwrap();
        // It expires before `until`, so it is not due: never early, whatever the kernel says.
        assert_eq!(patiently(&mut timer, until).await, Woke::ClockStepped);
        assert_eq!(timer.armed, None);
    }

    #[tokio::test]
    async fn an_earlier_instant_replaces_a_later_one_and_a_later_one_an_expired_one() {
        let mut timer = Timer::new().unwrap();
        let nothing = tokio::time::timeout(Duration::from_millis(1), timer.wait(None)).await;
        assert!(nothing.is_err(), "nothing is due");
        assert_eq!(
            patiently(&mut timer, Some(now() - TimeDelta::seconds(1))).await,
            Woke::Due
        );

        // Armed for the past but not read: the expiry must not leak into the wait for a later instant.
        let past = Some(now() - TimeDelta::seconds(1));
        timer.arm(expiry(past), past).unwrap();
        let later = now() + TimeDelta::milliseconds(20);
        assert_eq!(patiently(&mut timer, Some(later)).await, Woke::Due);
        assert!(now() >= later);
    }

    #[test]
    fn the_kernels_words() {
        assert_eq!(read_of(Ok(8)), Ok(Read::Expired));
        assert_eq!(read_of(Err(Errno::CANCELED)), Ok(Read::Stepped));
        assert_eq!(read_of(Err(Errno::AGAIN)), Ok(Read::NotYet));
        assert_eq!(read_of(Err(Errno::INTR)), Ok(Read::NotYet));
        assert_eq!(read_of(Err(Errno::INVAL)), Err(Errno::INVAL));
        assert_eq!(armed_by(Ok(())), Ok(Armed::Quietly));
        assert_eq!(armed_by(Err(Errno::CANCELED)), Ok(Armed::AfterStep));
        assert_eq!(armed_by(Err(Errno::INVAL)), Err(Errno::INVAL));
    }

    #[test]
    fn an_expiry_is_due_only_when_the_clock_says_so() {
        let at = DateTime::from_timestamp(1_774_746_000, 5).unwrap();
        assert_eq!(woke(Some(at), at), Woke::Due);
        assert_eq!(woke(Some(at), at + TimeDelta::hours(9)), Woke::Due);
        assert_eq!(woke(Some(at), at - TimeDelta::nanoseconds(1)), Woke::ClockStepped);
        assert_eq!(woke(None, at), Woke::ClockStepped);
    }

    #[test]
    fn expiries_stay_inside_the_kernels_bounds() {
        let at = |seconds, nanos| DateTime::from_timestamp(seconds, nanos);
        let spec = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        assert_eq!(expiry(at(1_774_746_000, 5)), spec(1_774_746_000, 5));
        assert_eq!(expiry(at(0, 0)), spec(0, 1));
        assert_eq!(expiry(at(-1, 999_999_999)), spec(0, 1));
        assert_eq!(expiry(None), spec(FAR, 0));
        assert_eq!(expiry(Some(DateTime::<Utc>::MAX_UTC)), spec(FAR, 0));
        assert_eq!(expiry(Some(DateTime::<Utc>::MIN_UTC)), spec(0, 1));
        assert_eq!(
            expiry(at(1_483_228_799, 1_500_000_000)),
            spec(1_483_228_800, 500_000_000)
        );
    }
}
