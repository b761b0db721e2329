//! Reading listings: from documents to plans and problems; and of the next listing only what is new.
//!
//! A listing comes a page at a time. A document whose digest is that of one in the listing before is as it was, so
//! it is not parsed again, nor kept. What is new goes to the planner page by page, for a plan's document means the same
//! whatever stands on the other pages; only what is missing needs the whole listing. So what is held of a listing is
//! one page, and eight bytes for each of its documents.
//!
//! A document that something is wrong with is read again each time: its problems are those of the last listing.

use std::collections::HashSet;
use std::sync::Arc;

use crate::plan::{self, Dialect, Digest, Digester, Digests, JobId, Plan, Problem};
use crate::planner::Broken;
use crate::source::{Document, Documents, Outline};

/// Problems of a listing that are kept: who has more does not read them one by one.
const PROBLEMS: usize = 10_000;

/// Documents that are understood in one go, and plans that the loop takes in before it looks at anything else: so many,
/// and of so many bytes. (Read, they may need forty times as much.)
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 512 << 10;

/// Bytes of documents that cannot be used that are kept until their listing is complete.
const BROKEN_BYTES: usize = 32 << 20;
/// What is kept of the others.
const LEFT_OUT: &str = "\"left out: too many bytes of documents that cannot be used\"";

/// Documents, in parts that are understood in one go.
pub fn parts(mut documents: &[Document]) -> impl Iterator<Item = &[Document]> {
    std::iter::from_fn(move || {
        let mut bytes = 0usize;
        let fits = documents.iter().take(AT_ONCE).take_while(|document| {
            bytes = bytes.saturating_add(document.text.get().len());
            bytes <= BYTES_AT_ONCE
        });
        // One that is longer is a part by itself; where there is none, that is the end.
        let (part, rest) = documents.split_at_checked(fits.count().max(1))?;
        documents = rest;
        Some(part)
    })
}

/// Documents, understood.
#[derive(Debug, Default)]
pub struct Understood {
    /// What can be used.
    pub plans: Vec<Plan>,
    /// Jobs whose document cannot.
    pub broken: Vec<Broken>,
    /// What is wrong with them, and what is odd about others; in the listing's order.
    pub problems: Vec<Problem>,
    /// Bytes of all of `broken`'s documents.
    broken_bytes: usize,
}

impl Understood {
    /// Reads every document; a bad one never stops the others.
    #[must_use]
    pub fn of(documents: &[Document]) -> Self {
        let mut all = Self::default();
        for document in documents {
            all.add(document);
        }
        all
    }

    /// Reads one more; tells whether something is wrong with it.
    fn add(&mut self, document: &Document) -> bool {
        match plan::parse(document.text.get(), &document.place) {
            Ok(parsed) => {
                self.plans.push(parsed.plan);
                let odd = !parsed.warnings.is_empty();
                self.problems.extend(parsed.warnings);
                odd
            }
            Err(problems) => {
                if let Some(problem) = problems.first() {
                    let text = document.text.get();
                    self.broken_bytes = self.broken_bytes.saturating_add(text.len());
                    let fits = self.broken_bytes <= BROKEN_BYTES;
                    let document: Arc<str> = Arc::from(if fits { text } else { LEFT_OUT });
                    self.broken.push(Broken {
                        job: JobId::new(&problem.job_id),
                        event: plan::event(text),
                        document,
                    });
                }
                self.problems.extend(problems);
                true
            }
        }
    }
}

/// What a complete listing says, beside the plans that it told of page by page.
#[derive(Debug, Default)]
pub struct Read {
    /// All of its documents that cannot be used.
    pub broken: Vec<Broken>,
    /// What is wrong with its documents, or odd: the first [`PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub further: usize,
    /// The digests of all of its plans, changed or not.
    pub digests: Arc<Digests>,
    /// There are plans of the Virtuozzo dialect in it.
    pub virtuozzo: bool,
    /// The documents that a copy of it holds, if they were to be collected.
    pub documents: Option<Documents>,
}

/// What is remembered of the listing before.
#[derive(Debug)]
pub struct Reading {
    digester: Digester,
    /// What was in it, and known to those who were told of it; where there is an outline, without what that has.
    known: Arc<Digests>,
    /// Those of them that are read again each time.
    odd: HashSet<Digest>,
    /// The others, as they stood in it: they need not even be looked for in the next one.
    outline: Arc<Outline>,
    /// There was no listing before: this much was known without one, and nothing is known of its problems.
    first: bool,
    virtuozzo: bool,
    /// Every document is wanted each time.
    collects: bool,
}

