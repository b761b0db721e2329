//! The way out of the log: nobody waits for who reads it.
//!
//! A journal that hangs, and a pipe that nobody empties, take no more after some lines; whoever logs one more would wait with
//! it, and a daemon that waits starts no backup. So a line that cannot be taken at once is laid by, and a thread puts it out
//! as soon as that can be done; of too many the rest is lost, and counted. As long as lines are taken there is neither thread
//! nor delay: the last words of a daemon that dies are out before it is dead.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// Bytes that are laid by at most.
const MOST: usize = 1 << 20;

/// Where lines go.
pub(super) trait Door: Send + Sync + 'static {
    /// A line, as it waits.
    type Line: Send + std::fmt::Debug;

    /// Puts the line out, as far as it can be taken at once.
    fn put(&self, line: &mut Self::Line) -> Put;

    /// Returns when some may be taken.
    fn wait(&self);

    /// About how many bytes a line takes while it waits.
    fn size(line: &Self::Line) -> usize;
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// Nothing is left of it.
    Out,
    /// The rest of it cannot be taken now.
    Refused,
    /// It never will be.
    Gone,
}

/// A door, and what waits before it.
#[derive(Debug)]
pub(super) struct Outlet<D: Door> {
    door: D,
    waiting: Mutex<Waiting<D::Line>>,
    emptied: Condvar,
    /// Lines that were lost, ever.
    lost: Counter,
    /// Tells that so many were lost, now that lines are taken again.
    tell: fn(u64),
}

#[derive(Debug)]
struct Waiting<L> {
    lines: VecDeque<L>,
    bytes: usize,
    /// Lost since lines wait.
    lost: u64,
    /// A thread puts them out.
    attended: bool,
}

impl<D: Door> Outlet<D> {
    pub(super) fn new(door: D, lost: Counter, tell: fn(u64)) -> Arc<Self> {
        Arc::new(Self {
            door,
            waiting: Mutex::new(Waiting {
                lines: VecDeque::new(),
                bytes: 0,
                lost: 0,
                attended: false,
            }),
            emptied: Condvar::new(),
            lost,
            tell,
        })
    }

    /// Puts a line out, or lays it by: it is out, or on its way, behind all before it.
    pub(super) fn put(self: &Arc<Self>, mut line: D::Line) {
        let mut waiting = self.waiting();
        // Those that wait without a thread (there could be none) get their chance here.
        if !waiting.attended && self.drain(&mut waiting) && self.is_done(&mut line) {
            return;
        }
        let size = D::size(&line);
        if waiting.bytes.saturating_add(size) > MOST {
            waiting.lost = waiting.lost.saturating_add(1);
            self.lost.inc();
        } else {
            waiting.bytes += size;
            waiting.lines.push_back(line);
        }
        if !waiting.attended {
            let outlet = Arc::clone(self);
            let thread = std::thread::Builder::new().name("log".to_owned());
            // If there can be no thread, the next line tries again.
            waiting.attended = thread.spawn(move || outlet.attend()).is_ok();
        }
    }

    /// Until nothing waits, but no longer than this.
    pub(super) fn flush(&self, patience: Duration) {
        let mut waiting = self.waiting();
        if !waiting.attended {
            self.drain(&mut waiting);
        }
        let _ = self
            .emptied
            .wait_timeout_while(waiting, patience, |waiting| waiting.attended);
    }

    fn attend(&self) {
        loop {
            self.door.wait();
            let mut waiting = self.waiting();
            if !self.drain(&mut waiting) {
                continue;
            }
            let lost = std::mem::take(&mut waiting.lost);
            if lost == 0 {
                waiting.attended = false;
                self.emptied.notify_all();
                return;
            }
            drop(waiting);
            // It is a line, too: the next round is its.
            (self.tell)(lost);
        }
    }

    /// Puts out what waits, as far as it is taken; whether nothing is left.
    fn drain(&self, waiting: &mut Waiting<D::Line>) -> bool {
        while let Some(line) = waiting.lines.front_mut() {
            let size = D::size(line);
            if !self.is_done(line) {
                return false;
            }
            waiting.lines.pop_front();
            waiting.bytes = waiting.bytes.saturating_sub(size);
        }
        // Its room, too: it is seldom needed.
        waiting.lines = VecDeque::new();
        true
    }

