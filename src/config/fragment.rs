//! What one file, or one environment variable, says: everything optional, nothing unknown.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::Deserialize;

use super::length::{Length, OneOrMany};
use super::rules::Outside;
use super::size::Size;
use super::words::{Launcher, LogFormat, SessionRefused};
use crate::freezer::Secret;

/// One known key, and the keys below it (none: it is a value).
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub below: &'static [Key],
}

/// A part of a fragment: it knows its keys, and how a later one is laid over it.
pub(super) trait Part {
    const KEYS: &'static [Key];
    fn merge(&mut self, later: Self);
}

/// A value: the later one wins.
impl<T> Part for Option<T> {
    const KEYS: &'static [Key] = &[];
    fn merge(&mut self, later: Self) {
        if later.is_some() {
            *self = later;
        }
    }
}

/// A list of tables (`[[window]]`): the later ones are added.
impl<T: Part> Part for Vec<T> {
    const KEYS: &'static [Key] = T::KEYS;
    fn merge(&mut self, later: Self) {
        self.extend(later);
    }
}

macro_rules! fragment {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default, deny_unknown_fields, expecting = "a section with keys of its own")]
        pub(super) struct $name { $(pub $field: $kind),* }

        impl Part for $name {
            const KEYS: &'static [Key] =
                &[$(Key { name: stringify!($field), below: <$kind as Part>::KEYS }),*];
            fn merge(&mut self, later: Self) {
                $(self.$field.merge(later.$field);)*
            }
        }
    };
}

fragment! {
    /// A whole file.
    Fragment {
        timezone: Option<String>,
        state_dir: Option<String>,
        runtime_dir: Option<String>,
        late_after: Option<Length>,
        source: SourceFragment,
        api: ApiFragment,
        auth: AuthFragment,
        dispatch: DispatchFragment,
        capabilities: CapabilitiesFragment,
        http: HttpFragment,
        window: Vec<WindowFragment>,
        zone: Vec<ZoneFragment>,
        metrics: MetricsFragment,
        history: HistoryFragment,
        log: LogFragment,
        cluster: ClusterFragment,
    }
}

/// `source.kind`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SourceKind {
    Api,
    Folder,
    File,
}

fragment! {
    /// `[source]`
    SourceFragment {
        kind: Option<SourceKind>,
        path: Option<String>,
        poll: Option<Length>,
        copy: Option<String>,
    }
}

fragment! {
    /// `[api]`
    ApiFragment {
        backup_url: Option<String>,
        region: Option<String>,
        interface: Option<String>,
        ca_file: Option<String>,
        insecure: Option<bool>,
        client_id: Option<String>,
        register: Option<bool>,
        central: Option<bool>,
        reports: Option<bool>,
        page_size: Option<NonZeroU32>,
        connect_timeout: Option<Length>,
        timeout: Option<Length>,
    }
}

/// A secret written into a file or a variable. Its own type, so that a wrong one is never quoted in a message.
#[derive(Debug, Clone)]
pub(super) struct SecretText(pub Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(Secret::new(text))),
            _ => Err(serde::de::Error::custom("a secret must be a text in quotes")),
        }
    }
}

fragment! {
    /// `[auth]`: the names are OpenStack's, as in `OS_*` and below `auth:` in clouds.yaml.
    AuthFragment {
        cloud: Option<String>,
        auth_type: Option<String>,
        auth_url: Option<String>,
        username: Option<String>,
        user_id: Option<String>,
        user_domain_name: Option<String>,
        user_domain_id: Option<String>,
        password: Option<SecretText>,
        password_file: Option<String>,
        project_name: Option<String>,
        project_id: Option<String>,
        project_domain_name: Option<String>,
        project_domain_id: Option<String>,
        application_credential_id: Option<String>,
        application_credential_name: Option<String>,
        application_credential_secret: Option<SecretText>,
        application_credential_secret_file: Option<String>,
        token: Option<SecretText>,
        token_file: Option<String>,
    }
}

fragment! {
    /// `[dispatch]`
    DispatchFragment {
        agent: Option<String>,
        launcher: Option<Launcher>,
        max_concurrent: Option<NonZeroUsize>,
        catch_up: Option<String>,
        allow_exec: Option<bool>,
        session_refused: Option<SessionRefused>,
        session_wait: Option<Length>,
        kill_grace: Option<Length>,
        keep_output: Option<u64>,
        start_grace: Option<Length>,
        stop_grace: Option<Length>,
        start_within: Option<Length>,
        run_limit: Option<Length>,
        limits: LimitsFragment,
    }
}

fragment! {
    /// `[dispatch.limits]`
    LimitsFragment {
        cpu_weight: Option<u64>,
        io_weight: Option<u64>,
        memory_max: Option<Size>,
        runtime_max: Option<Length>,
        nice: Option<i32>,
    }
}

fragment! {
    /// `[capabilities]`
    CapabilitiesFragment {
        supported_actions: Option<OneOrMany>,
        supported_modes: Option<OneOrMany>,
        supported_storages: Option<OneOrMany>,
        supported_engines: Option<OneOrMany>,
    }
}

fragment! {
    /// `[http]`
    HttpFragment { listen: Option<String>, max_connections: Option<NonZeroUsize> }
}

fragment! {
    /// `[[window]]`
    WindowFragment {
        allow: Option<OneOrMany>,
        deny: Option<OneOrMany>,
        plans: Option<OneOrMany>,
        projects: Option<OneOrMany>,
        outside: Option<Outside>,
    }
}

fragment! {
    /// `[[zone]]`
    ZoneFragment { plan: Option<String>, project: Option<String>, timezone: Option<String> }
}

fragment! {
    /// `[metrics]`
    MetricsFragment { per_plan: Option<usize> }
}

fragment! {
    /// `[history]`
    HistoryFragment { keep: Option<Length> }
}

fragment! {
    /// `[log]`
    LogFragment { level: Option<String>, format: Option<LogFormat> }
}

fragment! {
    /// `[cluster]`
    ClusterFragment { name: Option<String>, node: Option<String>, etcd: Option<OneOrMany> }
}
