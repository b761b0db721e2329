//! Every backup has one record at the API, and users find it with python-freezerclient.

use std::path::Path;
use std::time::Duration;

use crate::eventually::eventually;
use crate::node::Node;
use crate::services::Stack;
use crate::user::User;

/// `freezer backup-list` shows one backup of this job, it is of the node's data, and one request made it.
pub fn assert_recorded_once(stack: &Stack, user: &User<'_>, node: &Node, job: &str) {
    let listed = eventually(Duration::from_secs(60), "the backup is listed", || {
        let listed = user.backups(job);
        if listed.is_empty() {
            Err("no backup is listed".to_owned())
        } else {
            Ok(listed)
        }
    });
    let [[id, path, status]] = listed.as_slice() else {
        panic!("more than one: {listed:?}")
    };
    assert_eq!(
        (Path::new(path), status.as_str()),
        (node.data().as_path(), "available")
    );
    let shown = user.backup(id);
    for part in [
        format!("'job_id': '{job}'"),
        "'backup_name': 'data'".to_owned(),
        format!("'container': '{}'", node.path("backups").display()),
    ] {
        assert!(shown.contains(&part), "{part} is not in {shown}");
    }
    let made = stack.backups_made(job);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].status, 201, "{made:?}");
}
