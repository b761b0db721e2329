//! The tables, and how a ledger of an earlier version becomes one of this version.

use rusqlite::{Connection, TransactionBehavior};

use crate::failpoint::{self, Failpoint};

/// Marks a database as ours: `frzd`.
pub(super) const APPLICATION: i64 = 0x6672_7a64;

/// One step per version, never changed once released: step `n` brings version `n` to `n + 1`.
pub(super) const STEPS: &[&str] = &[
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9,
    VERSION_10,
];

/// What is kept apart, and why:
/// - `document` from `plan`: a document is a kilobyte, and looking a plan up by its name must not read a million.
/// - `progress` from `plan`: it changes at every due time, so its rows must be few to the page.
/// - `verdict` is ordered by time first, then by plan: those of one moment are one append at the end of the
///   tree, however many plans there are, and the oldest go in one cut. In the order of plans, each would lie
///   on a page of its own. (One plan's verdicts are found by going from due time to due time: `history.rs`.)
const VERSION_1: &str = "
CREATE TABLE plan (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: verdicts outlive a plan's row
  job_id     TEXT NOT NULL UNIQUE,
  project    TEXT,
  name       TEXT NOT NULL,
  first_seen INTEGER NOT NULL,                    -- epoch seconds
  forgotten  INTEGER NOT NULL DEFAULT 0           -- 1: gone from its source; only its history is kept
) STRICT;
CREATE INDEX plan_forgotten ON plan (key) WHERE forgotten = 1;

