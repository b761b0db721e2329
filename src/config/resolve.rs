//! From a merged [`Fragment`] to [`Settings`]: defaults, and what no single value can be checked for.

mod limits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::freezer::{Access, Bounds, ClientFilter, Interface, Patience};
use crate::schedule::Crontab;

use super::auth::{Credentials, CredentialsError};
use super::error::{Finding, Origin};
use super::fragment::{
    ApiFragment, CapabilitiesFragment, ClusterFragment, Fragment, LogFragment, SourceFragment, SourceKind,
    WindowFragment, ZoneFragment,
};
use super::length::{Length, OneOrMany, show};
use super::rules::{Whose, WindowRule, ZoneRule};
use super::settings::{
    Capabilities, Cluster, HistorySettings, HttpSettings, LogSettings, MetricsSettings, Registration,
    Settings, Source,
};
use super::words::{Launcher, LogFormat};

mod dispatch;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Settings from what was gathered.
///
/// # Errors
/// Every value that is not allowed, with its place.
pub(super) fn resolve(
    fragment: Fragment,
    origins: &BTreeMap<String, Origin>,
    credentials: Result<Credentials, CredentialsError>,
) -> Result<Settings, Vec<Finding>> {
    let mut check = Check {
        origins,
        findings: Vec::new(),
    };
    let timezone = check.text("timezone", fragment.timezone);
    let settings = Settings {
        timezone,
        state_dir: check.path("state_dir", fragment.state_dir, "/var/lib/freezerd"),
        runtime_dir: check.path("runtime_dir", fragment.runtime_dir, "/run/freezerd"),
        poll: check.length("source.poll", fragment.source.poll, MINUTE, (SECOND, DAY)),
        copy: check.copy(&fragment.source),
        source: check.source(fragment.source),
        registration: Registration {
            register: fragment.api.register,
            central: fragment.api.central.unwrap_or(false),
        },
        reports: fragment.api.reports,
        capabilities: check.capabilities(fragment.capabilities),
        access: check.access(fragment.api, credentials),
        dispatch: check.dispatch(fragment.dispatch),
        late_after: check.length(
            "late_after",
            fragment.late_after,
            HOUR,
            (Duration::ZERO, DAY * 366),
        ),
        http: HttpSettings {
            listen: check.listen(fragment.http.listen),
            max_connections: fragment.http.max_connections.unwrap_or(at_least_one(32)),
        },
        windows: check.list("window", fragment.window, Check::window),
        zones: check.list("zone", fragment.zone, Check::zone),
        metrics: MetricsSettings {
            per_plan: fragment.metrics.per_plan.unwrap_or(1000),
        },
        history: HistorySettings {
            keep: check.length(
                "history.keep",
                fragment.history.keep,
                DAY * 400,
                (HOUR, DAY * 36_600),
            ),
        },
        log: check.log(fragment.log),
        cluster: check.cluster(fragment.cluster),
    };
    if settings.dispatch.launcher == Launcher::Event && settings.source != Source::Api {
        let message = "\"event\" has the API start the plans, and `source.kind` is not \"api\"";
        check.refuse("dispatch.launcher", message);
    }
    if settings.dispatch.launcher == Launcher::Event && settings.reports == Some(true) {
        let message =
            "with `dispatch.launcher` = \"event\" the API runs the plans, and knows more of that than we do";
        check.refuse("api.reports", message);
    }
    check.findings.sort_by(|left, right| left.at.cmp(&right.at));
    if check.findings.is_empty() {
        Ok(settings)
    } else {
        Err(check.findings)
    }
}

