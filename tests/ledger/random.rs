//! Random records, deliveries, prunings and restarts: the ledger is what the model is, at every step.

use freezerd::ledger::ReportId;
use freezerd::plan::JobId;
use freezerd::planner::{
    Admission, Membership, Outcome, Queued, Reason, Record, Refusal, Report, RunId, RunRecord, RunState,
    SessionEnd, SessionTag, Verdict, VerdictRecord,
};
use proptest::prelude::*;

use crate::model::Model;
use crate::{Store, at, due, job, plan};

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Record>),
    /// Of a report that ever waited: the API took it.
    Delivered(prop::sample::Index),
    /// Or did not.
    Failed(prop::sample::Index),
    Prune(i64),
    Reopen,
}

/// Few plans and due times, so that records meet; now and then a plan that was never recorded.
fn jobs() -> impl Strategy<Value = JobId> {
    prop_oneof![
        60 => prop::sample::select(PLANS.to_vec()).prop_map(job),
        1 => Just(job("unknown")),
    ]
}

/// The plans that are there from the beginning.
const PLANS: [&str; 2] = ["a", "b/unsafe"];

fn dues() -> impl Strategy<Value = i64> {
    0_i64..8
}

fn run_ids() -> impl Strategy<Value = RunId> {
    prop_oneof![
        5 => (jobs(), dues()).prop_map(|(job, when)| RunId::new(&job, due(when))),
        1 => Just(RunId::from_stored("odd".to_owned())),
    ]
}

fn states() -> impl Strategy<Value = RunState> {
    let outcomes = [Outcome::Success, Outcome::Fail, Outcome::Aborted, Outcome::Lost].map(RunState::Done);
    let open = [RunState::Queued, RunState::Starting, RunState::Running];
    prop::sample::select(open.into_iter().chain(outcomes).collect::<Vec<_>>())
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        run_ids().prop_map(Verdict::Run),
        run_ids().prop_map(Verdict::Coalesced),
        prop::sample::select(vec![Reason::Overlap, Reason::Stopped, Reason::Superseded])
            .prop_map(Verdict::Skipped),
    ]
}

fn events() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["start", "stop"]).prop_map(str::to_owned))
}

