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
use crate::source::{Document, Documents};

/// Documents, understood.
#[derive(Debug, Default)]
pub struct Understood {
    /// What can be used.
    pub plans: Vec<Plan>,
    /// Jobs whose document cannot.
    pub broken: Vec<Broken>,
    /// What is wrong with them, and what is odd about others; in the listing's order.
    pub problems: Vec<Problem>,
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
                    let document: Arc<str> = Arc::from(document.text.get());
                    self.broken.push(Broken {
                        job: JobId::new(&problem.job_id),
                        event: plan::event(&document),
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
    /// All that is wrong with its documents, or odd.
    pub problems: Vec<Problem>,
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
    /// What was in it, and known to those who were told of it.
    known: Arc<Digests>,
    /// Those of them that are read again each time.
    odd: HashSet<Digest>,
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
    virtuozzo: bool,
    documents: Option<Documents>,
}

impl Reading {
    /// Nothing was read yet. `known`: digests of documents that are known all the same, from before a restart.
    #[must_use]
    pub fn new(digester: Digester, known: Digests) -> Self {
        Self {
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
    }

    /// A listing begins.
    pub fn begin(&mut self) -> Begun<'_> {
        let room = self.known.len();
        Begun {
            digests: Digests::with_capacity_and_hasher(room, foldhash::fast::RandomState::default()),
            odd: HashSet::new(),
            understood: Understood::default(),
            virtuozzo: false,
            documents: self.collects.then(Documents::default),
            before: self,
        }
    }
}

impl Begun<'_> {
    /// Takes in some of its documents. Gives the plans among them that are new, or not as they were.
    pub fn take(&mut self, documents: &[Document]) -> Vec<Plan> {
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
    pub fn complete(mut self) -> Read {
        let digests = Arc::new(self.digests);
        self.before.known = Arc::clone(&digests);
        self.before.odd = self.odd;
        self.before.first = false;
        self.before.virtuozzo = self.virtuozzo;
        let Understood { broken, problems, .. } = self.understood;
        if let Some(documents) = &mut self.documents {
            let broken = broken.iter();
            documents.extend(broken.map(|one| (one.job.clone(), Arc::clone(&one.document))));
        }
        Read {
            broken,
            problems,
            digests,
            virtuozzo: self.virtuozzo,
            documents: self.documents,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    fn document(value: &Value) -> Document {
        Document {
            place: "a test".to_owned(),
            text: RawValue::from_string(value.to_string()).expect("JSON"),
        }
    }

    fn plan(id: &str, hour: &str) -> Document {
        let action = json!({"freezer_action": {"action": "backup"}});
        document(&json!({"job_id": id, "job_schedule": {"schedule_hour": hour}, "job_actions": [action]}))
    }

    fn unread() -> Reading {
        Reading::new(Digester::seeded(7), Digests::default())
    }

    /// The ids of the plans that are told of, in pages of two; and the rest.
    fn read(reading: &mut Reading, documents: &[Document]) -> (Vec<String>, Read) {
        let mut begun = reading.begin();
        let pages = documents.chunks(2).flat_map(|page| begun.take(page));
        let told = pages.map(|plan| plan.id.to_string()).collect();
        (told, begun.complete())
    }

    #[test]
    fn of_the_next_listing_only_what_is_new_is_told() {
        let mut reading = unread();
        let all = [plan("a", "1"), plan("b", "1"), plan("c", "1")];
        let (told, rest) = read(&mut reading, &all);
        assert_eq!(
            (told, rest.digests.len()),
            (vec!["a".into(), "b".into(), "c".into()], 3)
        );
        let (told, rest) = read(&mut reading, &[plan("a", "1"), plan("b", "2"), plan("d", "1")]);
        assert_eq!((told, rest.digests.len()), (vec!["b".into(), "d".into()], 3));
        // What a listing left out is new when it comes again.
        assert_eq!(read(&mut reading, &all).0, ["b", "c"]);
        reading.forget();
        assert_eq!(read(&mut reading, &all).0, ["a", "b", "c"]);
    }

    #[test]
    fn a_document_that_changed_only_in_what_it_reports_is_told_of() {
        let mut reading = unread();
        let at = |status: &str| {
            let action = json!({"freezer_action": {"action": "backup"}});
            document(&json!({"job_id": "a", "job_schedule": {"status": status}, "job_actions": [action]}))
        };
        read(&mut reading, &[at("scheduled")]);
        assert_eq!(read(&mut reading, &[at("running")]).0, ["a"]);
    }

    #[test]
    fn a_listing_that_breaks_off_is_not_remembered() {
        let mut reading = unread();
        read(&mut reading, &[plan("a", "1")]);
        reading.begin().take(&[plan("a", "2"), plan("b", "1")]);
        let again = read(&mut reading, &[plan("a", "2"), plan("b", "1")]);
        assert_eq!(again.0, ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_is_told_of_every_listing_also_the_first_after_a_restart() {
        let odd =
            || document(&json!({"job_id": "odd", "job_schedule": {"schedule_hour": 1}, "job_actions": []}));
        let bad = || document(&json!({"job_id": "bad", "job_schedule": {"schedule_hour": "25"}}));
        let digester = Digester::seeded(7);
        let known = [odd(), plan("a", "1")].map(|document| digester.digest(document.text.get()));
        let mut reading = Reading::new(digester, known.into_iter().collect());
        for _ in 0..3 {
            let (told, rest) = read(&mut reading, &[odd(), bad(), plan("a", "1")]);
            let jobs: HashSet<&str> = rest.problems.iter().map(|one| one.job_id.as_str()).collect();
            assert_eq!(jobs, HashSet::from(["odd", "bad"]));
            assert_eq!((told, rest.broken.len(), rest.digests.len()), (vec![], 1, 2));
        }
    }

    #[test]
    fn the_dialect_is_remembered_with_what_is_unchanged() {
        let mut reading = unread();
        let theirs = || {
            let action = json!({"freezer_action": {"action": "backup"}});
            document(
                &json!({"job_id": "v", "status": "scheduled", "job_schedule": {}, "job_actions": [action]}),
            )
        };
        assert!(!read(&mut reading, &[plan("a", "1")]).1.virtuozzo);
        for _ in 0..2 {
            assert!(read(&mut reading, &[theirs()]).1.virtuozzo);
        }
    }

    #[test]
    fn a_copy_gets_every_document_that_has_a_run_to_come_and_those_that_cannot_be_used() {
        let over = || {
            let action = json!({"freezer_action": {"action": "backup"}});
            document(
                &json!({"job_id": "over", "job_schedule": {"status": "completed"}, "job_actions": [action]}),
            )
        };
        let mut reading = unread();
        reading.collect(true);
        for told in [vec!["a", "over"], vec![]] {
            let bad = document(&json!({"job_id": "bad", "job_schedule": 1}));
            let (new, rest) = read(&mut reading, &[plan("a", "1"), over(), bad]);
            let copied: HashSet<String> = rest
                .documents
                .expect("them")
                .iter()
                .map(|(id, _)| id.to_string())
                .collect();
            assert_eq!(copied, HashSet::from(["a".to_owned(), "bad".to_owned()]));
            assert_eq!(new, told);
        }
    }
}
