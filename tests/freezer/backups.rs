//! Records of backups: one each, though making one twice makes two, and answers get lost.

use std::sync::Mutex;
use std::time::Duration;

use freezerd::freezer::{Api, ApiError, Backup, Drafted, Kept, NotKept};
use freezerd::plan::{JobId, ProjectId};
use freezerd::planner::{Metadata, RunId};
use serde_json::{Value, json};

use crate::server::{Fault, Seen, Server, TestClock, ok, query, reply};
use crate::shelf::{Shelf, impatient, methods};

const MARK: &str = "j1-20260301T010000Z/0";
const METADATA: &str = r#"{"action": "backup", "backup_name": "data", "container": "c", "hostname": "h", "time_stamp": 1772326800}"#;

async fn keep(api: &Api, metadata: &str, in_doubt: bool) -> Result<Kept, NotKept> {
    let backup = Backup {
        job: &JobId::new("j1"),
        project: None,
        trust: None,
        draft: Drafted::No,
        run: &RunId::from_stored("j1-20260301T010000Z".to_owned()),
        metadata: &Metadata::from_stored(0, metadata),
    };
    api.keep_backup(backup, in_doubt).await
}

#[tokio::test]
async fn a_backup_is_recorded_with_its_job_and_one_request() {
    let shelf = Shelf::default();
    let records = shelf.clone();
    let server = Server::start(move |seen| records.answer(seen, true)).await;
    assert_eq!(keep(&server.api(), METADATA, false).await, Ok(Kept::Made));
    let mut expected: Value = serde_json::from_str(METADATA).unwrap();
    expected["job_id"] = json!("j1");
    expected["freezerd_run"] = json!(MARK);
    assert_eq!(shelf.0.lock().unwrap()[0]["backup_metadata"], expected);
    assert_eq!(server.targets(), ["POST /v2/p1/backups"]);
}

