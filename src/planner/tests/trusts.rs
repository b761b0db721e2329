use super::*;

fn by(id: &str, trust: Value) -> Plan {
    document(json!({
        "job_id": id, "project_id": format!("project-of-{id}"), "job_schedule": {"schedule_minute": "0"},
        "job_actions": [{"freezer_action": {"action": "backup"}}], "user_credentials": trust,
    }))
}

#[test]
fn a_central_client_runs_plans_with_a_trust_and_skips_others() {
    let central = Policy {
        central: true,
        ..policy()
    };
    let plans = vec![
        by("with", json!({"trust_id": "t1", "trustor_user_id": "u1"})),
        by("without", Value::Null),
    ];
    let mut world = World::new("2026-03-01T00:30:00Z", central, plans);
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(
        world.verdicts("with"),
        ["2026-03-01T01:00:00Z run with-20260301T010000Z"]
    );
    assert_eq!(
        world.verdicts("without"),
        ["2026-03-01T01:00:00Z skipped NoTrust"]
    );
    // On any other node nobody asks for a trust.
    world.tell(Input::Policy(Box::new(policy())));
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(
        world.verdicts("without").last().map(String::as_str),
        Some("2026-03-01T02:00:00Z run without-20260301T020000Z")
    );
}
