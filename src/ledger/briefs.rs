//! Stored briefs: what waiting needs of each plan, so that a start reads no documents, be they a million.
//!
//! What plans have in common is stored as the document of one that has it: to read that document is to read it. So there
//! is one way from documents to what they mean, here as everywhere. Another freezerd may read them otherwise; so the
//! briefs have a form, and where that is not ours the documents are read, once, and the briefs are stored afresh.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::codes::{job_of, misread, project_of};
use super::{Ledger, LedgerError};
use crate::failpoint::{self, Failpoint};
use crate::plan::{self, Digest, Digester, Session};
use crate::planner::{Brief, Common};
use crate::schedule::DueTime;

/// Goes up when documents are read or digested otherwise than before, within one version of freezerd.
const FORM: u32 = 1;

/// The columns of a stored brief of a plan `p`, in the order [`brief_of`] reads them.
pub(super) const COLUMNS: &str = "p.job_id, p.project, p.name, p.common, p.digest, p.created, p.started, p.ended, \
                                  p.in_session, p.in_round";

/// What is to be done about the stored briefs after a start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// They are of another form than ours: all of them are to be stored afresh.
    pub(super) afresh: bool,
    /// What plans had in common, and none has any more.
    pub(super) unused: Vec<i64>,
}

/// Keys of what plans have in common.
pub(super) type Used = HashSet<i64, foldhash::fast::RandomState>;

/// What plans have in common, by its key.
pub(super) type Commons = BTreeMap<i64, Arc<Common>>;

/// Of the briefs that are stored now. The text is digested so that another way to digest is another form, too.
fn form() -> i64 {
    let text = format!("freezerd {} {FORM}", env!("CARGO_PKG_VERSION"));
    Digester::seeded(0).digest(&text).number().cast_signed()
}

fn fact(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM fact WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// By which the stored briefs are digested.
pub(super) fn digester(connection: &Connection) -> rusqlite::Result<Digester> {
    let seed = fact(connection, "digest_seed")?;
    Ok(seed.map_or_else(Digester::default, |seed| Digester::seeded(seed.cast_unsigned())))
}

/// Makes the seed of all digests, once in a ledger's life.
pub(super) fn sow(connection: &Connection) -> rusqlite::Result<()> {
    if fact(connection, "digest_seed")?.is_none() {
        let seed = Digester::random_seed().cast_signed();
        connection.execute(
            "INSERT INTO fact (name, value) VALUES ('digest_seed', ?1)",
            [seed],
        )?;
        // Of a ledger of an earlier version, the next start is to read all documents, and store the briefs.
        connection.execute(
            "INSERT INTO fact (name, value) SELECT 'brief_form', ?1 WHERE NOT EXISTS (SELECT 1 FROM plan)",
            [form()],
        )?;
    }
    Ok(())
}

/// What plans have in common; `None`: it is of another form, or unreadable.
pub(super) fn commons(connection: &Connection) -> rusqlite::Result<Option<Commons>> {
    if fact(connection, "brief_form")? != Some(form()) {
        return Ok(None);
    }
    let mut known = connection.prepare("SELECT key, document FROM common")?;
    let mut rows = known.query([])?;
    let mut commons = Commons::new();
    while let Some(row) = rows.next()? {
        let Ok(parsed) = plan::parse(row.get_ref(1)?.as_str()?, "the ledger") else {
            return Ok(None);
        };
        commons.insert(row.get(0)?, Arc::new(Common::of(&parsed.plan)));
    }
    Ok(Some(commons))
}

/// The keys of `commons` that are not among those in use.
pub(super) fn unused(commons: &Commons, used: &Used) -> Vec<i64> {
    commons
        .keys()
        .filter(|key| !used.contains(key))
        .copied()
        .collect()
}

/// A brief from [`COLUMNS`], which begin at column 0, and the key of what it has in common.
pub(super) fn brief_of(row: &Row<'_>, commons: &Commons) -> rusqlite::Result<(i64, Brief)> {
    let key: i64 = row.get(3)?;
    let common = commons
        .get(&key)
        .ok_or_else(|| misread(3, "nothing that plans have in common"))?;
    let digest: i64 = row.get(4)?;
    let due = |column| -> rusqlite::Result<Option<DueTime>> {
        let second: Option<i64> = row.get(column)?;
        Ok(second.map(DueTime::from_epoch))
    };
    let session = match row.get_ref(8)?.as_str_or_null()? {
        Some(id) => Some(Box::new(Session {
            id: id.into(),
            tag: row.get(9)?,
        })),
        None => None,
    };
    let brief = Brief {
        id: job_of(row, 0)?,
        project: project_of(row, 1)?,
        name: row.get_ref(2)?.as_str()?.into(),
        common: Arc::clone(common),
        session,
        created: due(5)?,
        started: due(6)?,
        ended: due(7)?,
        digest: Digest::from_number(digest.cast_unsigned()),
    };
    Ok((key, brief))
}

/// The keys of what plans have in common, for those who write.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: Option<HashMap<Arc<Common>, i64>>,
    sweep: Option<Sweep>,
    /// A plan has another one, or none, since the last look through all plans began, or since a start, which also sees what
    /// is unused.
    replaced: bool,
}

