//! Whether the daemon lives and is ready, as one shared state.
//!
//! Living means that the main loop answers when it is asked. It is asked by whoever wants to know (a
//! probe of `/healthz`, the watchdog), so that a daemon with nothing due and nobody asking sleeps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Shared by the main loop, which reports, and by those who show it.
#[derive(Debug)]
pub struct Health {
    /// `Some`: not ready, and why.
    obstacle: RwLock<Option<String>>,
    stopping: AtomicBool,
    question: Notify,
    /// How many questions there were.
    asked: AtomicU64,
    /// How many of them are answered.
    answered: watch::Sender<u64>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Not ready: it is starting.
    #[must_use]
    pub fn new() -> Self {
        Self {
            obstacle: RwLock::new(Some("starting".to_owned())),
            stopping: AtomicBool::new(false),
            question: Notify::new(),
            asked: AtomicU64::new(0),
            answered: watch::Sender::new(0),
        }
    }

    /// It does its job.
    pub fn set_ready(&self) {
        *self.obstacle.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// It does not, for this reason: one line, no secrets; whoever can reach the port reads it.
    pub fn set_not_ready(&self, reason: &str) {
        *self.obstacle.write().unwrap_or_else(PoisonError::into_inner) = Some(super::one_line(reason));
    }

    /// It is on its way out, and will not be ready again, whatever else goes well.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Why it is not ready; `None`: it is.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        if self.stopping.load(Ordering::SeqCst) {
            return Some("stopping".to_owned());
        }
        self.obstacle
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The main loop has come round; it says so each time. Answers all who asked before this call, after
    /// `prepare`, which is for them: what they look at next is of a moment after their question.
    pub fn heartbeat(&self, prepare: impl FnOnce()) {
        let asked = self.asked.load(Ordering::SeqCst);
        if asked != *self.answered.borrow() {
            prepare();
            self.answered.send_replace(asked);
        }
    }

    /// A branch for the main loop's `select!`: completes when somebody wants to know whether it lives.
    /// Cancel-safe. One answer serves all who ask.
    pub async fn asked(&self) {
        self.question.notified().await;
    }

    /// Asks the main loop, and says whether it answers `within` so long.
    pub async fn answers(&self, within: Duration) -> bool {
        let mut answered = self.answered.subscribe();
        let number = self.asked.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        self.question.notify_one();
        let answer = answered.wait_for(|answered| *answered >= number);
        matches!(tokio::time::timeout(within, answer).await, Ok(Ok(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn a_living_loop_answers_all_who_ask() {
        let health = Arc::new(Health::new());
        let main_loop = tokio::spawn({
            let health = Arc::clone(&health);
            async move {
                loop {
                    health.asked().await;
                    health.heartbeat(|| {});
                }
            }
        });
        let within = Duration::from_secs(120);
        let (a, b) = tokio::join!(health.answers(within), health.answers(within));
        assert!(a && b);
        assert!(health.answers(within).await, "and again");
        main_loop.abort();
    }

    #[tokio::test]
    async fn an_old_heartbeat_is_no_answer() {
        let health = Health::new();
        health.heartbeat(|| panic!("nobody asked"));
        assert!(!health.answers(Duration::from_millis(5)).await);
        // The question stays: a loop that comes back finds it.
        tokio::time::timeout(Duration::from_secs(120), health.asked())
            .await
            .expect("still asked");
    }

    #[tokio::test]
    async fn an_answer_is_of_a_moment_after_the_question() {
        let health = Health::new();
        let within = Duration::from_secs(120);
        let (mut first, mut second) = (pin!(health.answers(within)), pin!(health.answers(within)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        let mut prepared = false;
        health.heartbeat(|| {
            prepared = true;
            // Asked too late for what is being prepared.
            assert!(second.as_mut().poll(&mut context).is_pending());
        });
        assert!(prepared);
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(true));
        assert!(second.as_mut().poll(&mut context).is_pending());
        health.heartbeat(|| {});
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(true));
    }

    #[test]
    fn readiness_has_a_reason() {
        let health = Health::new();
        assert_eq!(health.obstacle().as_deref(), Some("starting"));
        health.set_ready();
        assert_eq!(health.obstacle(), None);
        health.set_not_ready("no listing\nyet: connection refused");
        assert_eq!(
            health.obstacle().as_deref(),
            Some("no listing yet: connection refused")
        );
        health.set_stopping();
        health.set_ready();
        assert_eq!(health.obstacle().as_deref(), Some("stopping"), "for good");
    }
}
