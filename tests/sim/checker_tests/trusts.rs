use super::super::checker::{Asked, Evidence, Given, Refusal};
use super::*;

fn trusted(life: &History) -> usize {
    let with = |seen: &Evidence| life.trusts.contains_key(&seen.job);
    life.evidence.iter().position(with).expect("a plan with a trust")
}

const BREAKS: [Break; 7] = [
    ("acted by None", |life| {
        let at = trusted(life);
        life.evidence[at].trust = None;
    }),
    ("acted by Some", |life| {
        let at = trusted(life);
        life.evidence[at].project = true;
    }),
    ("ran in no user's name", |life| life.trusts.clear()),
    ("ran by a trust that Keystone had refused", |life| {
        let seen = life.evidence[trusted(life)].clone();
        life.asked.push(Asked {
            trust: life.trusts[&seen.job].clone(),
            at: seen.began - 1,
            given: Given::Refused,
        });
    }),
    ("failed for its trust, which Keystone had not refused", |life| {
        life.asked.retain(|asked| asked.given != Given::Refused);
    }),
    ("it came with a trust", |life| {
        let job = life.evidence[trusted(life)].job.clone();
        let record = life.verdicts.iter_mut().find(|record| record.job.as_str() == job);
        record.expect("a verdict").verdict = Verdict::Skipped(Reason::NoTrust);
    }),
    ("nobody asks for a trust", |life| {
        life.rules.central = false;
        life.verdicts[0].verdict = Verdict::Skipped(Reason::NoTrust);
    }),
];

#[test]
fn every_kind_of_broken_trust_is_seen() {
    let sound = rich(
        |script| script.central == Some(true),
        |life| {
            let with = |seen: &Evidence| life.trusts.contains_key(&seen.job);
            life.evidence.iter().any(with) && life.unstarted.iter().any(|one| one.by == Refusal::Trust)
        },
    );
    each_is_seen(&sound, &BREAKS);
}
