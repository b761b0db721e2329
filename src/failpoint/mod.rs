//! Failpoints: the named places at which a test lets freezerd be killed, so that every one of them is tried.
//!
//! They exist in debug builds alone: in a release build [`reach`] is nothing at all, and no name is in the program.
//! A debug build that is started with `FAILPOINT=NAME` kills itself with SIGKILL when it comes to that place. May use:
//! the system's calls. Must not use: any other room. The pure rooms must not use it: nothing dies in a calculation.

/// A place at which the power may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failpoint {
    /// The records of a listing are written, and not yet committed.
    ListingCommit,
    /// They are committed.
    ListingCommitted,
    /// Verdicts (and with them runs that start) are written, and not yet committed.
    DueCommit,
    /// They are committed, nothing was launched.
    DueCommitted,
    /// That a run was started is written, and not yet committed.
    StartCommit,
    /// That is committed.
    StartCommitted,
    /// A run's end is written, and not yet committed.
    EndCommit,
    /// That is committed, its traces are still there.
    EndCommitted,
    /// A run is about to be launched; nothing of it is on the disk.
    Launch,
    /// Its directory is there, and empty.
    LaunchDirectory,
    /// Everything is there but its supervisor.
    LaunchFurnished,
    /// Its supervisor was started, and nobody watches it yet.
    LaunchSpawned,
    /// It is watched.
    Launched,
    /// What became of a run is known, and not yet told to the loop.
    EndFound,
    /// The traces of a recorded run are about to be removed.
    Forget,
    /// They are out of the way, and not yet removed.
    ForgetRenamed,
    /// A report is about to be sent.
    Report,
    /// The API took it, that is not recorded.
    ReportSent,
    /// That is written, and not yet committed.
    ReportCommit,
    /// It is recorded.
    ReportRecorded,
    /// The API did not take it, that is not recorded.
    ReportFailed,
    /// That the record of a backup may be sent is about to be written.
    BackupNote,
    /// The record of a backup may be sent, says the ledger; it was not.
    BackupNoted,
    /// The API took it, that is not recorded.
    BackupSent,
    /// That is written, and not yet committed.
    BackupCommit,
    /// It is recorded.
    BackupRecorded,
    /// The API did not take it, that is not recorded.
    BackupFailed,
    /// That the record of a backup that is yet to be made may be sent is about to be written.
    DraftNote,
    /// The record of a backup that is yet to be made may be sent, says the ledger; it was not.
    DraftNoted,
    /// The API took it, that is not recorded.
    DraftSent,
    /// It is recorded; the run was not launched.
    DraftRecorded,
    /// The API did not take it, that is not recorded.
    DraftFailed,
    /// What became of the backup is about to be told to such a record, for no agent said it.
    DraftEnd,
    /// The API took it, that is not recorded.
    DraftEndSent,
    /// It is recorded.
    DraftEndRecorded,
    /// The API did not take it, that is not recorded.
    DraftEndFailed,
    /// A session is about to be asked whether a run may start.
    SessionAsk,
    /// It has answered, and nobody was told.
    SessionAnswered,
    /// A session is about to be told how a run ended.
    SessionEnd,
    /// The API took it, that is not recorded.
    SessionEndSent,
    /// It is recorded.
    SessionEndRecorded,
    /// The API did not take it, that is not recorded.
    SessionEndFailed,
    /// Old history is removed, and that is not yet committed.
    PruneCommit,
    /// That is committed.
    PruneCommitted,
    /// Old verdicts that say the same are one row, and that is not yet committed.
    CondenseCommit,
    /// That is committed.
    CondenseCommitted,
    /// A new ledger's file is made, nothing is in it.
    LedgerMade,
    /// It is a database, and not in its place.
    LedgerBegun,
    /// A ledger of an earlier version, or of none yet, became one of this, and that is not yet committed.
    SchemaCommit,
    /// That is committed.
    SchemaCommitted,
    /// The briefs of all plans are stored afresh, and that is not yet committed.
    BriefsCommit,
    /// That is committed.
    BriefsCommitted,
    /// A damaged ledger is about to be put aside.
    Aside,
    /// Its file is, its log is not.
    AsideFile,
    /// It is put aside, and no new one is begun.
    AsideWhole,
    /// A new one is begun, nothing is in it.
    AsideBegun,
    /// What the traces of runs tell is in it.
    AsideTakenUp,
    /// A supervisor came up.
    Supervisor,
    /// It has the run's lock.
    SupervisorLocked,
    /// Its claim is made, and perhaps not on the disk.
    SupervisorClaim,
    /// It is on the disk; no agent was started.
    SupervisorClaimed,
    /// An agent runs; nobody was told.
    AgentStarted,
    /// That was told.
    AgentAnnounced,
    /// All agents ended; the report is not begun.
    AgentsEnded,
    /// The report is written, and not in its place.
    ReportDrafted,
    /// It is in its place; the supervisor has yet to end.
    ReportLeft,
}