/// A look through all plans, a part at a time, for what none has any more: it has its plan's document with all its secrets,
/// and a plan may be edited every day.
#[derive(Debug, Default)]
struct Sweep {
    /// Plans up to this key were looked at.
    after: i64,
    /// What those have, and what was given to any since the look began.
    used: Used,
}

/// What a transaction adds to [`Keys`], once it is committed.
#[derive(Debug, Default)]
pub(super) struct NewKeys(HashMap<Arc<Common>, i64>);

impl Keys {
    /// All that are there; read when they are first asked for.
    fn known(&mut self, connection: &Connection) -> rusqlite::Result<&HashMap<Arc<Common>, i64>> {
        if self.known.is_none() {
            let commons = commons(connection)?.unwrap_or_default();
            self.known = Some(commons.into_iter().map(|(key, common)| (common, key)).collect());
        }
        Ok(self.known.get_or_insert_default())
    }

    pub(super) fn extend(&mut self, new: NewKeys) {
        if let Some(known) = &mut self.known {
            known.extend(new.0);
        }
    }

    /// Looks at the next so many plans, and after the last of them removes what none has, at most so much. Gives the keys of
    /// that, for [`Keys::removed`], and whether there is more to do.
    pub(super) fn sweep(
        &mut self,
        transaction: &Transaction<'_>,
        most: i64,
    ) -> rusqlite::Result<(Vec<i64>, bool)> {
        // A million plans take two hundred looks: not where it is known that they find nothing.
        if self.sweep.is_none() && !std::mem::take(&mut self.replaced) {
            return Ok((Vec::new(), false));
        }
        let sweep = self.sweep.get_or_insert_default();
        let mut plans = transaction
            .prepare_cached("SELECT key, common FROM plan WHERE key > ?1 ORDER BY key LIMIT ?2")?;
        let mut rows = plans.query([sweep.after, most])?;
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            sweep.after = row.get(0)?;
            sweep.used.extend(row.get::<_, Option<i64>>(1)?);
        }
        if looked_at == most {
            return Ok((Vec::new(), true));
        }
        let mut all = transaction.prepare_cached("SELECT key FROM common")?;
        let all: Vec<i64> = all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let unused = all.into_iter().filter(|key| !sweep.used.contains(key));
        let unused: Vec<i64> = unused.take(usize::try_from(most).unwrap_or_default()).collect();
        for key in &unused {
            transaction
                .prepare_cached("DELETE FROM common WHERE key = ?1")?
                .execute([key])?;
        }
        let more = i64::try_from(unused.len()) == Ok(most);
        if !more {
            self.sweep = None;
        }
        Ok((unused, more))
    }

    /// What a plan has is another one from now on, or none.
    pub(super) const fn replaced(&mut self) {
        self.replaced = true;
    }

    /// These are committed to be there no more.
    pub(super) fn removed(&mut self, keys: &[i64]) {
        if let Some(known) = self.known.as_mut().filter(|_| !keys.is_empty()) {
            known.retain(|_, key| !keys.contains(key));
        }
    }
}

/// The key of what a brief has in common with others. `document` is its plan's, and stands for that from now on if there
/// is none yet.
pub(super) fn key(
    connection: &Connection,
    keys: &mut Keys,
    new: &mut NewKeys,
    brief: &Brief,
    document: &str,
) -> rusqlite::Result<i64> {
    let known = keys.known(connection)?.get(&brief.common);
    let key = match known.or_else(|| new.0.get(&brief.common)) {
        Some(key) => *key,
        None => {
            connection
                .prepare_cached("INSERT INTO common (document) VALUES (?1)")?
                .execute([document])?;
            let key = connection.last_insert_rowid();
            new.0.insert(Arc::clone(&brief.common), key);
            key
        }
    };
    if let Some(sweep) = &mut keys.sweep {
        sweep.used.insert(key);
    }
    Ok(key)
}

