//! Plans: their row, their document, and what waiting needs of it.

use rusqlite::{OptionalExtension, Row, params};

use super::Writer;
use crate::ledger::LedgerError;
use crate::ledger::briefs::{self, Values};
use crate::ledger::codes::project_text;
use crate::ledger::error::Failure;
use crate::plan::{JobId, ProjectId};
use crate::planner::Brief;
use crate::schedule::DueTime;

impl Writer<'_> {
    pub(super) fn plan(
        &mut self,
        job: &JobId,
        name: &str,
        project: Option<&ProjectId>,
        content: Option<(&str, Option<&Brief>)>,
        first_seen: DueTime,
        covered: DueTime,
    ) -> Result<(), Failure> {
        let unknown = || Failure::Ours(LedgerError::UnknownPlan { job: job.clone() });
        let change = match content {
            // It is only a plan if there is a document, now or from before.
            None => {
                "UPDATE plan SET name = ?2, project = ?3, first_seen = ?4
                     WHERE job_id = ?1 AND forgotten = 0 RETURNING key"
            }
            Some(_) => {
                "INSERT INTO plan (job_id, name, project, first_seen, common, digest, created, started, ended,
                   in_session, in_round)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (job_id) DO UPDATE SET name = excluded.name, project = excluded.project,
                   first_seen = excluded.first_seen, forgotten = 0, common = excluded.common,
                   digest = excluded.digest, created = excluded.created, started = excluded.started,
                   ended = excluded.ended, in_session = excluded.in_session, in_round = excluded.in_round
                 RETURNING key"
            }
        };
        if content.is_some() {
            self.commons.replaced();
        }
        let brief = content.and_then(|(text, brief)| Some((text, brief?)));
        let common = brief
            .map(|(text, brief)| {
                briefs::key(self.transaction, self.commons, &mut self.new_commons, brief, text)
            })
            .transpose()?;
        let own = brief.map(|(_, brief)| Values::of(brief)).unwrap_or_default();
        let project = project_text(project);
        let first_seen = first_seen.epoch();
        let mut change = self.transaction.prepare_cached(change)?;
        let key = |row: &Row<'_>| row.get::<_, i64>(0);
        let key = match content {
            None => change.query_row(params![job.as_str(), name, project, first_seen], key),
            Some(_) => change.query_row(
                params![
                    job.as_str(),
                    name,
                    project,
                    first_seen,
                    common,
                    own.digest,
                    own.created,
                    own.started,
                    own.ended,
                    own.session,
                    own.tag
                ],
                key,
            ),
        };
        let key = key.optional()?.ok_or_else(unknown)?;
        if let Some((document, _)) = content {
            self.transaction
                .prepare_cached("INSERT OR REPLACE INTO document (plan, text) VALUES (?1, ?2)")?
                .execute(params![key, document])?;
        } else {
            self.open_again(key, covered)?;
        }
        self.transaction
            .prepare_cached(
                "INSERT INTO progress (plan, covered) VALUES (?1, ?2)
                 ON CONFLICT (plan) DO UPDATE SET covered = excluded.covered",
            )?
            .execute([key, covered.epoch()])?;
        self.new_keys.insert(job.clone(), key);
        Ok(())
    }

    /// `covered` of a plan that goes back (the wall clock had been wrong): the verdicts beyond it are void.
    fn open_again(&mut self, plan: i64, covered: DueTime) -> Result<(), Failure> {
        let back = self
            .transaction
            .prepare_cached("SELECT 1 FROM progress WHERE plan = ?1 AND covered > ?2")?
            .exists([plan, covered.epoch()])?;
        if !back {
            return Ok(());
        }
        let void: Vec<(i64, i64)> = self
            .transaction
            .prepare_cached("DELETE FROM verdict WHERE first > ?2 AND plan = ?1 RETURNING kind, count")?
            .query_map([plan, covered.epoch()], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (kind, count) in void {
            self.count(kind, -count);
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, job: &JobId) -> Result<(), Failure> {
        let plan = self.key(job)?;
        self.commons.replaced();
        self.transaction
            .prepare_cached("UPDATE plan SET forgotten = 1, common = NULL, since = NULL WHERE key = ?1")?
            .execute([plan])?;
        self.transaction
            .prepare_cached("DELETE FROM document WHERE plan = ?1")?
            .execute([plan])?;
        Ok(())
    }
}
