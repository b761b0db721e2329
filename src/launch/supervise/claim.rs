//! The claim: what makes a run run once.

use std::io::ErrorKind;
use std::path::Path;

use rustix::io::Errno;

use crate::failpoint::{self, Failpoint};
use crate::launch::notes::{Claim, Notes};
use crate::launch::run_dir::{RunDir, create_private, sync_dir};
use crate::launch::run_lock::RunLock;

/// Takes the run, once ever. `AlreadyExists`: it was taken before.
///
/// Durably, before the first agent: the ledger said `starting` before we were started, so after a power cut
/// the claim is all that tells "it may have run" from "it never did". Without it the run would be started a
/// second time. It costs a second name for the lock, the syncs of two directories and no more: that the name is there is the
/// claim, what is noted is for those who look for a living supervisor. They are paid here, by each run for itself, not in
/// the daemon's way; those of a burst share the journal's commits.
pub(super) fn claim(dir: &RunDir, lock: &RunLock, claim: &Claim) -> std::io::Result<()> {
    claim_by(dir, lock, claim, |lock, claim| std::fs::hard_link(lock, claim))
}

fn claim_by(
    dir: &RunDir,
    lock: &RunLock,
    claim: &Claim,
    link: impl FnOnce(&Path, &Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    lock.note(claim)?;
    match link(&dir.lock(), &dir.claim()) {
        // Asked twice, when the answer of a file server was lost: then what has the name is the lock, and nobody but us
        // ever noted a claim in it.
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {
            if Notes::claims(&dir.claim()) != std::slice::from_ref(claim) {
                return Err(problem);
            }
        }
        // An empty file does as well: who reads the notes reads them in the lock.
        Err(problem) if is_without_second_names(&problem) => drop(create_private(&dir.claim())?),
        named => named?,
    }
    failpoint::reach(Failpoint::SupervisorClaim);
    let runs = dir.state().parent().unwrap_or(Path::new("/"));
    let durable = sync_dir(dir.state()).and_then(|()| sync_dir(runs));
    if durable.is_err() {
        // Nothing ran: let nobody believe it did.
        let _ = std::fs::remove_file(dir.claim());
    }
    durable
}

/// Whether the file system has no hard links, or no more of them for this file.
fn is_without_second_names(problem: &std::io::Error) -> bool {
    matches!(
        Errno::from_io_error(problem),
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK)
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::path::Path;

    use rustix::io::Errno;

    use super::{Claim, claim_by};
    use crate::launch::run_dir::RunDir;
    use crate::launch::run_lock::RunLock;
    use crate::planner::RunId;

    fn bed(path: &Path) -> (RunDir, RunLock) {
        let run = RunId::from_stored("a-20260301T000000Z".to_owned());
        let dir = RunDir::of_run(&path.join("s"), &path.join("r"), &run).expect("its folder");
        fs::create_dir_all(dir.state()).expect("a folder");
        fs::write(dir.lock(), "").expect("its file");
        let lock = RunLock::open(&dir.lock()).expect("opened");
        assert!(lock.try_take().expect("free"));
        (dir, lock)
    }

    fn ours() -> Claim {
        Claim {
            pid: std::process::id(),
            kill_grace: 10,
            job: None,
        }
    }

    #[test]
    fn where_a_file_has_one_name_only_the_claim_is_a_file_of_its_own() {
        for problem in [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK] {
            let place = tempfile::tempdir().expect("a folder");
            let (dir, lock) = bed(place.path());
            claim_by(&dir, &lock, &ours(), |_, _| Err(problem.into())).expect("claimed");
            assert_eq!(dir.read_claim(), Some(ours()));
            let again =
                claim_by(&dir, &lock, &ours(), |_, _| Err(problem.into())).expect_err("claimed twice");
            assert_eq!(again.kind(), ErrorKind::AlreadyExists);
            assert!(dir.claim().exists(), "the first one has it");
        }
    }

    #[test]
    fn a_claim_that_was_made_and_not_answered_is_ours() {
        let place = tempfile::tempdir().expect("a folder");
        let (dir, lock) = bed(place.path());
        let unanswered = |lock: &Path, claim: &Path| {
            fs::hard_link(lock, claim)?;
            fs::hard_link(lock, claim)
        };
        claim_by(&dir, &lock, &ours(), unanswered).expect("claimed");
        // The same process, even: the one that claims it first has it.
        let again = claim_by(&dir, &lock, &ours(), |lock, claim| fs::hard_link(lock, claim));
        assert_eq!(again.expect_err("claimed twice").kind(), ErrorKind::AlreadyExists);
        assert!(dir.claim().exists());
    }

    #[test]
    fn another_ones_claim_is_left_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let (dir, lock) = bed(place.path());
        fs::write(dir.claim(), "").expect("its file");
        let taken = claim_by(&dir, &lock, &ours(), |lock, claim| fs::hard_link(lock, claim));
        assert_eq!(taken.expect_err("taken").kind(), ErrorKind::AlreadyExists);
        assert!(dir.claim().exists());
    }
}