#[tokio::test]
async fn an_answer_that_was_lost_makes_no_second_record() {
    // Done, and then: cut off, never answered, or claimed to have failed.
    let lost = || {
        [
            reply(201, r#"{"backup_id": "b1"}"#).fault(Fault::CutAfter(3)),
            reply(201, r#"{"backup_id": "b1"}"#).fault(Fault::Silent),
            reply(504, "a proxy's patience"),
        ]
    };
    for (number, fault) in lost().into_iter().enumerate() {
        let shelf = Shelf::default();
        let (records, fault) = (shelf.clone(), Mutex::new(Some(fault)));
        let server = Server::start(move |seen| {
            let answer = records.answer(seen, true);
            let lost = (seen.is("POST", "/v2/p1/backups")).then(|| fault.lock().unwrap().take());
            lost.flatten().or(answer)
        })
        .await;
        assert_eq!(
            keep(&impatient(&server, 2), METADATA, false).await,
            Ok(Kept::Found),
            "{number}"
        );
        assert_eq!(shelf.len(), 1, "{number}");
        assert_eq!(methods(&server), ["POST", "GET"], "{number}");
    }
}

#[tokio::test]
async fn doubt_outlives_the_call_and_the_process() {
    let shelf = Shelf::default();
    let records = shelf.clone();
    let server = Server::start(move |seen| {
        let answer = records.answer(seen, true);
        if seen.is("POST", "/v2/p1/backups") {
            return Some(reply(500, "database is locked"));
        }
        answer
    })
    .await;
    let failed = keep(&impatient(&server, 0), METADATA, false).await.unwrap_err();
    assert!(
        failed.in_doubt && matches!(failed.error, ApiError::Server { .. }),
        "{failed:?}"
    );
    // Another process, told of the doubt by the ledger.
    assert_eq!(
        keep(&server.api(), METADATA, failed.in_doubt).await,
        Ok(Kept::Found)
    );
    assert_eq!(shelf.len(), 1);
}

#[tokio::test]
async fn what_surely_did_not_arrive_is_not_looked_for() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = format!("http://{}", socket.local_addr().unwrap());
    let server = Server::start(|_| None).await;
    let mut access = server.access();
    access.backup_url = Some(nobody);
    let api = Api::connect(access, TestClock::new()).unwrap();
    let failed = keep(&api, METADATA, false).await.unwrap_err();
    assert!(
        !failed.in_doubt && matches!(failed.error, ApiError::Connect { .. }),
        "{failed:?}"
    );
    // But a doubt there was is not lifted by it.
    assert!(keep(&api, METADATA, true).await.unwrap_err().in_doubt);
}

#[tokio::test]
async fn a_doubt_without_a_record_makes_one() {
    let shelf = Shelf::default();
    // Other steps of the same run, and other runs.
    for mark in ["j1-20260301T010000Z/1", "j1-20260302T010000Z/0"] {
        shelf.add(json!({"backup_name": "data", "job_id": "j1", "freezerd_run": mark}));
    }
    let records = shelf.clone();
    let server = Server::start(move |seen| records.answer(seen, true)).await;
    assert_eq!(keep(&server.api(), METADATA, true).await, Ok(Kept::Made));
    assert_eq!(shelf.len(), 3);
    assert_eq!(methods(&server), ["GET", "POST", "GET"]);
}

#[tokio::test]
async fn a_request_that_was_still_at_work_leaves_one_record_all_the_same() {
    let shelf = Shelf::default();
    let records = shelf.clone();
    let server = Server::start(move |seen| {
        if seen.is("POST", "/v2/p1/backups") {
            // The one given up before arrives together with this one.
            records.add(seen.json());
        }
        records.answer(seen, true)
    })
    .await;
    assert_eq!(keep(&server.api(), METADATA, true).await, Ok(Kept::Made));
    assert_eq!(shelf.ids(), ["b1"]);
    assert_eq!(methods(&server), ["GET", "POST", "GET", "DELETE"]);
}

#[tokio::test]
async fn a_search_that_is_not_heeded_is_made_up_for_by_reading_everything() {
    let shelf = Shelf::default();
    for number in 0..7 {
        shelf.add(json!({"backup_name": "data", "job_id": "j1", "time_stamp": number}));
    }
    shelf.add(json!({"freezerd_run": MARK}));
    let records = shelf.clone();
    let server = Server::start(move |seen| records.answer(seen, false)).await;
    let mut access = server.access();
    access.bounds.page_size = 3.try_into().unwrap();
    let api = Api::connect(access, TestClock::new()).unwrap();
    assert_eq!(keep(&api, METADATA, true).await, Ok(Kept::Found));
    assert_eq!(methods(&server), ["GET", "GET", "GET", "GET"]);
    assert_eq!(shelf.len(), 8);
}

#[tokio::test]
async fn a_server_that_gives_less_than_a_page_at_once_is_read_to_its_end_too() {
    let shelf = Shelf::default();
    for number in 0..7 {
        shelf.add(json!({"backup_name": "data", "job_id": "j1", "time_stamp": number}));
    }
    shelf.add(json!({"freezerd_run": MARK}));
    let records = shelf.clone();
    let server = Server::start(move |seen| {
        let mut seen = seen.clone();
        seen.target = seen.target.replace("limit=3", "limit=2");
        records.answer(&seen, false)
    })
    .await;
    let mut access = server.access();
    access.bounds.page_size = 3.try_into().unwrap();
    let api = Api::connect(access, TestClock::new()).unwrap();
    assert_eq!(keep(&api, METADATA, true).await, Ok(Kept::Found));
    assert_eq!(shelf.len(), 8);
}

#[tokio::test]
async fn a_list_without_end_and_an_answer_that_is_none_are_errors_and_make_nothing() {
    for (odd, ends) in [
        (true, "the answer cannot be read as JSON"),
        (false, "has not ended after 4 pages"),
    ] {
        let count = Mutex::new(0);
        let server = Server::start(move |seen| {
            if seen.method != "GET" {
                return None;
            }
            *count.lock().unwrap() += 1;
            let id = format!("x{}", count.lock().unwrap());
            Some(ok(&if odd {
                json!({"jobs": []})
            } else {
                json!({"backups": [{"backup_id": id}]})
            }))
        })
        .await;
        let mut access = server.access();
        access.bounds.page_size = 1.try_into().unwrap();
        access.bounds.pages = 4;
        let api = Api::connect(access, TestClock::new()).unwrap();
        let failed = keep(&api, METADATA, true).await.unwrap_err();
        assert!(failed.to_string().contains(ends), "{failed}");
        assert!(failed.in_doubt && !failed.error.is_final());
        assert!(!methods(&server).contains(&"POST".to_owned()));
    }
}

#[tokio::test]
async fn a_record_that_is_there_is_filled_in_and_one_that_is_gone_is_made_again() {
    let shelf = Shelf::default();
    shelf.add(json!({"backup_name": "data", "status": "creating"}));
    let records = shelf.clone();
    let server = Server::start(move |seen| records.answer(seen, true)).await;
    let metadata =
        r#"{"action": "backup", "backup_id": "b1", "status": "available", "cinder_backup_id": "c"}"#;
    assert_eq!(keep(&server.api(), metadata, false).await, Ok(Kept::Updated));
    let record = shelf.0.lock().unwrap()[0].clone();
    assert_eq!(record["status"], "available");
    assert_eq!(
        record["backup_metadata"],
        json!({"action": "backup", "backup_name": "data", "cinder_backup_id": "c", "job_id": "j1", "freezerd_run": MARK})
    );
    for odd in ["b9", ".."] {
        let metadata = metadata.replace("b1", odd);
        assert_eq!(
            keep(&server.api(), &metadata, false).await,
            Ok(Kept::Made),
            "{odd}"
        );
    }
    assert_eq!(shelf.len(), 3);
}

#[tokio::test]
async fn a_failed_update_is_tried_again_and_makes_no_record() {
    let server = Server::start(move |seen| (seen.method == "PATCH").then(|| reply(500, "locked"))).await;
    let metadata = r#"{"action": "backup", "backup_id": "b1"}"#;
    let failed = keep(&server.api(), metadata, false).await.unwrap_err();
    assert!(!failed.in_doubt && failed.error.is_transient(), "{failed:?}");
    assert_eq!(methods(&server), ["PATCH"; 3]);
}

#[tokio::test]
async fn records_of_deleted_backups_go() {
    let shelf = Shelf::default();
    shelf.add(json!({"backup_name": "old"}));
    shelf.add(json!({"backup_name": "kept"}));
    let records = shelf.clone();
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/v2/p1/backups/odd" => Some(reply(400, "{}")),
        _ => records.answer(seen, true),
    })
    .await;
    let metadata = r#"{"deleted_freezer_backup_ids": ["b1", "", "odd", "a/../b2", null, "gone"]}"#;
    assert_eq!(keep(&server.api(), metadata, false).await, Ok(Kept::Deleted));
    assert_eq!(shelf.ids(), ["b2"]);
    assert_eq!(
        server.targets(),
        [
            "DELETE /v2/p1/backups/b1",
            "DELETE /v2/p1/backups/odd",
            "DELETE /v2/p1/backups/a%2F..%2Fb2",
            "DELETE /v2/p1/backups/gone"
        ]
    );
}