fn at_least_one(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

struct Check<'a> {
    origins: &'a BTreeMap<String, Origin>,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn refuse(&mut self, name: &str, message: &str) {
        // What is missing has no place; the section it is missing from has.
        let section = name.rsplit_once('.').map_or(name, |(section, _)| section);
        let at = self.origins.get(name).or_else(|| self.origins.get(section));
        let at = at.cloned().unwrap_or(Origin::Default);
        self.findings.push(Finding {
            at,
            message: format!("`{name}`: {message}"),
        });
    }

    /// A text that must not be empty.
    fn text(&mut self, name: &str, text: Option<String>) -> Option<String> {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            self.refuse(name, "is empty; leave it out for the default");
        }
        text
    }

    fn path(&mut self, name: &str, path: Option<String>, default: &str) -> PathBuf {
        PathBuf::from(self.text(name, path).unwrap_or_else(|| default.to_owned()))
    }

    fn length(
        &mut self,
        name: &str,
        given: Option<Length>,
        default: Duration,
        range: (Duration, Duration),
    ) -> Duration {
        let length = given.map_or(default, |Length(length)| length);
        if length < range.0 || length > range.1 {
            let message = format!(
                "{} is not between {} and {}",
                show(length),
                show(range.0),
                show(range.1)
            );
            self.refuse(name, &message);
        }
        length
    }

    fn url(&mut self, name: &str, url: &str) {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            self.refuse(
                name,
                &format!("{url:?} is no URL: it begins with http:// or https://"),
            );
        }
    }

    fn copy(&mut self, source: &SourceFragment) -> Option<PathBuf> {
        let copy = self.text("source.copy", source.copy.clone())?;
        if source.kind.is_some_and(|kind| kind != SourceKind::Api) {
            self.refuse(
                "source.copy",
                "only the API's listing is copied: leave this out, or set kind = \"api\"",
            );
        }
        Some(PathBuf::from(copy))
    }

    fn source(&mut self, source: SourceFragment) -> Source {
        let path = self.path("source.path", source.path, "/etc/freezerd/plans");
        match source.kind.unwrap_or(SourceKind::Api) {
            SourceKind::Api => Source::Api,
            SourceKind::Folder => Source::Folder { path },
            SourceKind::File => Source::File { path },
        }
    }

    fn access(
        &mut self,
        api: ApiFragment,
        credentials: Result<Credentials, CredentialsError>,
    ) -> Result<Access, CredentialsError> {
        if let Some(url) = &api.backup_url {
            self.url("api.backup_url", url);
        }
        let page_size = api.page_size.unwrap_or(Bounds::default().page_size);
        if page_size.get() > 100_000 {
            self.refuse("api.page_size", "at most 100000 plans to a page");
        }
        let interface = api.interface.map(|text| text.parse::<Interface>());
        if let Some(Err(error)) = &interface {
            self.refuse("api.interface", &error.to_string());
        }
        let usual = Patience::default();
        let range = (SECOND, HOUR);
        let request = self.length("api.timeout", api.timeout, usual.request, range);
        let patience = Patience {
            connect: self.length("api.connect_timeout", api.connect_timeout, usual.connect, range),
            request,
            listing: request.saturating_mul(Patience::LISTING),
            ..usual
        };
        let region = self.text("api.region", api.region);
        let ca_file = self.text("api.ca_file", api.ca_file).map(PathBuf::from);
        let clients = match self.text("api.client_id", api.client_id) {
            Some(id) if id == "*" => ClientFilter::All,
            own => ClientFilter::Own(own),
        };
        let central = api.central.unwrap_or(false);
        let (auth_url, auth) = credentials?;
        if central && !auth.takes_trusts() {
            self.refuse(
                "api.central",
                "an application credential is for one project alone: a central client takes a user and a password",
            );
        }
        Ok(Access {
            region,
            interface: interface.and_then(Result::ok).unwrap_or_default(),
            backup_url: api.backup_url,
            ca_file,
            insecure: api.insecure.unwrap_or(false),
            clients,
            all_projects: central,
            report_to_virtuozzo: api.reports == Some(true),
            patience,
            bounds: Bounds {
                page_size,
                ..Bounds::default()
            },
            ..Access::new(auth, auth_url)
        })
    }

    fn capabilities(&mut self, said: CapabilitiesFragment) -> Capabilities {
        Capabilities {
            actions: self.capability("capabilities.supported_actions", said.supported_actions),
            modes: self.capability("capabilities.supported_modes", said.supported_modes),
            storages: self.capability("capabilities.supported_storages", said.supported_storages),
            engines: self.capability("capabilities.supported_engines", said.supported_engines),
        }
    }

    fn capability(&mut self, name: &str, texts: Option<OneOrMany>) -> Option<Vec<String>> {
        let OneOrMany(texts) = texts?;
        if texts
            .iter()
            .any(|text| text.trim() != text || text.is_empty() || text.contains(','))
        {
            let message = format!("{texts:?} is no list of single words, as [\"fs\", \"mysql\"]");
            self.refuse(name, &message);
        }
        Some(texts)
    }

    fn listen(&mut self, text: Option<String>) -> Option<SocketAddr> {
        let text = text.unwrap_or_else(|| "127.0.0.1:9466".to_owned());
        if matches!(text.as_str(), "" | "off") {
            return None;
        }
        let numeric = text
            .strip_prefix("localhost:")
            .map_or_else(|| text.clone(), |port| format!("127.0.0.1:{port}"));
        let address = numeric.parse().ok();
        if address.is_none() {
            let message = format!(
                "{text:?} is no address to listen on, as \"127.0.0.1:9466\" or \"[::1]:9466\"; port 0 is a free one, \
                 \"off\" is none"
            );
            self.refuse("http.listen", &message);
        }
        address
    }

    fn list<F, R>(&mut self, name: &str, items: Vec<F>, each: fn(&mut Self, &str, F) -> Option<R>) -> Vec<R> {
        let items = items.into_iter().enumerate();
        items
            .filter_map(|(index, item)| each(self, &format!("{name}[{index}]"), item))
            .collect()
    }

    fn window(&mut self, name: &str, window: WindowFragment) -> Option<WindowRule> {
        if window.allow.is_none() && window.deny.is_none() && window.outside.is_none() {
            self.refuse(
                name,
                "a window says `allow`, `deny` or `outside`, or it says nothing",
            );
        }
        let texts = |texts: Option<OneOrMany>| texts.map_or_else(Vec::new, |OneOrMany(texts)| texts);
        Some(WindowRule {
            allow: self.crontabs(&format!("{name}.allow"), &texts(window.allow)),
            deny: self.crontabs(&format!("{name}.deny"), &texts(window.deny)),
            plans: texts(window.plans),
            projects: texts(window.projects),
            outside: window.outside,
        })
    }

    fn crontabs(&mut self, name: &str, texts: &[String]) -> Vec<Crontab> {
        let mut compiled = Vec::new();
        for text in texts {
            match Crontab::compile(text) {
                Ok(crontab) => compiled.push(crontab),
                Err(error) => self.refuse(name, &error.to_string()),
            }
        }
        compiled
    }

    fn zone(&mut self, name: &str, zone: ZoneFragment) -> Option<ZoneRule> {
        let whose = match (zone.plan, zone.project) {
            (Some(plan), None) => Whose::Plan(plan),
            (None, Some(project)) => Whose::Project(project),
            _ => {
                self.refuse(name, "a zone names either a `plan` or a `project`");
                return None;
            }
        };
        let timezone = self.text(&format!("{name}.timezone"), zone.timezone);
        if timezone.is_none() {
            self.refuse(name, "`timezone` is missing, as \"Europe/Berlin\"");
        }
        timezone.map(|timezone| ZoneRule { whose, timezone })
    }

    fn log(&mut self, log: LogFragment) -> LogSettings {
        let level = self
            .text("log.level", log.level)
            .unwrap_or_else(|| "info".to_owned());
        if let Err(error) = tracing_subscriber::filter::EnvFilter::builder().parse(&level) {
            let message = format!(
                "{level:?} is no level (error, warn, info, debug, trace) and no filter as \
                 \"info,freezerd::freezer=debug\": {error}"
            );
            self.refuse("log.level", &message);
        }
        LogSettings {
            level,
            format: log.format.unwrap_or(LogFormat::Auto),
        }
    }

    fn cluster(&mut self, cluster: ClusterFragment) -> Option<Cluster> {
        let etcd = cluster.etcd.map_or_else(Vec::new, |OneOrMany(urls)| urls);
        if cluster.name.is_none() && cluster.node.is_none() && etcd.is_empty() {
            return None;
        }
        let node = self.text("cluster.node", cluster.node);
        for url in &etcd {
            self.url("cluster.etcd", url);
        }
        if etcd.is_empty() {
            self.refuse(
                "cluster.etcd",
                "is missing: where etcd listens, as [\"http://127.0.0.1:2379\"]",
            );
        }
        match self.text("cluster.name", cluster.name) {
            Some(name) => Some(Cluster { name, node, etcd }),
            None => {
                self.refuse(
                    "cluster.name",
                    "is missing: the same text on all nodes of the cluster",
                );
                None
            }
        }
    }
}
