//! `freezerd dry-run`: which runs, and which not.

use serde_json::{Value, json};

use crate::{Done, done, freezerd, path, run};

/// `dry-run` of these tests' plans over the spring change of Berlin's clocks.
fn spring(more: &[&str]) -> Done {
    let (config, jobs) = (path("rules.toml"), path("plans.json"));
    let mut arguments = vec!["dry-run", "--config", &config, "--jobs", &jobs];
    if !more.contains(&"--from") {
        arguments.extend(["--from", "2026-03-28T23:00:00Z", "--for", "1d"]);
    }
    arguments.extend(more);
    run(&arguments)
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item["job_id"].as_str().unwrap())
        .collect()
}

/// The command of the issue, with its very arguments.
#[test]
fn the_seeds_listing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(path("seed.json"), folder.path().join("listing.json")).unwrap();
    let line = "dry-run --jobs listing.json --timezone Europe/Berlin --from 2026-03-28T00:00:00Z \
                --until 2026-03-31T00:00:00Z --format json";
    let answer = done(
        freezerd()
            .current_dir(folder.path())
            .args(line.split_whitespace()),
    )
    .json();
    let one = |due: &str, local: &str| {
        json!({
            "job_id": "e632eb1884e0468c8a41e656942df500", "name": "myplan", "due": due, "local": local,
            "timezone": "Europe/Berlin", "action": "backup", "mode": "hci-volumes",
            "project_id": "3046fb2c2a314a0fbb32607caa1e5277",
        })
    };
    assert_eq!(
        answer,
        json!({
            "timezone": "Europe/Berlin", "from": "2026-03-28T00:00:00Z", "until": "2026-03-31T00:00:00Z",
            "runs": [
                one("2026-03-28T12:00:00Z", "2026-03-28T13:00:00+01:00"),
                one("2026-03-29T11:00:00Z", "2026-03-29T13:00:00+02:00"),
                one("2026-03-30T11:00:00Z", "2026-03-30T13:00:00+02:00"),
            ],
            "problems": [], "not_scheduled": [],
        })
    );
}

#[test]
fn runs_are_in_order_and_every_plan_is_accounted_for() {
    let answer = spring(&["--format", "json"]).json();
    let runs = answer["runs"].as_array().unwrap();
    let order: Vec<_> = runs
        .iter()
        .map(|run| (run["due"].as_str(), run["job_id"].as_str()))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    let mut all = [
        ids(&answer["runs"]),
        ids(&answer["not_scheduled"]),
        ids(&answer["problems"]),
    ]
    .concat();
    all.sort_unstable();
    all.dedup();
    let listed: Value = serde_json::from_str(&std::fs::read_to_string(path("plans.json")).unwrap()).unwrap();
    let mut wanted = ids(&listed["jobs"]);
    wanted.sort_unstable();
    assert_eq!(all, wanted);
    assert_eq!(
        ids(&answer["not_scheduled"]),
        ["c1", "d1", "m1", "o1", "o2", "o3", "s1", "x1"]
    );
    assert_eq!(ids(&answer["problems"]), ["a1", "b1", "b1"]);
}

#[test]
fn both_ends_are_meant_as_documented() {
    let dues = |from: &str, until: &str| {
        let span = [
            "--plan", "w2", "--from", from, "--until", until, "--format", "json",
        ];
        let answer = spring(&span).json();
        answer["runs"].as_array().unwrap().len()
    };
    assert_eq!(
        dues("2026-03-28T12:00:00Z", "2026-03-29T11:00:00Z"),
        1,
        "later than from, up to until"
    );
    assert_eq!(dues("2026-03-28T11:59:59Z", "2026-03-29T10:59:59Z"), 1);
    assert_eq!(dues("2026-03-28T12:00:00Z", "2026-03-28T12:00:00Z"), 0);
    assert_eq!(
        dues("2026-03-28T13:00:00+01:00", "2026-03-29T13:00:00+02:00"),
        1,
        "offsets"
    );
    assert_eq!(dues("2026-03-28", "2026-03-29"), 1, "dates are local");
    assert_eq!(dues("2026-03-28T13:00", "2026-03-29 13:00:00"), 1, "local times");
}

