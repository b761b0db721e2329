//! Plans, as their users meet them: the published example, and a listing full of broken documents.

#![expect(clippy::expect_used, reason = "a test says what it expected")]

use freezerd::plan::{Dialect, Parsed, Problem, Standing, parse};
use freezerd::schedule::Kind;
use serde_json::Value;

fn each(listing: &str) -> Vec<Result<Parsed, Vec<Problem>>> {
    let listing: Value = serde_json::from_str(listing).expect("JSON");
    let documents = listing["jobs"].as_array().expect("a list");
    documents
        .iter()
        .enumerate()
        .map(|(index, document)| {
            parse(
                &document.to_string(),
                &format!("document {} of the listing", index + 1),
            )
        })
        .collect()
}

#[test]
fn the_published_example() {
    let mut found = each(include_str!("listing.json"));
    assert_eq!(found.len(), 1);
    let Parsed { plan, warnings } = found.remove(0).expect("a good document");
    assert_eq!(warnings, []);
    assert_eq!(plan.id.as_str(), "e632eb1884e0468c8a41e656942df500");
    assert_eq!(
        plan.project.expect("a project").as_str(),
        "3046fb2c2a314a0fbb32607caa1e5277"
    );
    assert_eq!((plan.name.as_str(), plan.client_id.as_str()), ("myplan", "hci"));
    assert_eq!(
        (plan.dialect, plan.standing),
        (Dialect::Virtuozzo, Standing::Active)
    );
    assert_eq!(plan.schedule.kind(), Kind::Calendar);
    assert_eq!(
        plan.created.expect("a date").to_rfc3339(),
        "2024-05-09T09:51:10.785289+00:00"
    );
    assert_eq!(plan.actions.len(), 1);
    assert_eq!(plan.actions[0].text("mode"), "hci-volumes");
    assert_eq!(
        (plan.reported.status.as_str(), plan.reported.started),
        ("scheduled", None)
    );
}

#[test]
fn a_listing_full_of_broken_documents() {
    let found = each(include_str!("broken.json"));
    let good: Vec<_> = found
        .iter()
        .flatten()
        .map(|parsed| parsed.plan.id.as_str())
        .collect();
    assert_eq!(good, ["good"]);
    let told: Vec<String> = found
        .iter()
        .filter_map(|result| result.as_ref().err())
        .flatten()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
