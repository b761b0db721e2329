//! Reading many documents at once: to understand one takes longer than to find it in its listing.
//!
//! Whoever finds them gives them to threads that read them, and is given what came of each, in their order. Of a small
//! listing nothing is worth a thread. What is on its way is bounded.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use crate::plan::{self, JobId, Parsed, Plan, Problem};
use crate::source;

/// Bytes of documents that are read in one go.
const BATCH: usize = 256 << 10;
/// Batches on their way for each thread: one that it reads, and some that wait, so that nobody is held up by who is slow to
/// wake.
const AHEAD: usize = 8;
/// Most threads: the one that finds the documents feeds no more.
const MOST_THREADS: usize = 8;

/// What came of one document.
#[derive(Debug)]
pub(super) struct Read<P> {
    /// The document's place and id.
    pub place: String,
    pub id: Option<JobId>,
    /// What was made of its plan; `None`: it cannot be used.
    pub plan: Option<P>,
    /// What is wrong with it, or odd.
    pub problems: Vec<Problem>,
}

impl<P> Read<P> {
    /// Of the document `text`, read as the daemon reads it. `place` is as in [`plan::parse`].
    pub(super) fn of(text: &str, place: String, look: &impl Fn(Plan) -> P) -> Self {
        match plan::parse(text, &place) {
            Ok(Parsed { plan, warnings }) => Self {
                place,
                id: Some(plan.id.clone()),
                plan: Some(look(plan)),
                problems: warnings,
            },
            Err(problems) => Self {
                place,
                id: source::id_of(text),
                plan: None,
                problems,
            },
        }
    }
}

/// Documents one behind the other, each with its place and the end of its text.
#[derive(Debug, Default)]
struct Batch {
    text: String,
    documents: Vec<(String, usize)>,
}

impl Batch {
    fn read<P>(self, look: &impl Fn(Plan) -> P) -> Vec<Read<P>> {
        let mut start = 0;
        let one = |(place, end)| {
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            Read::of(text, place, look)
        };
        self.documents.into_iter().map(one).collect()
    }
}

/// Threads that read, as soon as they are worth it.
pub(super) struct Readers<'scope, 'env, L, P, T> {
    scope: &'scope Scope<'scope, 'env>,
    look: &'env L,
    take: T,
    batch: Batch,
    threads: Option<Threads<P>>,
}

struct Threads<P> {
    work: Sender<(usize, Batch)>,
    done: Receiver<(usize, Vec<Read<P>>)>,
    most: usize,
    given: usize,
    taken: usize,
    /// What came out of turn.
    early: BTreeMap<usize, Vec<Read<P>>>,
}

impl<'scope, 'env, L, P, T> Readers<'scope, 'env, L, P, T>
where
    L: Fn(Plan) -> P + Sync,
    P: Send + 'scope,
    T: FnMut(Read<P>),
{
    /// `look` is asked what to keep of a plan, in the thread that reads it: the plan itself, with all of its document, goes
    /// from no thread to another. `take` is told of each document, in order, in this thread.
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, look: &'env L, take: T) -> Self {
        Self {
            scope,
            look,
            take,
            batch: Batch::default(),
            threads: None,
        }
    }

    /// One more document.
    pub(super) fn give(&mut self, place: String, text: &str) {
        self.batch.text.push_str(text);
        self.batch.documents.push((place, self.batch.text.len()));
        if self.batch.text.len() >= BATCH {
            let threads = self
                .threads
                .get_or_insert_with(|| Threads::start(self.scope, self.look));
            threads.give(std::mem::take(&mut self.batch), &mut self.take);
        }
    }

    /// There are no more.
    pub(super) fn end(mut self) {
        if let Some(mut threads) = self.threads.take() {
            threads.until_at_most(0, &mut self.take);
        }
        self.batch.read(self.look).into_iter().for_each(self.take);
    }
}

