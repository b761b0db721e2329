//! Listings: asked for page by page, read with freezerd's own pager and by its own rules for what is new. Only the client between
//! them is left out, for nothing is asked for so often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::daemon::main_loop::Event as Came;
use freezerd::daemon::reading::{Begun, Read, Reading};
use freezerd::freezer::{Habits, Next, Pager};
use freezerd::plan::{Digester, Digests, Plan};

use super::checker::Version;
use super::cloud::Cloud;
use super::machine::instant;
use super::rng::Rng;
use super::script::Weather;
use super::world::World;

/// A listing that is as the last one is read anew only once in so many times: most of a life would go into it.
const READ_ANEW: u64 = 64;

/// What the daemon remembers from listing to listing.
pub(super) struct Reader {
    reading: Reading,
    habits: Habits,
    /// The last whole listing: after how many changes that was.
    last: Option<(u64, Whole)>,
}

/// What a whole listing says, beside its new plans.
#[derive(Clone)]
struct Whole {
    digests: Arc<Digests>,
    shown: BTreeSet<String>,
}

/// A listing that was read.
#[derive(Default)]
struct Heard {
    /// Those of the plans that are new, or not as they were, page by page.
    pages: Vec<Vec<Plan>>,
    /// `None`: it broke off.
    whole: Option<Whole>,
}

/// A listing on its way: when it was asked for (wall), what it holds, and which version of each plan that is.
pub(super) struct Listed {
    began: i64,
    pub(super) arrives: i64,
    pages: Vec<Vec<Plan>>,
    whole: Whole,
    versions: BTreeMap<String, usize>,
}

impl Reader {
    /// So much is known without a listing.
    pub(super) fn new(known: Digests) -> Self {
        Self {
            reading: Reading::new(Digester::default(), known),
            habits: Habits::default(),
            last: None,
        }
    }

    /// The next listing is read whole.
    pub(super) fn forget(&mut self) {
        self.reading.forget();
        self.last = None;
    }

    /// Reads a listing.
    fn read(&mut self, cloud: &mut Cloud, weather: Weather, page_size: usize) -> Heard {
        let steady = matches!(weather, Weather::Fair | Weather::Slow(_) | Weather::LostReplies);
        let known = self
            .last
            .as_ref()
            .filter(|(changes, _)| *changes == cloud.changes());
        if let Some((_, whole)) = known
            && steady
            && cloud.refuses == 0
            && !cloud.asked().is_multiple_of(READ_ANEW)
            && cloud.ask(weather).is_ok()
        {
            return Heard {
                pages: Vec::new(),
                whole: Some(whole.clone()),
            };
        }
        let mut begun = self.reading.begin();
        let mut pager = Pager::new(page_size, None, self.habits, begun.outline());
        let mut heard = Heard::default();
        let shown = pages(
            &mut pager,
            &mut begun,
            cloud,
            weather,
            page_size,
            &mut heard.pages,
        );
        if let Some(shown) = shown {
            self.habits = pager.habits();
            let Read { digests, broken, .. } = begun.complete(pager.outline());
            assert!(broken.is_empty(), "every job here can be used");
            let whole = Whole { digests, shown };
            self.last = Some((cloud.changes(), whole.clone()));
            heard.whole = Some(whole);
        }
        heard
    }
}

/// Reads page after page. Gives the jobs in them; `None`: it broke off.
fn pages(
    pager: &mut Pager,
    begun: &mut Begun<'_>,
    cloud: &mut Cloud,
    weather: Weather,
    page_size: usize,
    pages: &mut Vec<Vec<Plan>>,
) -> Option<BTreeSet<String>> {
    let mut ids: Vec<String> = cloud.jobs.keys().cloned().collect();
    let mut shown = BTreeSet::new();
    let mut next = Next::Ask(None);
    while let Next::Ask(offset) = next {
        if weather == Weather::CutOff && pager.pages() > 0 {
            return None;
        }
        cloud.ask(weather).ok()?;
        if weather == Weather::Shifting {
            let from = Rng::new(cloud.asked()).index(ids.len().max(1));
            ids.rotate_left(from);
        }
        let Some(page) = cloud.page(&ids, offset.as_deref(), page_size) else {
            next = pager.refused();
            continue;
        };
        let from = offset.map_or(0, |offset| offset.parse().unwrap_or(0));
        shown.extend(ids.iter().skip(from).take(page_size).cloned());
        next = pager.take(page.as_bytes()).expect("a page");
        let (documents, unchanged) = (
            std::mem::take(&mut pager.documents),
            std::mem::take(&mut pager.unchanged),
        );
        let plans = begun.take(&documents, &unchanged);
        if !plans.is_empty() {
            pages.push(plans);
        }
    }
    (next == Next::Done).then_some(shown)
}

impl World {
    pub(super) fn poll(&mut self) {
        let now = self.machine.clock.now();
        let jitter = Rng::of(self.seed, &now.to_string()).within(0, self.poll_every);
        self.next_poll = now + self.poll_every + jitter;
        let cloud = Arc::clone(&self.cloud);
        let heard = {
            let mut cloud = cloud.lock().expect("no thread panics with it");
            self.reader.read(&mut cloud, self.weather, self.page)
        };
        let Some(whole) = heard.whole else {
            // Its pages were told as they came.
            for plans in heard.pages {
                self.come(Came::Page(plans));
            }
            self.come(Came::BrokenOff);
            return;
        };
        let latest = |(id, versions): &(String, Vec<Version>)| (id.clone(), versions.len() - 1);
        let slow = self.late();
        self.next_poll += slow;
        self.listing = Some(Listed {
            began: self.machine.clock.wall(),
            arrives: now + slow,
            pages: heard.pages,
            whole,
            versions: self.users.iter().map(latest).collect(),
        });
    }

    pub(super) fn listing_arrives(&mut self) {
        let Some(listed) = self.listing.take() else { return };
        self.begin = None;
        for plans in listed.pages {
            self.come(Came::Page(plans));
        }
        let over = Came::Listed {
            began: instant(listed.began),
            digests: listed.whole.digests,
            broken: Vec::new(),
        };
        self.listed = self.machine.started();
        if !self.come_safely(over) {
            return;
        }
        let wall = self.machine.clock.wall();
        for (id, versions) in &mut self.users {
            let version = listed.versions.get(id).and_then(|at| versions.get_mut(*at));
            if let Some(version) = version
                && listed.whole.shown.contains(id)
            {
                version.known.get_or_insert(wall);
            }
        }
    }
}