#[tokio::test]
async fn what_the_api_will_never_take_is_final_and_shows_no_metadata() {
    let server = Server::start(move |seen| {
        (seen.method == "POST" && seen.target.ends_with("/backups"))
            .then(|| reply(400, r#"{"title": "Bad request format"}"#))
    })
    .await;
    let failed = keep(&server.api(), r#"{"action": "s3cr3t"}"#, false)
        .await
        .unwrap_err();
    assert!(failed.error.is_final() && !failed.in_doubt, "{failed:?}");
    assert_eq!(server.targets().len(), 1);
    let unread = keep(&server.api(), "s3cr3t", false).await.unwrap_err();
    assert!(unread.error.is_final(), "{unread:?}");
    for failed in [failed, unread] {
        assert!(!format!("{failed} {failed:?}").contains("s3cr3t"), "{failed:?}");
    }
}

#[tokio::test]
async fn the_record_of_another_projects_plan_is_made_there() {
    let server = Server::start(|seen| {
        (seen.method == "POST" && seen.target.ends_with("/backups")).then(|| reply(201, "{}"))
    })
    .await;
    let backup = Backup {
        job: &JobId::new("j1"),
        project: Some(&ProjectId::new("p2")),
        trust: None,
        draft: Drafted::No,
        run: &RunId::from_stored("r".to_owned()),
        metadata: &Metadata::from_stored(0, METADATA),
    };
    assert_eq!(server.api().keep_backup(backup, false).await, Ok(Kept::Made));
    assert_eq!(server.targets(), ["POST /v2/p2/backups"]);
}

#[tokio::test]
async fn a_list_of_backups_as_a_whole_is_bounded_in_time() {
    let clock = TestClock::new();
    let moved = std::sync::Arc::clone(&clock);
    let server = Server::start(move |seen| {
        let offset = query(seen, "offset")?;
        moved.advance(400);
        Some(ok(&json!({"backups": [{"backup_id": format!("b{offset}")}]})))
    })
    .await;
    let mut access = server.access();
    access.bounds.page_size = 1.try_into().unwrap();
    access.patience.listing = Duration::from_secs(1000);
    access.patience.retries = 0;
    let api = Api::connect(access, clock).unwrap();
    let failed = keep(&api, METADATA, true).await.unwrap_err();
    assert_eq!(failed.error.kind(), "timeout", "{failed}");
    let said = "has not ended within 1000s (thirty times api.timeout), after 3 pages";
    assert!(failed.to_string().contains(said), "{failed}");
    assert!(failed.in_doubt && !failed.error.is_final());
    assert_eq!(methods(&server), ["GET"; 3]);
    // Nor is a page waited for that does not come, however long one may take.
    let silent = |seen: &Seen| (seen.method == "GET").then(|| reply(200, "").fault(Fault::Silent));
    let server = Server::start(silent).await;
    let mut access = server.access();
    access.patience.listing = Duration::from_millis(50);
    access.patience.retries = 0;
    let api = Api::connect(access, TestClock::new()).unwrap();
    let failed = keep(&api, METADATA, true).await.unwrap_err();
    assert!(failed.to_string().contains("after 0 pages"), "{failed}");
}

#[tokio::test]
async fn a_server_that_shows_our_mark_everywhere_does_not_have_us_delete_without_end() {
    let shelf = Shelf::default();
    for _ in 0..150 {
        shelf.add(json!({"freezerd_run": MARK}));
    }
    let records = shelf.clone();
    let server = Server::start(move |seen| records.answer(seen, true)).await;
    assert_eq!(keep(&server.api(), METADATA, true).await, Ok(Kept::Found));
    assert_eq!(shelf.len(), 50);
}

#[tokio::test]
async fn an_id_that_is_none_is_not_taken_from_the_api() {
    for odd in ["", "..", "t0ken\n", &"x".repeat(300)] {
        let odd = json!({"backups": [{"backup_id": odd, "status": "creating",
            "backup_metadata": {"freezerd_run": MARK}}]});
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => Some(ok(&odd)),
            _ => Some(reply(201, "{}")).filter(|_| seen.target.ends_with("/backups")),
        })
        .await;
        assert_eq!(keep(&server.api(), METADATA, true).await, Ok(Kept::Made));
        assert_eq!(methods(&server), ["GET", "POST", "GET"]);
    }
}