    fn is_done(&self, line: &mut D::Line) -> bool {
        let put = self.door.put(line);
        if put == Put::Gone {
            self.lost.inc();
        }
        put != Put::Refused
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<D::Line>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(120);

    /// A door that can be shut, and what went out by it.
    #[derive(Debug, Default)]
    struct Gate {
        shut: Mutex<bool>,
        opened: Condvar,
        out: Mutex<Vec<String>>,
    }

    impl Gate {
        fn set(&self, shut: bool) {
            *self.shut.lock().unwrap() = shut;
            self.opened.notify_all();
        }
    }

    impl Door for Arc<Gate> {
        type Line = String;

        fn put(&self, line: &mut String) -> Put {
            if *self.shut.lock().unwrap() {
                return Put::Refused;
            }
            if line == "nobody's" {
                return Put::Gone;
            }
            self.out.lock().unwrap().push(line.clone());
            Put::Out
        }

        fn wait(&self) {
            let shut = self.shut.lock().unwrap();
            drop(self.opened.wait_while(shut, |shut| *shut).unwrap());
        }

        fn size(line: &String) -> usize {
            line.len()
        }
    }

    fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|number| number.to_string()).collect()
    }

    #[test]
    fn lines_wait_for_a_shut_door_and_whoever_logs_does_not() {
        let gate = Arc::new(Gate::default());
        let lost = Counter::default();
        let outlet = Outlet::new(Arc::clone(&gate), lost.clone(), |_| panic!("none is lost"));
        numbers(0..10).into_iter().for_each(|line| outlet.put(line));
        assert_eq!(*gate.out.lock().unwrap(), numbers(0..10), "at once");
        assert!(!outlet.waiting().attended, "without a thread");
        for round in 1..20 {
            gate.set(true);
            numbers(10 * round..10 * round + 5)
                .into_iter()
                .for_each(|line| outlet.put(line));
            assert_eq!(gate.out.lock().unwrap().len(), 10 * round);
            gate.set(false);
            // Those that come now are behind those that wait, whether these are out or not.
            numbers(10 * round + 5..10 * round + 10)
                .into_iter()
                .for_each(|line| outlet.put(line));
            outlet.flush(PATIENCE);
            assert_eq!(*gate.out.lock().unwrap(), numbers(0..10 * round + 10));
        }
        assert_eq!(lost.get(), 0);
        assert_eq!(outlet.waiting().bytes, 0);
    }

    #[test]
    fn of_too_many_the_rest_is_lost_and_told() {
        static TOLD: AtomicU64 = AtomicU64::new(0);
        let gate = Arc::new(Gate::default());
        let lost = Counter::default();
        let outlet = Outlet::new(Arc::clone(&gate), lost.clone(), |lines| {
            TOLD.fetch_add(lines, Ordering::SeqCst);
        });
        gate.set(true);
        let line = "x".repeat(MOST / 8);
        (0..12).for_each(|_| outlet.put(line.clone()));
        assert_eq!(lost.get(), 4);
        gate.set(false);
        outlet.flush(PATIENCE);
        assert_eq!(gate.out.lock().unwrap().len(), 8);
        assert_eq!(TOLD.load(Ordering::SeqCst), 4);
        outlet.put(line);
        assert_eq!(gate.out.lock().unwrap().len(), 9, "there is room again");
    }

    #[test]
    fn a_line_that_nobody_will_ever_take_is_counted_and_holds_up_none() {
        let gate = Arc::new(Gate::default());
        let lost = Counter::default();
        let outlet = Outlet::new(Arc::clone(&gate), lost.clone(), |_| {
            panic!("all there is was told")
        });
        outlet.put("nobody's".to_owned());
        gate.set(true);
        outlet.put("nobody's".to_owned());
        outlet.put("last".to_owned());
        gate.set(false);
        outlet.flush(PATIENCE);
        assert_eq!((lost.get(), gate.out.lock().unwrap().len()), (2, 1));
    }

    #[test]
    fn what_waits_without_a_thread_is_put_out_with_the_next_line_or_at_the_end() {
        let gate = Arc::new(Gate::default());
        let outlet = Outlet::new(Arc::clone(&gate), Counter::default(), |_| ());
        for end in [true, false] {
            outlet.waiting().lines.push_back("first".to_owned());
            if end {
                outlet.flush(PATIENCE);
            } else {
                outlet.put("second".to_owned());
            }
        }
        assert_eq!(*gate.out.lock().unwrap(), ["first", "first", "second"]);
        assert!(!outlet.waiting().attended);
    }

    #[test]
    fn the_end_does_not_wait_for_ever() {
        let gate = Arc::new(Gate::default());
        let outlet = Outlet::new(Arc::clone(&gate), Counter::default(), |_| ());
        gate.set(true);
        outlet.put("last words".to_owned());
        outlet.flush(Duration::from_millis(1));
        assert!(gate.out.lock().unwrap().is_empty());
        gate.set(false);
    }
}
