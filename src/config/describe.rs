//! The settings in force as a list: name, value, origin. For `freezerd check`.

use std::time::Duration;

use crate::freezer::{Access, Auth, ClientFilter, Credential, Domain, Named, Scope};

use super::error::Origin;
use super::length::show;
use super::loader::Loaded;
use super::settings::{CatchUp, Limits, Registration, Settings, Source};
use super::size::Size;
use super::words::LogFormat;

type List = Vec<(&'static str, String)>;

impl Loaded {
    /// Every setting: its name, its value as the file would have it, and where it came from. Secrets are named,
    /// not shown.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String, Origin)> {
        let settings = &self.settings;
        let mut list = general(settings);
        match (&settings.source, &settings.access) {
            (Source::Folder { path } | Source::File { path }, _) => {
                list.push(("source.path", quoted(&path.to_string_lossy())));
            }
            (Source::Api, Ok(access)) => {
                let copy = settings.copy.as_deref();
                list.push((
                    "source.copy",
                    copy.map_or_else(|| "(none)".to_owned(), |path| quoted(&path.to_string_lossy())),
                ));
                list.extend(api(access));
                list.extend(registration(settings.registration));
                list.push(("api.reports", as_wanted(settings.reports)));
                list.extend(auth(access));
            }
            (Source::Api, Err(_)) => {}
        }
        list.into_iter()
            .map(|(name, value)| (name, value, self.origin(name)))
            .collect()
    }

    /// Where a setting came from, by its name, as `source.poll`.
    #[must_use]
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }
}

fn general(settings: &Settings) -> List {
    let dispatch = &settings.dispatch;
    let length = |length: Duration| quoted(&show(length));
    let mut list: List = vec![
        (
            "timezone",
            settings
                .timezone
                .as_deref()
                .map_or_else(|| "(the node's)".to_owned(), quoted),
        ),
        ("state_dir", quoted(&settings.state_dir.to_string_lossy())),
        ("runtime_dir", quoted(&settings.runtime_dir.to_string_lossy())),
        ("late_after", length(settings.late_after)),
        (
            "source.kind",
            quoted(match settings.source {
                Source::Api => "api",
                Source::Folder { .. } => "folder",
                Source::File { .. } => "file",
            }),
        ),
        ("source.poll", length(settings.poll)),
        ("dispatch.agent", quoted(&dispatch.agent.to_string_lossy())),
        ("dispatch.launcher", quoted(dispatch.launcher.as_str())),
        ("dispatch.max_concurrent", dispatch.max_concurrent.to_string()),
        (
            "dispatch.catch_up",
            match dispatch.catch_up {
                CatchUp::UntilNext => quoted("until-next"),
                CatchUp::Within(within) => length(within),
            },
        ),
        ("dispatch.allow_exec", dispatch.allow_exec.to_string()),
        (
            "dispatch.session_refused",
            quoted(dispatch.session_refused.as_str()),
        ),
        ("dispatch.session_wait", length(dispatch.session_wait)),
        ("dispatch.kill_grace", length(dispatch.kill_grace)),
        ("dispatch.keep_output", dispatch.keep_output.to_string()),
        ("dispatch.start_grace", length(dispatch.start_grace)),
        ("dispatch.stop_grace", length(dispatch.stop_grace)),
        ("dispatch.start_within", length(dispatch.start_within)),
        ("dispatch.run_limit", length(dispatch.run_limit)),
        (
            "capabilities.supported_actions",
            supported(settings.capabilities.actions.as_deref()),
        ),
        (
            "capabilities.supported_modes",
            supported(settings.capabilities.modes.as_deref()),
        ),
        (
            "capabilities.supported_storages",
            supported(settings.capabilities.storages.as_deref()),
        ),
        (
            "capabilities.supported_engines",
            supported(settings.capabilities.engines.as_deref()),
        ),
        (
            "http.listen",
            settings
                .http
                .listen
                .map_or_else(|| quoted("off"), |at| quoted(&at.to_string())),
        ),
        ("http.max_connections", settings.http.max_connections.to_string()),
        ("metrics.per_plan", settings.metrics.per_plan.to_string()),
        ("history.keep", length(settings.history.keep)),
        ("log.level", quoted(&settings.log.level)),
        (
            "log.format",
            quoted(match settings.log.format {
                LogFormat::Auto => "auto",
                LogFormat::Human => "human",
                LogFormat::Journald => "journald",
                LogFormat::Json => "json",
            }),
        ),
    ];
    list.extend(limits(&dispatch.limits));
    if let Some(cluster) = &settings.cluster {
        list.push(("cluster.name", quoted(&cluster.name)));
        let node = cluster
            .node
            .as_deref()
            .map_or_else(|| "(the host's name)".to_owned(), quoted);
        list.push(("cluster.node", node));
        list.push(("cluster.etcd", format!("{:?}", cluster.etcd)));
    }
    list
}

