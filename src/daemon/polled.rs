//! What the poller tells, taken in.

use chrono::{DateTime, Utc};

use crate::plan::{self, Digests, Plan};
use crate::planner::Input;

use super::listing::{Listed, Polled};
use super::live::Daemon;
use super::reading::Read;
use super::register::Contact;

impl Daemon {
    /// What it means to the planner, if anything.
    pub(super) fn polled(&mut self, polled: Polled) -> Option<Input> {
        let (began, took, result) = match polled {
            Polled::Page { began, plans } => return self.page(began, plans),
            Polled::Over { began, took, result } => (began, took, result),
        };
        let withheld = std::mem::take(&mut self.withheld);
        self.trouble.turned_away(self.engine.planner().turned_away());
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
                self.begun = true;
                self.tidy();
                if std::mem::take(&mut self.lost) {
                    let plans = withheld;
                    return Some(Input::Listing { began, plans, broken });
                }
                Some(Input::Listed {
                    began,
                    digests,
                    broken,
                })
            }
            Err(error) => {
                self.metrics.poll_failed(error.failure());
                tracing::error!("no listing: {error}");
                // An API may be away for weeks.
                self.tidy();
                Some(Input::BrokenOff)
            }
        }
    }

    /// Some plans of a listing. Where the ledger of before was lost, runs are looked for with the first step, so
    /// what they are runs of must be known by then: the first listing is taken in at once.
    fn page(&mut self, began: DateTime<Utc>, plans: Vec<Plan>) -> Option<Input> {
        self.listener.listed(began, &plans);
        if self.lost {
            self.withheld.extend(plans);
            return None;
        }
        Some(Input::Page(plans))
    }

    /// Runs that were started elsewhere are seen in listings, in what did not change too: that is as the ledger has
    /// it, if this listing has that.
    fn tell_awaited(&self, began: DateTime<Utc>, digests: &Digests) {
        for job in self.listener.awaited() {
            let text = self.engine.document(&job);
            let text = text.filter(|text| digests.contains(&self.digester.digest(text)));
            if let Some(Ok(parsed)) = text.map(|text| plan::parse(&text, job.as_str())) {
                self.listener.listed(began, &[parsed.plan]);
            }
        }
    }
}