/// A listing of which some pages are in.
#[derive(Debug)]
pub struct Begun<'a> {
    before: &'a mut Reading,
    digests: Digests,
    odd: HashSet<Digest>,
    understood: Understood,
    further: usize,
    virtuozzo: bool,
    documents: Option<Documents>,
}

impl Reading {
    /// Nothing was read yet. `known`: digests of documents that are known all the same, from before a restart.
    #[must_use]
    pub fn new(digester: Digester, known: Digests) -> Self {
        Self {
            outline: Arc::new(Outline::blank(digester.clone())),
            digester,
            known: Arc::new(known),
            odd: HashSet::new(),
            first: true,
            virtuozzo: false,
            collects: false,
        }
    }

    /// Whether the documents of the listings to come are to be collected. Then each is read each time.
    pub fn collect(&mut self, wanted: bool) {
        self.collects = wanted;
    }

    /// The next listing is told of whole.
    pub fn forget(&mut self) {
        self.known = Arc::default();
        self.odd.clear();
        self.outline = self.blank();
    }

    fn blank(&self) -> Arc<Outline> {
        Arc::new(Outline::blank(self.digester.clone()))
    }

    /// A listing begins.
    pub fn begin(&mut self) -> Begun<'_> {
        let room = self.known.len().max(self.outline.len());
        Begun {
            digests: Digests::with_capacity_and_hasher(room, foldhash::fast::RandomState::default()),
            odd: HashSet::new(),
            understood: Understood::default(),
            further: 0,
            virtuozzo: false,
            documents: self.collects.then(Documents::default),
            before: self,
        }
    }
}

impl Begun<'_> {
    /// What it is compared with, by those who can.
    #[must_use]
    pub fn outline(&self) -> Arc<Outline> {
        if self.before.collects {
            self.before.blank()
        } else {
            Arc::clone(&self.before.outline)
        }
    }

    /// Takes in some of its documents, and the digests of such as are as they were by its outline. Gives the plans among
    /// them that are new, or not as they were.
    pub fn take(&mut self, documents: &[Document], unchanged: &[Digest]) -> Vec<Plan> {
        self.digests.extend(unchanged);
        self.virtuozzo |= self.before.virtuozzo && !unchanged.is_empty();
        for document in documents {
            self.read(document);
        }
        std::mem::take(&mut self.understood.plans)
    }

    fn read(&mut self, document: &Document) {
        let digest = self.before.digester.digest(document.text.get());
        let known = self.before.known.contains(&digest);
        let trusted = !self.before.first && !self.before.collects && !self.before.odd.contains(&digest);
        if known && trusted {
            self.digests.insert(digest);
            self.virtuozzo |= self.before.virtuozzo;
            return;
        }
        let plans = self.understood.plans.len();
        let odd = self.understood.add(document);
        self.further += self.understood.problems.len().saturating_sub(PROBLEMS);
        self.understood.problems.truncate(PROBLEMS);
        let Some(plan) = self.understood.plans.get(plans) else {
            return;
        };
        self.virtuozzo |= plan.dialect == Dialect::Virtuozzo;
        // As freezer-scheduler copies: all but those of plans that have had their last run.
        if let Some(documents) = &mut self.documents
            && plan.reported.status != "completed"
        {
            documents.push((plan.id.clone(), Arc::clone(&plan.document)));
        }
        self.digests.insert(digest);
        if odd {
            self.odd.insert(digest);
        }
        if known {
            self.understood.plans.truncate(plans);
        }
    }

    /// Further problems of it.
    pub fn also(&mut self, problems: Vec<Problem>) {
        self.understood.problems.extend(problems);
    }

    /// All of it is in: it is what the next one is compared with.
    pub fn complete(mut self, mut outline: Outline) -> Read {
        if !self.odd.is_empty() || !self.understood.broken.is_empty() {
            let again = |digest: &Digest| self.odd.contains(digest) || !self.digests.contains(digest);
            outline.forget(|extent| extent.ours && again(&extent.digest));
        }
        let digests = Arc::new(self.digests);
        self.before.known = if outline.is_empty() || self.before.collects {
            Arc::clone(&digests)
        } else {
            Arc::new(self.odd.iter().copied().collect())
        };
        self.before.outline = Arc::new(outline);
        self.before.odd = self.odd;
        self.before.first = false;
        self.before.virtuozzo = self.virtuozzo;
        let Understood { broken, problems, .. } = self.understood;
        if let Some(documents) = &mut self.documents {
            let broken = broken.iter().filter(|one| *one.document != *LEFT_OUT);
            documents.extend(broken.map(|one| (one.job.clone(), Arc::clone(&one.document))));
        }
        Read {
            broken,
            problems,
            further: self.further,
            digests,
            virtuozzo: self.virtuozzo,
            documents: self.documents,
        }
    }
}

#[cfg(test)]
mod tests;