#[test]
fn only_some_plans() {
    let some = |more: &[&str]| {
        let answer = spring(&[&["--format", "json"], more].concat()).json();
        let lists = [
            ids(&answer["runs"]),
            ids(&answer["not_scheduled"]),
            ids(&answer["problems"]),
        ]
        .concat();
        lists.join(" ")
    };
    assert_eq!(some(&["--plan", "nightly"]), "n1");
    assert_eq!(
        some(&["--plan", "n1", "--plan", "broken", "--plan", "manual"]),
        "n1 m1 b1 b1"
    );
    assert_eq!(
        some(&["--project", "p3"]),
        "w2 a1 b1 b1",
        "a broken plan's project is not known"
    );
    let unknown = spring(&["--plan", "nigthly"]).refused(1);
    assert_eq!(
        unknown,
        "freezerd: no plan has the id or name \"nigthly\"; did you mean \"nightly\"?\n"
    );
}

#[test]
fn the_command_lines_zone_is_the_default_and_rules_still_hold() {
    let zones = |more: &[&str]| {
        let answer = spring(&[&["--format", "json", "--plan", "t1", "--plan", "n1"], more].concat()).json();
        let mut all: Vec<String> = answer["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["timezone"].to_string())
            .collect();
        all.sort();
        (answer["timezone"].to_string(), all.join(" "))
    };
    let berlin = (
        "\"Europe/Berlin\"".to_owned(),
        "\"Asia/Tokyo\" \"Europe/Berlin\"".to_owned(),
    );
    assert_eq!(zones(&[]), berlin);
    let lima = (
        "\"America/Lima\"".to_owned(),
        "\"America/Lima\" \"Asia/Tokyo\"".to_owned(),
    );
    assert_eq!(zones(&["--timezone", "America/Lima"]), lima);
}

#[test]
fn a_folder_and_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let job = |minute: u32| {
        json!({"job_schedule": {"schedule_hour": "1", "schedule_minute": minute},
               "job_actions": [{"freezer_action": {"action": "backup"}}]})
    };
    std::fs::write(folder.path().join("job_one.conf"), job(1).to_string()).unwrap();
    std::fs::write(folder.path().join("two.conf"), job(2).to_string()).unwrap();
    std::fs::write(folder.path().join("three.conf"), "{").unwrap();
    let span = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--for",
        "1d",
        "--format",
        "json",
    ];
    let from = |jobs: &str| freezerd_with(jobs, &span);
    let answer = done(&mut from(folder.path().to_str().unwrap())).json();
    assert_eq!(ids(&answer["runs"]), ["one", "two"]);
    assert_eq!(ids(&answer["problems"]), ["three"]);

    let listing = std::fs::File::open(path("seed.json")).unwrap();
    let answer = done(from("-").stdin(listing)).json();
    assert_eq!(answer["runs"].as_array().unwrap().len(), 1);
}

fn freezerd_with(jobs: &str, more: &[&str]) -> std::process::Command {
    let mut command = freezerd();
    command.args(["dry-run", "--jobs", jobs]).args(more);
    command
}

#[test]
fn without_jobs_the_configured_source_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let text = format!(
        "timezone = \"Europe/Berlin\"\n[source]\nkind = \"file\"\npath = {:?}\n",
        path("seed.json")
    );
    std::fs::write(&config, text).unwrap();
    let answer = run(&[
        "dry-run",
        "--config",
        config.to_str().unwrap(),
        "--from",
        "2026-03-28T00:00:00Z",
        "--format",
        "json",
    ])
    .json();
    assert_eq!(answer["runs"][0]["due"], "2026-03-28T12:00:00Z");
}

/// One good plan among documents that are all broken, each in its own way.
#[test]
fn a_listing_full_of_broken_documents() {
    let jobs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plans/broken.json");
    let span = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--for",
        "2d",
        "--format",
        "json",
    ];
    let answer = done(&mut freezerd_with(jobs, &span)).json();
    let listed: Value = serde_json::from_str(&std::fs::read_to_string(jobs).unwrap()).unwrap();
    let good: Vec<_> = ids(&answer["runs"]);
    assert!(
        !good.is_empty() && good.iter().all(|id| *id == "good"),
        "{good:?}"
    );
    let named = ids(&answer["problems"]);
    for document in listed["jobs"].as_array().unwrap() {
        if let Some(id) = document["job_id"]
            .as_str()
            .filter(|id| !id.is_empty() && *id != "good")
        {
            assert!(named.contains(&id), "{id} is in problems");
        }
    }
    for problem in answer["problems"].as_array().unwrap() {
        assert!(!problem["error"].as_str().unwrap().is_empty());
        assert!(!problem["job_id"].as_str().unwrap().is_empty());
    }
}

