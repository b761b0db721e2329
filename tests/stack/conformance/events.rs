//! What users ask for, and the words they read: the same with both, through both clients.

use std::time::Duration;

use serde_json::json;

use super::{Pair, not_now};
use crate::daemon::Daemon;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::user::User;

fn await_shown(user: &User<'_>, job: &str, wanted: [&str; 3]) {
    eventually(Duration::from_secs(120), &format!("{wanted:?} is shown"), || {
        let shown = user.shown(job);
        if shown == wanted {
            Ok(())
        } else {
            Err(format!("{shown:?}"))
        }
    });
}

#[test]
fn start_and_stop_read_the_same() {
    let pair = Pair::new("words");
    let jobs = pair.plans(&not_now());
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    let users = pair.users();
    let both = |ask: &dyn Fn(&User<'_>, &str), wanted| {
        for (user, job) in users.iter().zip(&jobs) {
            ask(user, job);
        }
        for (user, job) in users.iter().zip(&jobs) {
            await_shown(user, job, wanted);
        }
    };
    both(&|_, _| {}, ["scheduled", "", ""]);
    both(&|user, job| user.freezer_job("stop", job), ["stop", "", ""]);
    both(
        &|user, job| user.openstack_job("start", job),
        ["scheduled", "", ""],
    );
    both(&|user, job| user.openstack_job("stop", job), ["stop", "", ""]);
}

#[test]
fn a_plan_may_be_removed_by_its_event() {
    let pair = Pair::new("remove");
    let jobs = pair.plans(&not_now());
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    for job in &jobs {
        pair.stack.await_written(job, "status", "scheduled");
    }
    incumbent.await_polls(1);
    let mut removed = not_now();
    removed["event"] = json!("remove");
    let [theirs, ours] = pair.users();
    theirs.reschedule_plan(&jobs[0], &removed);
    ours.reschedule_plan(&jobs[1], &removed);
    await_shown(&ours, &jobs[1], ["removed", "", ""]);

    // incumbent: it knows the word, and its poll turns round and round about it without end.
    let mut other = not_now();
    other["event"] = json!("start");
    let next = theirs.create_plan(&other);
    incumbent.await_spinning();
    assert_eq!(theirs.shown(&jobs[0])[2], "remove");
    assert_eq!(theirs.shown(&next)[0], "", "nobody looks at the next one");
}