/// The process comes to this place, and goes on, unless a test wants it to die here.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_: Failpoint) {}

/// The process has to do with this from now on: what its mark says in place of its last argument.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn about(_: &std::path::Path) {}

#[cfg(debug_assertions)]
pub use armed::{about, reach};

#[cfg(debug_assertions)]
mod armed {
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, PoisonError};

    use super::Failpoint;

    static ABOUT: Mutex<Option<PathBuf>> = Mutex::new(None);

    impl Failpoint {
        /// All of them, in the order of a run's life.
        pub const ALL: [Self; 66] = [
            Self::ListingCommit,
            Self::ListingCommitted,
            Self::DueCommit,
            Self::DueCommitted,
            Self::StartCommit,
            Self::StartCommitted,
            Self::EndCommit,
            Self::EndCommitted,
            Self::Launch,
            Self::LaunchDirectory,
            Self::LaunchFurnished,
            Self::LaunchSpawned,
            Self::Launched,
            Self::EndFound,
            Self::Forget,
            Self::ForgetRenamed,
            Self::Report,
            Self::ReportSent,
            Self::ReportCommit,
            Self::ReportRecorded,
            Self::ReportFailed,
            Self::BackupNote,
            Self::BackupNoted,
            Self::BackupSent,
            Self::BackupCommit,
            Self::BackupRecorded,
            Self::BackupFailed,
            Self::DraftNote,
            Self::DraftNoted,
            Self::DraftSent,
            Self::DraftRecorded,
            Self::DraftFailed,
            Self::DraftEnd,
            Self::DraftEndSent,
            Self::DraftEndRecorded,
            Self::DraftEndFailed,
            Self::SessionAsk,
            Self::SessionAnswered,
            Self::SessionEnd,
            Self::SessionEndSent,
            Self::SessionEndRecorded,
            Self::SessionEndFailed,
            Self::PruneCommit,
            Self::PruneCommitted,
            Self::CondenseCommit,
            Self::CondenseCommitted,
            Self::LedgerMade,
            Self::LedgerBegun,
            Self::SchemaCommit,
            Self::SchemaCommitted,
            Self::BriefsCommit,
            Self::BriefsCommitted,
            Self::Aside,
            Self::AsideFile,
            Self::AsideWhole,
            Self::AsideBegun,
            Self::AsideTakenUp,
            Self::Supervisor,
            Self::SupervisorLocked,
            Self::SupervisorClaim,
            Self::SupervisorClaimed,
            Self::AgentStarted,
            Self::AgentAnnounced,
            Self::AgentsEnded,
            Self::ReportDrafted,
            Self::ReportLeft,
        ];

        /// As `FAILPOINT` has it.
        #[must_use]
        pub fn name(self) -> String {
            format!("{self:?}")
        }
    }

    /// The process comes to this place. If the environment has its name in `FAILPOINT` it dies here, as by SIGKILL, and
    /// adds a line to the file named in `FAILPOINT_MARK` before: `PLACE LAST-ARGUMENT`.
    pub fn reach(place: Failpoint) {
        if std::env::var("FAILPOINT").is_ok_and(|wanted| wanted == place.name()) {
            die(place);
        }
    }

    /// The process has to do with this from now on: what its mark says in place of its last argument.
    pub fn about(what: &Path) {
        *ABOUT.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.to_owned());
    }

    fn die(place: Failpoint) {
        if let Some(mark) = std::env::var_os("FAILPOINT_MARK") {
            let about = ABOUT.lock().unwrap_or_else(PoisonError::into_inner).take();
            let last = about.map(|path| path.display().to_string());
            let last = last.or_else(|| std::env::args().next_back()).unwrap_or_default();
            let file = std::fs::OpenOptions::new().create(true).append(true).open(mark);
            // At once: several may die together.
            let line = format!("{} {last}\n", place.name());
            let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
        }
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // Other threads may still be at work for an instant; this one is not.
        loop {
            std::hint::spin_loop();
        }
    }
}
