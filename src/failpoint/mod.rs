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
    /// The record of a backup may be sent, says the ledger; it was not.
    BackupNoted,
    /// The API took it, that is not recorded.
    BackupSent,
    /// It is recorded.
    BackupRecorded,
    /// The record of a backup that is yet to be made may be sent, says the ledger; it was not.
    DraftNoted,
    /// The API took it, that is not recorded.
    DraftSent,
    /// It is recorded; the run was not launched.
    DraftRecorded,
    /// What became of the backup is about to be told to such a record, for no agent said it.
    DraftEnd,
    /// The API took it, that is not recorded.
    DraftEndSent,
    /// It is recorded.
    DraftEndRecorded,
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

#[cfg(debug_assertions)]
pub use armed::reach;

#[cfg(debug_assertions)]
mod armed {
    use std::io::Write;

    use super::Failpoint;

    impl Failpoint {
        /// All of them, in the order of a run's life.
        pub const ALL: [Self; 48] = [
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
            Self::BackupNoted,
            Self::BackupSent,
            Self::BackupRecorded,
            Self::DraftNoted,
            Self::DraftSent,
            Self::DraftRecorded,
            Self::DraftEnd,
            Self::DraftEndSent,
            Self::DraftEndRecorded,
            Self::SessionAsk,
            Self::SessionAnswered,
            Self::SessionEnd,
            Self::SessionEndSent,
            Self::SessionEndRecorded,
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

    fn die(place: Failpoint) {
        if let Some(mark) = std::env::var_os("FAILPOINT_MARK") {
            let last = std::env::args().next_back().unwrap_or_default();
            let file = std::fs::OpenOptions::new().create(true).append(true).open(mark);
            let _ = file.and_then(|mut file| writeln!(file, "{} {last}", place.name()));
        }
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // Other threads may still be at work for an instant; this one is not.
        loop {
            std::hint::spin_loop();
        }
    }
}
