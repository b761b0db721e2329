//! What the poller tells, taken in.

use chrono::{DateTime, Utc};

use crate::plan::{self, Digests};

use super::listing::{Listed, Polled};
use super::live::Daemon;
use super::main_loop::Event;
use super::reading::Read;
use super::register::Contact;

impl Daemon {
    /// What it means to the loop.
    pub(super) fn polled(&mut self, polled: Polled) -> Event {
        let (began, took, result) = match polled {
            Polled::Page { began, plans } => {
                self.listener.listed(began, &plans);
                return Event::Page(plans);
            }
            Polled::Over { began, took, result } => (began, took, result),
        };
        self.trouble
            .turned_away(self.main_loop.engine.planner().turned_away());
        match result {
            Ok(Listed {
                read,
                proves_absence,
                others,
            }) => {
                self.metrics.poll_ok(took, self.clock.now());
                self.proves_absence = proves_absence;
                let Read {
                    broken,
                    problems,
                    further,
                    digests,
                    virtuozzo,
                    documents,
                } = read;
                self.contact.send_replace(Contact::made(virtuozzo));
                self.tell_awaited(began, &digests);
                if let Some(documents) = documents {
                    self.copier.keep(documents);
                }
                tracing::debug!(plans = digests.len(), broken = broken.len(), others, "listed");
                self.trouble.tell(problems, further);
                self.tidy();
                Event::Listed {
                    began,
                    digests,
                    broken,
                }
            }
            Err(error) => {
                self.metrics.poll_failed(error.failure());
                tracing::error!("no listing: {error}");
                // An API may be away for weeks.
                self.tidy();
                Event::BrokenOff
            }
        }
    }

    /// Runs that were started elsewhere are seen in listings, in what did not change too: that is as the ledger has
    /// it, if this listing has that.
    fn tell_awaited(&self, began: DateTime<Utc>, digests: &Digests) {
        for job in self.listener.awaited() {
            let text = self.main_loop.engine.document(&job);
            let text = text.filter(|text| digests.contains(&self.digester.digest(text)));
            if let Some(Ok(parsed)) = text.map(|text| plan::parse(&text, job.as_str())) {
                self.listener.listed(began, &[parsed.plan]);
            }
        }
    }
}
