//! What the main loop leaves to others, and questions about single plans.

use freezerd::daemon::engine::Errand;
use freezerd::daemon::listing::Source;
use freezerd::daemon::main_loop::Event as Came;
use freezerd::plan::JobId;
use freezerd::planner::Input;

use super::checker::Missing;
use super::keeping::{PATIENCE, ready};
use super::script::Weather;
use super::world::World;

/// Whether a plan is gone: an answer on its way.
pub(super) struct Confirmed {
    asked: i64,
    pub(super) arrives: i64,
    job: JobId,
    /// Which version of the plan that was.
    version: usize,
    answer: Option<Input>,
}

impl World {
    pub(super) fn see_to(&mut self, errand: Errand) {
        match errand {
            Errand::ConfirmGone(job) => self.confirm(job),
            Errand::ReadWhole => self.reader.forget(),
            Errand::AskSession(ask) => self.ask_session(ask),
            Errand::Prepare(run) => self.prepare(run),
            Errand::Deliver => self.ring(),
        }
    }

    /// Asks whether a plan is gone; the answer takes its time.
    fn confirm(&mut self, job: JobId) {
        let (now, late) = (self.machine.clock.now(), self.late());
        let user = self.users.iter().find(|(id, _)| id == job.as_str());
        let version = user.map_or(0, |(_, versions)| versions.len().saturating_sub(1));
        self.cloud().too_slow = late > PATIENCE;
        let source = self.api.clone().map(Source::Api);
        let answer = self.beside(|_, _| source.map(|source| ready(source.confirm(&job, true))));
        self.cloud().too_slow = false;
        let Some(answer) = answer.flatten() else {
            return;
        };
        self.confirmed.push(Confirmed {
            asked: now,
            arrives: now + late.min(PATIENCE),
            job,
            version,
            answer,
        });
    }

    pub(super) fn confirmed(&mut self, confirmed: Confirmed) {
        let Confirmed { job, answer, .. } = confirmed;
        let now = self.machine.clock.now();
        let (wall, gone) = (self.machine.clock.wall(), matches!(answer, Some(Input::Gone(_))));
        // One that is long in coming is not waited for.
        if gone && confirmed.asked == now {
            self.missing.push(Missing {
                job: job.as_str().to_owned(),
                listed: self.listed,
                known: self.machine.started(),
            });
        }
        if self.come_safely(Came::Confirmed(job.clone(), answer)) && gone {
            let user = self.users.iter_mut().find(|(id, _)| id == job.as_str());
            if let Some(version) = user.and_then(|(_, versions)| versions.get_mut(confirmed.version)) {
                version.known.get_or_insert(wall);
            }
        }
    }

    /// How long answers take.
    pub(super) fn late(&self) -> i64 {
        match self.weather {
            Weather::Slow(seconds) => seconds,
            _ => 0,
        }
    }
}