impl<P> Threads<P> {
    fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        look: &'env (impl Fn(Plan) -> P + Sync),
    ) -> Self
    where
        P: Send + 'scope,
    {
        let count = std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
        let ((work, batches), (tell, done)) = (channel(), channel());
        let batches = Arc::new(Mutex::new(batches));
        for _ in 0..count {
            let (batches, tell) = (Arc::clone(&batches), tell.clone());
            scope.spawn(move || read_each(&batches, look, &tell));
        }
        Self {
            work,
            done,
            most: AHEAD * count,
            given: 0,
            taken: 0,
            early: BTreeMap::new(),
        }
    }

    fn give(&mut self, batch: Batch, take: &mut impl FnMut(Read<P>)) {
        self.until_at_most(self.most - 1, take);
        // One that panicked takes no more; the panic is told when all are over.
        let _ = self.work.send((self.given, batch));
        self.given += 1;
    }

    /// Takes what was read, until no more than so many batches are on their way.
    fn until_at_most(&mut self, most: usize, take: &mut impl FnMut(Read<P>)) {
        while self.given - self.taken > most
            && let Ok((number, read)) = self.done.recv()
        {
            self.early.insert(number, read);
            while let Some(read) = self.early.remove(&self.taken) {
                read.into_iter().for_each(&mut *take);
                self.taken += 1;
            }
        }
    }
}

/// Until there are no more.
fn read_each<P>(
    batches: &Mutex<Receiver<(usize, Batch)>>,
    look: &impl Fn(Plan) -> P,
    tell: &Sender<(usize, Vec<Read<P>>)>,
) {
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, batch)) = next else { return };
        let mut answer = Answer {
            tell,
            number,
            read: Vec::new(),
        };
        answer.read = batch.read(look);
    }
}

/// What came of a batch. It is told in any case: whoever waits for it would wait for ever, and the panic that was the cause
/// be told by nobody.
struct Answer<'a, P> {
    tell: &'a Sender<(usize, Vec<Read<P>>)>,
    number: usize,
    read: Vec<Read<P>>,
}

impl<P> Drop for Answer<'_, P> {
    fn drop(&mut self) {
        // Nobody listens any more once the listing has failed.
        let _ = self.tell.send((self.number, std::mem::take(&mut self.read)));
    }
}

#[cfg(test)]
mod tests {
    use super::{AHEAD, BATCH, MOST_THREADS, Readers};
    use crate::plan::Plan;

    /// What is told of so many documents of so many bytes.
    fn told(count: usize, bytes: usize) -> Vec<String> {
        let (mut told, id) = (Vec::new(), |plan: Plan| plan.id.to_string());
        std::thread::scope(|scope| {
            let mut readers = Readers::new(scope, &id, |read: super::Read<String>| {
                let problem = || read.problems.first().map(|one| one.job_id.clone());
                told.push(read.plan.or_else(problem).unwrap_or_default());
            });
            let pad = "x".repeat(bytes);
            for number in 0..count {
                // Each third cannot be used, and says so by its place.
                let id = if number % 3 == 0 {
                    String::new()
                } else {
                    format!(r#""job_id": "{number}", "#)
                };
                let text = format!(
                    r#"{{{id}"pad": "{pad}", "job_actions": [{{"freezer_action": {{"action": "backup"}}}}]}}"#
                );
                readers.give(number.to_string(), &text);
            }
            readers.end();
        });
        told
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_told_and_nobody_waits_for_ever() {
        let look = |plan: Plan| assert_ne!(plan.id.as_str(), "1");
        std::thread::scope(|scope| {
            let mut readers = Readers::new(scope, &look, drop);
            for number in 0..AHEAD * MOST_THREADS * 5 {
                let pad = "x".repeat(BATCH);
                let text = format!(r#"{{"job_id": "{number}", "pad": "{pad}"}}"#);
                readers.give("here".to_owned(), &text);
            }
            readers.end();
        });
    }

    #[test]
    fn each_is_told_once_and_in_order() {
        let many = AHEAD * MOST_THREADS * 5;
        for (count, bytes) in [
            (0, 0),
            (1, 10),
            (7, 10),
            (many, BATCH),
            (10 * many, BATCH / 4),
            (3, BATCH),
        ] {
            let wanted: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            assert_eq!(told(count, bytes), wanted);
        }
    }
}