fn records() -> impl Strategy<Value = Record> {
    prop_oneof![
        4 => (jobs(), "[xy]", prop::option::weighted(0.8, "[a-z]{0,3}"), dues(), dues()).prop_map(
            |(job, name, document, first_seen, covered)| Record::Plan {
                job,
                name,
                project: None,
                document: document.map(Into::into),
                brief: None,
                first_seen: due(first_seen),
                covered: due(covered),
            }
        ),
        2 => (jobs(), dues()).prop_map(|(job, covered)| Record::Covered { job, covered: due(covered) }),
        1 => (jobs(), dues()).prop_map(|(job, since)| Record::Since { job, since: due(since) }),
        1 => jobs().prop_map(|job| Record::Forget { job }),
        8 => (jobs(), dues(), 0_i64..4, 1_u64..4, verdicts(), any::<u32>()).prop_map(
            |(job, first, span, count, verdict, decided)| Record::Verdict(VerdictRecord {
                job,
                first: due(first),
                last: due(first + span),
                count,
                verdict,
                decided: at(i64::from(decided)),
            })
        ),
        3 => (prop::collection::btree_set(jobs(), 1..3), dues(), any::<u32>()).prop_map(
            |(jobs, when, decided)| Record::Queued(Queued {
                jobs: jobs.into_iter().collect(),
                due: due(when),
                decided: at(i64::from(decided)),
            })
        ),
        8 => (run_ids(), jobs(), dues(), states(), prop::option::of(dues()), any::<Option<u32>>()).prop_map(
            |(id, job, when, state, not_before, pid)| Record::Run(RunRecord {
                id,
                job,
                project: None,
                due: due(when),
                first: not_before.map_or(due(when), |early| due(when.min(early))),
                count: u64::from(pid.unwrap_or(1)),
                covers: not_before.map_or(due(when), due),
                cadence: pid.map(i64::from),
                state,
                not_before: not_before.map(due),
                queued: at(when),
                started: pid.map(|pid| at(i64::from(pid))),
                ended: not_before.map(at),
                pid,
                detail: format!("{pid:?}"),
                session: pid.map(|pid| Box::new(Membership {
                    session: "s".to_owned(),
                    tag: i64::from(pid),
                    asked: at(when),
                    admission: Admission::Joined,
                    refused: not_before.map(|_| Refusal::HoldOff),
                    unheard: false,
                    again: false,
                })),
            })
        ),
        1 => (jobs(), dues()).prop_map(|(job, when)| Record::Withdraw { run: RunId::new(&job, due(when)) }),
        6 => (jobs(), prop::option::of(run_ids()), prop::option::of(dues()), prop::option::of(dues()), events())
            .prop_map(|(job, run, started, ended, answers_event)| Record::Report {
                job,
                run,
                report: Report {
                    status: "scheduled".to_owned(),
                    result: Some(String::new()),
                    time_started: started,
                    time_ended: ended,
                    current_pid: None,
                    answers_event,
                    session: started.map(|tag| SessionTag { session: "s".to_owned(), tag }),
                },
            }),
        2 => (jobs(), run_ids(), dues()).prop_map(|(job, run, tag)| Record::SessionEnd {
            job,
            run,
            end: SessionEnd { session: format!("s{}", tag % 2), tag, result: "success".to_owned(), unsure: false },
        }),
        1 => dues().prop_map(|when| Record::Polled { at: at(when) }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(records(), 0..5).prop_map(Step::Commit),
        2 => any::<prop::sample::Index>().prop_map(Step::Delivered),
        1 => any::<prop::sample::Index>().prop_map(Step::Failed),
        1 => dues().prop_map(Step::Prune),
        1 => Just(Step::Reopen),
    ]
}

/// The ledger beside its model.
struct Pair {
    store: Store,
    model: Model,
    /// Every report that ever waited: its name in the ledger, and its plan and number in the model.
    known: Vec<(ReportId, JobId, usize)>,
}

impl Pair {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let Self { store, model, known } = self;
        match step {
            Step::Commit(records) => {
                let committed = store.ledger().commit(&records);
                prop_assert_eq!(committed.is_ok(), model.commit(&records), "{:?}", committed);
                let Ok(committed) = committed else { return Ok(()) };
                let new: Vec<_> = committed
                    .reports
                    .iter()
                    .filter_map(|id| {
                        let waiting = store.ledger().reader().pending_reports(99).expect("reports");
                        let job = waiting.into_iter().find(|report| report.id == *id)?.job;
                        let number = model.reports.iter().find(|report| report.job == job)?.number;
                        Some((*id, job, number))
                    })
                    .collect();
                prop_assert_eq!(new.len(), committed.reports.len(), "what a commit tells of waits");
                known.extend(new);
            }
            Step::Delivered(index) if !known.is_empty() => {
                let (id, job, number) = index.get(known);
                store.ledger().delivered(*id).expect("written");
                model.delivered(job, *number);
            }
            Step::Failed(index) if !known.is_empty() => {
                let (id, _, number) = index.get(known);
                store.ledger().delivery_failed(*id, "no").expect("written");
                model.delivery_failed(*number);
            }
            Step::Delivered(_) | Step::Failed(_) => {}
            Step::Prune(before) => {
                while store.ledger().prune(due(before)).expect("pruned").more {}
                model.prune(due(before));
            }
            Step::Reopen => store.reopen(),
        }
        Ok(())
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let Self { store, model, .. } = self;
        let reader = store.ledger().reader();
        prop_assert_eq!(reader.restore().expect("restored"), model.restored());

        let waiting = reader.pending_reports(99).expect("reports");
        prop_assert_eq!(reader.report_backlog().expect("a number"), waiting.len() as u64);
        let found: Vec<_> = waiting
            .into_iter()
            .map(|one| (one.job, one.run, one.report, one.attempts))
            .collect();
        let meant: Vec<_> = model
            .waiting()
            .into_iter()
            .map(|one| (one.job, one.run, one.report, one.attempts))
            .collect();
        prop_assert_eq!(found, meant);

        let ends = reader.pending_session_ends(99).expect("ends");
        prop_assert_eq!(reader.session_backlog().expect("a number"), ends.len() as u64);
        let ends: Vec<_> = ends.into_iter().map(|one| (one.job, one.run, one.end)).collect();
        prop_assert_eq!(&ends, &model.ends);

        let runs = reader.runs(None, 99).expect("runs");
        let (mut rows, mut waits): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| model.runs.contains(run));
        rows.reverse();
        prop_assert_eq!(&rows, &model.runs);
        prop_assert!(waits.is_sorted_by(|one, other| one.queued >= other.queued));
        let mut meant = model.waits();
        for run in &meant {
            let named = reader.run(&run.id).expect("read");
            prop_assert_eq!(named.map(|named| named.id), Some(run.id.clone()));
            prop_assert!(reader.runs(Some(&run.job), 99).expect("runs").contains(run));
        }
        waits.sort_by(|one, other| one.job.cmp(&other.job));
        meant.sort_by(|one, other| one.job.cmp(&other.job));
        prop_assert_eq!(waits, meant);
        for (job, plan) in &model.plans {
            let meant = model.verdicts(job);
            for when in -1..16 {
                let at = meant.iter().find(|verdict| verdict.first <= due(when));
                let at = at.filter(|verdict| verdict.last >= due(when)).cloned();
                prop_assert_eq!(reader.verdict_at(job, due(when)).expect("read"), at);
            }
            prop_assert_eq!(
                reader.verdicts(job, due(0), due(99), 99).expect("verdicts"),
                meant
            );
            let known = reader.plans(Some(job.as_str()), 9).expect("plans");
            prop_assert_eq!((&known[0].name, &known[0].document), (&plan.name, &plan.document));
        }
        prop_assert_eq!(reader.plans(None, 99).expect("plans").len(), model.plans.len());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_is_what_the_model_is(steps in prop::collection::vec(steps(), 1..40)) {
        let mut pair = Pair { store: Store::new(), model: Model::default(), known: Vec::new() };
        pair.step(Step::Commit(PLANS.map(|id| plan(id, 0, 0)).to_vec()))?;
        for step in steps {
            pair.step(step)?;
            pair.compare()?;
        }
    }
}