#[test]
fn standard_input_may_be_what_cannot_be_opened_again() {
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut ours, &std::fs::read(path("plans.json")).unwrap()).unwrap();
    drop(ours);
    let from = |jobs: &str| {
        freezerd_with(
            jobs,
            &["--from", "2026-03-28T23:00:00Z", "--for", "1d", "--format", "csv"],
        )
    };
    let mut command = from("-");
    let answer = done(command.stdin(std::os::fd::OwnedFd::from(theirs)));
    assert_eq!(answer.fine(), done(&mut from(&path("plans.json"))).fine());
}

/// Runs `dry-run` of a day of this listing.
fn a_day_of(listing: &str) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("listing.json");
    std::fs::write(&jobs, listing).unwrap();
    done(&mut freezerd_with(
        jobs.to_str().unwrap(),
        &[
            "--from",
            "2026-03-10T00:00:00Z",
            "--for",
            "1d",
            "--format",
            "json",
        ],
    ))
}

/// Of some kilobytes: a few of them are read by several threads.
fn long(id: &Value, hour: u32, name: &str) -> Value {
    json!({"job_id": id, "description": name, "job_schedule": {"schedule_hour": hour}, "pad": "x".repeat(100 << 10),
        "job_actions": [{"freezer_action": {"action": "backup"}}]})
}

#[test]
fn of_several_documents_with_one_id_the_first_counts() {
    let (a, b) = (json!("a"), json!("b"));
    let mut documents = vec![
        long(&a, 1, "first"),
        long(&b, 25, "broken"),
        long(&json!(null), 1, ""),
    ];
    documents.extend((0..20).map(|number| long(&json!(format!("c{number:02}")), 2, "between")));
    // As it is once more; another one; one whose id a broken one has; one without an id.
    documents.extend([
        long(&a, 1, "first"),
        long(&a, 3, "second"),
        long(&b, 4, "whole"),
        long(&json!(null), 2, ""),
    ]);
    let answer = a_day_of(&json!({"jobs": documents}).to_string()).json();
    let mut expected = vec!["a".to_owned()];
    expected.extend((0..20).map(|number| format!("c{number:02}")));
    assert_eq!(ids(&answer["runs"]), expected);
    assert_eq!(answer["runs"][0]["name"], "first");
    let problems: Vec<(&str, &str)> = answer["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            (
                problem["job_id"].as_str().unwrap(),
                problem["error"].as_str().unwrap(),
            )
        })
        .collect();
    let told = |at: usize, id: &str, begins: &str| {
        assert_eq!(problems[at].0, id, "{problems:?}");
        assert!(problems[at].1.starts_with(begins), "{problems:?}");
    };
    told(0, "b", "\"25\" is out of bounds");
    told(1, "document 3 of the listing", "it is missing");
    told(
        2,
        "a",
        "document 25 of the listing is left out: document 1 of the listing has this id",
    );
    told(
        3,
        "b",
        "document 26 of the listing is left out: document 2 of the listing has this id",
    );
    told(4, "document 27 of the listing", "it is missing");
    assert_eq!(problems.len(), 5);
}

#[test]
fn a_fault_behind_many_documents_counts_for_all() {
    let documents: Vec<String> = (0..20)
        .map(|number| long(&json!(format!("c{number:02}")), 2, "good").to_string())
        .collect();
    for (end, said) in [("{]}", "key must be a string"), ("{}]} x", "trailing characters")] {
        let listing = format!("{{\"jobs\": [{},\n{end}", documents.join(","));
        let answer = a_day_of(&listing);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
        assert!(
            answer.stderr.contains("line 2, column ") && answer.stderr.contains(said),
            "{}",
            answer.stderr
        );
    }
}
