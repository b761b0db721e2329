//! Reading what is long, in a task.

use tokio::runtime::{Handle, RuntimeFlavor};

/// From so many bytes on it shows: milliseconds, and seconds for what somebody made to be slow to read.
const LONG: usize = 256 << 10;

/// Does `work` on so many bytes. While it lasts the other tasks of this thread go on elsewhere, and so does whoever hears of due
/// times and answers: all of them wait for one thread, and that may be this one.
pub fn at_length<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let elsewhere =
        || Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes >= LONG && elsewhere() {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// The only thread of the runtime works, until a task of that runtime has run.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_go_on_meanwhile() {
        let (done, waits) = mpsc::channel();
        let worked = tokio::spawn(async move {
            tokio::spawn(async move { done.send(()) });
            at_length(LONG, || waits.recv())
        });
        assert_eq!(worked.await.expect("it ends"), Ok(()));
    }

    #[tokio::test]
    async fn where_there_is_no_other_thread_it_is_done_here() {
        assert_eq!(at_length(LONG, || 7), 7);
    }

    #[test]
    fn nor_is_a_runtime_needed() {
        assert_eq!(at_length(LONG, || 7), 7);
    }
}