/// Only those that are set: none is the usual case.
fn limits(limits: &Limits) -> List {
    let number = |number: &dyn ToString| number.to_string();
    let all = [
        (
            "dispatch.limits.cpu_weight",
            limits.cpu_weight.map(|weight| number(&weight)),
        ),
        (
            "dispatch.limits.io_weight",
            limits.io_weight.map(|weight| number(&weight)),
        ),
        (
            "dispatch.limits.memory_max",
            limits.memory_max.map(|bytes| quoted(&Size::show(bytes))),
        ),
        (
            "dispatch.limits.runtime_max",
            limits.runtime_max.map(|length| quoted(&show(length))),
        ),
        ("dispatch.limits.nice", limits.nice.map(|nice| number(&nice))),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn supported(texts: Option<&[String]>) -> String {
    texts.map_or_else(|| "(everything)".to_owned(), |texts| format!("{texts:?}"))
}

fn as_wanted(said: Option<bool>) -> String {
    said.map_or_else(|| "(as the API wants it)".to_owned(), |said| said.to_string())
}

fn registration(registration: Registration) -> List {
    vec![
        ("api.register", as_wanted(registration.register)),
        ("api.central", registration.central.to_string()),
    ]
}

fn api(access: &Access) -> List {
    let given = |text: &Option<String>, else_: &str| text.as_deref().map_or_else(|| else_.to_owned(), quoted);
    let ca_file = access
        .ca_file
        .as_ref()
        .map(|path| path.to_string_lossy().into_owned());
    vec![
        ("api.backup_url", given(&access.backup_url, "(the catalogue's)")),
        ("api.region", given(&access.region, "(the only one)")),
        ("api.interface", quoted(access.interface.as_str())),
        ("api.ca_file", given(&ca_file, "(the system's)")),
        ("api.insecure", access.insecure.to_string()),
        (
            "api.client_id",
            match &access.clients {
                ClientFilter::All => quoted("*"),
                ClientFilter::Own(id) => given(id, "(the node's own)"),
            },
        ),
        ("api.page_size", access.bounds.page_size.to_string()),
        ("api.connect_timeout", quoted(&show(access.patience.connect))),
        ("api.timeout", quoted(&show(access.patience.request))),
    ]
}

fn auth(access: &Access) -> List {
    const HIDDEN: &str = "(not shown)";
    let mut list: List = vec![("auth.auth_url", quoted(&access.auth_url))];
    match &access.auth {
        Auth::Password { user, scope, .. } => {
            list.extend(named(user, &USER));
            list.push(("auth.password", HIDDEN.to_owned()));
            list.extend(scoped(scope));
        }
        Auth::ApplicationCredential { credential, .. } => {
            match credential {
                Credential::Id(id) => list.push(("auth.application_credential_id", quoted(id))),
                Credential::Name { name, user } => {
                    list.push(("auth.application_credential_name", quoted(name)));
                    list.extend(named(user, &USER));
                }
            }
            list.push(("auth.application_credential_secret", HIDDEN.to_owned()));
        }
        Auth::Token { scope, .. } => {
            list.push(("auth.token", HIDDEN.to_owned()));
            list.extend(scoped(scope));
        }
    }
    list
}

/// The settings of something that has an id or a name: id, name, its domain's id, its domain's name.
type Names = [&'static str; 4];
const USER: Names = [
    "auth.user_id",
    "auth.username",
    "auth.user_domain_id",
    "auth.user_domain_name",
];
const PROJECT: Names = [
    "auth.project_id",
    "auth.project_name",
    "auth.project_domain_id",
    "auth.project_domain_name",
];

fn scoped(Scope::Project(project): &Scope) -> List {
    named(project, &PROJECT)
}

fn named(thing: &Named, [by_id, by_name, domain_id, domain_name]: &Names) -> List {
    match thing {
        Named::Id(id) => vec![(by_id, quoted(id))],
        Named::Name { name, domain } => {
            let domain = match domain {
                Domain::Id(id) => (*domain_id, quoted(id)),
                Domain::Name(name) => (*domain_name, quoted(name)),
            };
            vec![(by_name, quoted(name)), domain]
        }
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}
