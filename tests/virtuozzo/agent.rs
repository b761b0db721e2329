//! A node with an agent: it runs the plans itself, and leaves the service's account of them alone.

use serde_json::json;

use crate::bed::{SUCCESS, soon};
use crate::process::Daemon;
use crate::service::{Service, once, plan};
use crate::until::until_is;

#[test]
fn plans_run_here_and_nothing_is_written() {
    let (service, bed) = Service::new("");
    let mut own = plan("a", &once(soon()));
    own["job_actions"][0]["freezer_action"]["backup_name"] = json!("done");
    service.put(&own);
    let before = service.document("a");
    let daemon = Daemon::start(&bed);
    until_is("its end", &vec![SUCCESS], || bed.outcomes("a"));
    daemon.says("not registered as a client");
    assert_eq!(bed.diary_of("a"), ["start done", "end done"]);
    assert!(daemon.stop().success());
    assert_eq!(service.document("a"), before);
    assert!(service.asked().is_empty() && service.writes().is_empty());
}