impl Ledger {
    /// By which the briefs in it are digested, and those to come are to be.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn digester(&self) -> Result<Digester, LedgerError> {
        self.reader.read(digester)
    }

    /// Does what [`super::Restored::upkeep`] says. `briefs`: of all plans, made of their documents where they are of
    /// another form.
    ///
    /// # Errors
    /// When it cannot be written; then the next start has it to do again.
    pub fn keep_briefs<'a>(
        &mut self,
        upkeep: &Upkeep,
        briefs: impl Iterator<Item = &'a Brief>,
    ) -> Result<(), LedgerError> {
        if *upkeep == Upkeep::default() {
            return Ok(());
        }
        self.commons = Keys::default();
        let (connection, path) = self.reader.parts();
        let write = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for key in &upkeep.unused {
                transaction.execute("DELETE FROM common WHERE key = ?1", [key])?;
            }
            if upkeep.afresh {
                store_all(&transaction, briefs)?;
            }
            failpoint::reach(Failpoint::BriefsCommit);
            transaction.commit()?;
            failpoint::reach(Failpoint::BriefsCommitted);
            Ok(())
        };
        // Of all plans there are too many pages to hold; of any other transaction they are held, whatever becomes of this.
        let written = connection
            .pragma_update(None, "cache_spill", true)
            .and_then(|()| write(connection));
        let held = connection.pragma_update(None, "cache_spill", false);
        written.and(held).map_err(|error| LedgerError::of(path, error))
    }
}

fn store_all<'a>(
    transaction: &Transaction<'_>,
    briefs: impl Iterator<Item = &'a Brief>,
) -> rusqlite::Result<()> {
    transaction.execute_batch("UPDATE plan SET common = NULL; DELETE FROM common;")?;
    let (mut keys, mut new) = (Keys::default(), NewKeys::default());
    keys.known = Some(HashMap::new());
    let mut text = transaction
        .prepare("SELECT p.key, d.text FROM plan p JOIN document d ON d.plan = p.key WHERE p.job_id = ?1")?;
    let mut known = transaction.prepare("SELECT key FROM plan WHERE job_id = ?1")?;
    let mut store = transaction.prepare(
        "UPDATE plan SET common = ?2, digest = ?3, created = ?4, started = ?5, ended = ?6, in_session = ?7,
           in_round = ?8 WHERE key = ?1",
    )?;
    for brief in briefs {
        let (plan, common): (i64, i64) = if let Some(common) = new.0.get(&brief.common) {
            (known.query_row([brief.id.as_str()], |row| row.get(0))?, *common)
        } else {
            let (plan, text): (i64, String) =
                text.query_row([brief.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            (plan, key(transaction, &mut keys, &mut new, brief, &text)?)
        };
        let Values {
            digest,
            created,
            started,
            ended,
            session,
            tag,
        } = Values::of(brief);
        store.execute(params![
            plan, common, digest, created, started, ended, session, tag
        ])?;
    }
    transaction.execute(
        "INSERT OR REPLACE INTO fact (name, value) VALUES ('brief_form', ?1)",
        [form()],
    )?;
    Ok(())
}

/// A brief's own values, as they are stored.
#[derive(Debug, Default)]
pub(super) struct Values<'b> {
    pub(super) digest: Option<i64>,
    pub(super) created: Option<i64>,
    pub(super) started: Option<i64>,
    pub(super) ended: Option<i64>,
    pub(super) session: Option<&'b str>,
    pub(super) tag: Option<i64>,
}

impl<'b> Values<'b> {
    pub(super) fn of(brief: &'b Brief) -> Self {
        Self {
            digest: Some(brief.digest.number().cast_signed()),
            created: brief.created.map(DueTime::epoch),
            started: brief.started.map(DueTime::epoch),
            ended: brief.ended.map(DueTime::epoch),
            session: brief.session.as_ref().map(|session| &*session.id),
            tag: brief.session.as_ref().map(|session| session.tag),
        }
    }
}