CREATE TABLE document (
  plan INTEGER PRIMARY KEY REFERENCES plan (key) ON DELETE CASCADE,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE progress (
  plan         INTEGER PRIMARY KEY REFERENCES plan (key) ON DELETE CASCADE,
  covered      INTEGER NOT NULL,                  -- epoch seconds
  last_done    INTEGER,                           -- run.key of its done run with the latest due time
  last_success INTEGER                            -- run.key of its successful one
) STRICT;

CREATE TABLE verdict (
  first   INTEGER NOT NULL,                       -- epoch seconds
  plan    INTEGER NOT NULL,                       -- plan.key
  span    INTEGER NOT NULL,                       -- seconds from the first to the last due time covered
  count   INTEGER NOT NULL,
  kind    INTEGER NOT NULL,                       -- 0 run, 1 coalesced, 2.. skipped: codes.rs
  run     ANY,                                    -- seconds from first to the run's due time, else its id
  decided INTEGER NOT NULL,                       -- epoch milliseconds
  PRIMARY KEY (first, plan)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: progress may still point to it
  id         TEXT NOT NULL UNIQUE,
  plan       INTEGER NOT NULL REFERENCES plan (key),
  project    TEXT,
  due        INTEGER NOT NULL,                    -- epoch seconds
  covers     INTEGER NOT NULL,                    -- epoch seconds: the latest due time it serves
  cadence    INTEGER,                             -- seconds
  state      INTEGER NOT NULL,                    -- 0 queued, 1 starting, 2 running, 3.. done: codes.rs
  not_before INTEGER,                             -- epoch seconds
  queued     INTEGER NOT NULL,                    -- epoch milliseconds
  started    INTEGER,                             -- epoch milliseconds
  ended      INTEGER,                             -- epoch milliseconds
  pid        INTEGER,
  detail     TEXT NOT NULL
) STRICT;
CREATE INDEX run_by_plan ON run (plan, due);
CREATE INDEX run_open ON run (key) WHERE state < 3;

CREATE TABLE report (
  number        INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: an old one may be on its way
  plan          INTEGER NOT NULL UNIQUE REFERENCES plan (key),
  run           TEXT,
  status        TEXT NOT NULL,
  result        TEXT,                             -- NULL: as it was
  time_started  INTEGER,
  time_ended    INTEGER,
  current_pid   INTEGER,
  answers_event TEXT,
  event_number  INTEGER,                          -- number of the report that first carried answers_event
  attempts      INTEGER NOT NULL DEFAULT 0,
  error         TEXT
) STRICT;
CREATE INDEX report_order ON report (attempts, number);

CREATE TABLE tally (
  kind  INTEGER PRIMARY KEY,                      -- a verdict's kind, or 100 + a done run's state
  total INTEGER NOT NULL
) STRICT;

CREATE TABLE fact (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The agents' metadata, on its way to the API. A row goes with its run's.
const VERSION_2: &str = "
CREATE TABLE backup (
  number   INTEGER PRIMARY KEY,
  run      INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
  step     INTEGER NOT NULL,                      -- from 0
  metadata TEXT,                                  -- NULL: the API has it
  in_doubt INTEGER NOT NULL DEFAULT 0,            -- 1: it may have arrived, though nothing was heard of it
  attempts INTEGER NOT NULL DEFAULT 0,
  error    TEXT,
  UNIQUE (run, step)
) STRICT;
CREATE INDEX backup_order ON backup (attempts, number) WHERE metadata IS NOT NULL;
";

/// What another scheduler did, as seen in shadow.
const VERSION_3: &str = "
CREATE TABLE sighting (
  plan    INTEGER NOT NULL REFERENCES plan (key) ON DELETE CASCADE,
  started INTEGER NOT NULL,                       -- epoch seconds
  ended   INTEGER,                                -- epoch milliseconds
  result  TEXT NOT NULL,
  seen    INTEGER NOT NULL,                       -- epoch milliseconds
  unseen  INTEGER,                                -- epoch milliseconds: the listing before was asked for
  PRIMARY KEY (plan, started)
) STRICT, WITHOUT ROWID;
CREATE INDEX sighting_age ON sighting (started);
";

/// Sessions: a run's part in one, the round that a report tells, and the ends on their way to the API.
const VERSION_4: &str = "
ALTER TABLE run ADD COLUMN session TEXT;          -- JSON; NULL: it has none
ALTER TABLE report ADD COLUMN session TEXT;
ALTER TABLE report ADD COLUMN session_tag INTEGER;

CREATE TABLE session_end (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,     -- never used again: an old one may be on its way
  plan     INTEGER NOT NULL REFERENCES plan (key) ON DELETE CASCADE,
  run      TEXT NOT NULL,
  session  TEXT NOT NULL,
  tag      INTEGER NOT NULL,
  result   TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  error    TEXT,
  UNIQUE (plan, session)                          -- the API keeps one of each
) STRICT;
CREATE INDEX session_end_order ON session_end (attempts, number);
";

/// Records that are made before their backups. A row is there from before one may exist until it says what became
/// of its backup: it outlives its run's, which may be withdrawn.
const VERSION_5: &str = "
CREATE TABLE draft (
  number    INTEGER PRIMARY KEY,
  run       TEXT NOT NULL,
  step      INTEGER NOT NULL,                     -- from 0
  job_id    TEXT NOT NULL,
  project   TEXT,
  backup_id TEXT,                                 -- NULL: it may have been made, though nothing was heard of it
  attempts  INTEGER NOT NULL DEFAULT 0,           -- to say what became of its backup
  error     TEXT,
  UNIQUE (run, step)
) STRICT;
";

/// What waiting needs of a plan, so that a start reads no documents (`briefs.rs`).
const VERSION_6: &str = "
CREATE TABLE common (
  key      INTEGER PRIMARY KEY,
  document TEXT NOT NULL                          -- of a plan that has this in common with others
) STRICT;

ALTER TABLE plan ADD COLUMN common INTEGER;       -- common.key; NULL: its document is to be read
ALTER TABLE plan ADD COLUMN digest INTEGER;       -- of its document
ALTER TABLE plan ADD COLUMN created INTEGER;      -- epoch seconds
ALTER TABLE plan ADD COLUMN started INTEGER;      -- epoch seconds
ALTER TABLE plan ADD COLUMN ended INTEGER;        -- epoch seconds
ALTER TABLE plan ADD COLUMN in_session TEXT;
ALTER TABLE plan ADD COLUMN in_round INTEGER;
";

/// What a run was to serve besides its due time: where a clock that was wrong is set right, it is decided afresh.
const VERSION_7: &str = "
ALTER TABLE run ADD COLUMN first INTEGER;         -- epoch seconds: the earliest due time it serves; NULL: due
ALTER TABLE run ADD COLUMN count INTEGER NOT NULL DEFAULT 1; -- due times from the first to due
";

/// What a plan's lateness is measured from outlives the daemon.
const VERSION_8: &str = "
ALTER TABLE plan ADD COLUMN since INTEGER;        -- epoch seconds: has its schedule and may run; NULL: first_seen
";

/// A run was withdrawn, and whether its session waits for it is not known.
const VERSION_9: &str = "
ALTER TABLE session_end ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
";

/// Runs that were queued with many others, and of which nothing else is known yet, have no row in `run`.
const VERSION_10: &str = "
ALTER TABLE progress ADD COLUMN waits INTEGER;    -- epoch seconds: the due time of the plan's run that waits; NULL: it has a row
";

/// Brings a database from `version` to the end of `steps`, in one transaction.
pub(super) fn migrate(connection: &mut Connection, version: usize, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(
        None,
        "user_version",
        i64::try_from(steps.len()).unwrap_or(i64::MAX),
    )?;
    failpoint::reach(Failpoint::SchemaCommit);
    transaction.commit()?;
    failpoint::reach(Failpoint::SchemaCommitted);
    Ok(())
}
