//! What a supervisor says, from its first run to its end.

use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;

use crate::planner::RunId;

use super::Inner;
use super::spares::{MOMENT, Next, Spare};
use super::watch::settle;

/// Once a supervisor is gone, so is its end of the pipe; what it said is read within this.
const LAST_LINES_GRACE: Duration = Duration::from_secs(1);
/// No line is longer.
const LONGEST: usize = 128;

/// A line of a supervisor's.
#[derive(Debug, PartialEq)]
enum Said {
    /// The run's first agent was started.
    Started(DateTime<Utc>),
    /// The run is over; so the supervisor would have ended.
    Ended(ExitStatus),
    /// It took the run it was given.
    Took,
}

impl Said {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        match line.split_once(' ') {
            Some(("started", at)) => Some(Self::Started(DateTime::parse_from_rfc3339(at).ok()?.to_utc())),
            Some(("ended", code)) => {
                let code: u8 = code.parse().ok()?;
                Some(Self::Ended(ExitStatus::from_raw(i32::from(code) << 8)))
            }
            None if line == "took" => Some(Self::Took),
            _ => None,
        }
    }
}

/// Its lines, as they come.
pub(super) struct Lines {
    from: Receiver,
    read: Vec<u8>,
}

impl Lines {
    pub(super) fn new(from: Receiver) -> Self {
        let read = Vec::new();
        Self { from, read }
    }

    /// The next one. `None`: there will be none, or it is none of a supervisor's. Whoever stops waiting loses nothing.
    async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let said = Said::parse(self.read.get(..end)?);
                self.read.drain(..=end);
                return said;
            }
            let mut some = [0; LONGEST];
            let count = self.from.read(&mut some).await.ok()?;
            if count == 0 || self.read.len() > LONGEST {
                return None;
            }
            self.read.extend_from_slice(some.get(..count)?);
        }
    }
}

/// Where the next run of a supervisor comes from.
pub(super) type Given = oneshot::Receiver<Next>;

/// A supervisor that is a child of ours.
pub(super) struct Supervisor {
    pub(super) pid: u32,
    pub(super) nice: Option<i32>,
    /// Readable when it is gone.
    pub(super) ends: AsyncFd<Arc<OwnedFd>>,
    pub(super) says: Option<Lines>,
    /// `None`: it gets no further run.
    pub(super) tells: Option<PipeWriter>,
}

impl Supervisor {
    /// Until it is gone, through all the runs it is given. Gives the one it had then, if its end was not told.
    pub(super) async fn see_through(mut self, inner: &Arc<Inner>, run: RunId) -> Option<RunId> {
        let mut run = run;
        loop {
            let Some(end) = self.until_over(inner, &run).await else {
                return Some(run);
            };
            inner.let_go(&run);
            // It waits already: who hears of the end may have the next run for it.
            let given = self.offer(inner, None);
            let settling = Arc::clone(inner);
            let told = inner
                .tasks
                .spawn_blocking(move || settle(&settling, &run, Some(end)));
            let _ = told.await;
            run = self.next(inner, given).await?;
        }
    }

    /// The same for one that has no run yet.
    pub(super) async fn see_through_from(mut self, inner: &Arc<Inner>, given: Given) -> Option<RunId> {
        let first = self.next(inner, Some(given)).await?;
        self.see_through(inner, first).await
    }

    /// From now on it may be given a run; `expects`: this one, as far as it is known. `None`: it is told nothing more.
    pub(super) fn offer(&mut self, inner: &Inner, expects: Option<&RunId>) -> Option<Given> {
        let tells = self.tells.take()?;
        let (gives, given) = oneshot::channel();
        inner.add_spare(Spare {
            pid: self.pid,
            nice: self.nice,
            expects: expects.cloned(),
            tells,
            gives,
        });
        Some(given)
    }

    /// What it is given. `None`: nothing, and it is gone.
    async fn next(&mut self, inner: &Arc<Inner>, given: Option<Given>) -> Option<RunId> {
        let next = match given {
            Some(given) => self.wait_for_more(inner, given).await,
            None => None,
        };
        let Some(Next { run, nice, tells }) = next else {
            let _ = self.ends.readable().await;
            return None;
        };
        (self.nice, self.tells) = (nice, Some(tells));
        Some(run)
    }

    async fn wait_for_more(&self, inner: &Arc<Inner>, mut given: Given) -> Option<Next> {
        let comes = async {
            tokio::select! {
                biased;
                next = &mut given => Some(next.ok()),
                _ = self.ends.readable() => None,
            }
        };
        if let Ok(Some(next)) = tokio::time::timeout(MOMENT, comes).await {
            return next;
        }
        if inner.drop_spare(self.pid) {
            return None;
        }
        // Given at this very moment.
        given.await.ok()
    }

    /// Until the run is over, and how the supervisor says it ended; `None`: the supervisor is gone. Tells on the way that
    /// the first agent was started.
    async fn until_over(&mut self, inner: &Inner, run: &RunId) -> Option<ExitStatus> {
        let (pid, supervisor) = (self.pid, Arc::clone(self.ends.get_ref()));
        if let Some(says) = &mut self.says {
            let mut over = Box::pin(async move {
                loop {
                    match says.next().await? {
                        Said::Started(at) => inner.tell_started(run, pid, at),
                        Said::Took => inner.taken(run, &supervisor),
                        Said::Ended(end) => return Some(end),
                    }
                }
            });
            let heard = tokio::select! {
                biased;
                heard = &mut over => heard,
                // The pipe died with it: there are its lines, or its end, unless somebody else has the pipe.
                _ = self.ends.readable() => tokio::time::timeout(LAST_LINES_GRACE, over).await.ok().flatten(),
            };
            if heard.is_some() {
                return heard;
            }
        }
        // It says nothing any more, so it is told nothing.
        (self.says, self.tells) = (None, None);
        let _ = self.ends.readable().await;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn only_a_supervisors_own_lines_count() {
        let started = Said::parse(b"started 1970-01-01T00:00:00.000Z");
        assert_eq!(started, Some(Said::Started(chrono::DateTime::UNIX_EPOCH)));
        assert_eq!(Said::parse(b"took"), Some(Said::Took));
        let Some(Said::Ended(end)) = Said::parse(b"ended 31") else {
            panic!("no end")
        };
        assert_eq!(end.code(), Some(31));
        for strange in ["ended", "ended 256", "started", "took 1", "hello"] {
            assert_eq!(Said::parse(strange.as_bytes()), None, "{strange}");
        }
    }
}
