//! Every option of freezer-scheduler 19.0.0, and what becomes of it. `options-19.0.0.txt` is the list that the
//! tests hold this table against.

/// One option.
#[derive(Debug)]
pub(super) struct Opt {
    pub group: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    /// Deprecated names, in `[DEFAULT]`; the first that is there counts.
    pub old: &'static [&'static str],
    pub fate: Fate,
}

/// The types of oslo.config that occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    List,
}

/// What becomes of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// This setting, as it is.
    Text(&'static str),
    /// This setting, a path.
    Path(&'static str),
    /// This setting, a URL.
    Url(&'static str),
    /// This setting, true or false.
    Flag(&'static str),
    /// This setting, a list of words.
    Capability(&'static str),
    /// A secret: this setting names the file that holds it.
    Secret {
        setting: &'static str,
        file: &'static str,
    },
    /// What needs a thought of its own.
    Own(Own),
    /// Nothing here needs it, because:
    NotApplicable(&'static str),
    /// freezerd is to have it and has it not yet:
    NotYet(&'static str),
}

/// What needs a thought of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    ClientId,
    NoApi,
    JobsDir,
    Interval,
    ConcurrentJobs,
    DisableExec,
    EnableV1Api,
    Centralized,
    EndpointType,
    Debug,
    UseJson,
    UseJournal,
}

impl Opt {
    /// All its names, the one that comes first first.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let old = self.old.iter().map(|name| ("DEFAULT", *name));
        std::iter::once((self.group, self.name)).chain(old)
    }

    /// Whether its value must not be shown. A URL of a coordination backend has a password in it.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.fate, Fate::Secret { .. }) || self.group == "coordination"
    }

    /// Whether an empty value is to freezer-scheduler as none.
    pub(super) const fn may_be_empty(&self) -> bool {
        !matches!(self.fate, Fate::Flag(_) | Fate::Capability(_) | Fate::Own(_))
            || matches!(self.fate, Fate::Own(Own::ClientId))
    }
}

/// The option of this name.
pub(super) fn find(group: &str, name: &str) -> Option<&'static Opt> {
    OPTIONS
        .iter()
        .find(|option| option.group == group && option.name == name)
}

const fn scheduler(name: &'static str, kind: Kind, old: &'static [&'static str], fate: Fate) -> Opt {
    Opt {
        group: "scheduler",
        name,
        kind,
        old,
        fate,
    }
}

const fn auth(name: &'static str, old: &'static [&'static str], fate: Fate) -> Opt {
    Opt {
        group: "service_auth",
        name,
        kind: Kind::Text,
        old,
        fate,
    }
}

const fn capability(name: &'static str, setting: &'static str) -> Opt {
    Opt {
        group: "capabilities",
        name,
        kind: Kind::List,
        old: &[],
        fate: Fate::Capability(setting),
    }
}

const fn default(name: &'static str, kind: Kind, old: &'static [&'static str], fate: Fate) -> Opt {
    Opt {
        group: "DEFAULT",
        name,
        kind,
        old,
        fate,
    }
}

/// An option of oslo.log that only its own way of logging needs.
const fn logging(name: &'static str, kind: Kind) -> Opt {
    default(name, kind, &[], Fate::NotApplicable(LOGGING))
}

const LOGGING: &str = "it tunes how Python logs; freezerd has [log] level and format";
const LOG_FILE: &str = "freezerd logs to standard error, which systemd takes to the journal";
const ROTATION: &str =
    "freezerd writes no log file that would have to be rotated; journald.conf bounds the journal";
const COMMAND_LINE: &str = "it belongs to freezer-scheduler's command line";
const SOURCES: &str = "only this one file is read: import what the others hold by hand";

/// The table.
pub(super) const OPTIONS: &[Opt] = &[
    scheduler("no_api", Kind::Flag, &["no-api", "no_api"], Fate::Own(Own::NoApi)),
    scheduler("jobs_dir", Kind::Text, &["conf"], Fate::Own(Own::JobsDir)),
    scheduler("interval", Kind::Number, &["interval"], Fate::Own(Own::Interval)),
    scheduler(
        "client_id",
        Kind::Text,
        &["client-id", "client_id"],
        Fate::Own(Own::ClientId),
    ),
    scheduler("insecure", Kind::Flag, &[], Fate::Flag("api.insecure")),
    scheduler(
        "concurrent_jobs",
        Kind::Number,
        &["concurrent_jobs"],
        Fate::Own(Own::ConcurrentJobs),
    ),
    scheduler(
        "disable_exec",
        Kind::Flag,
        &["disable-exec", "disable_exec"],
        Fate::Own(Own::DisableExec),
    ),
    scheduler(
        "no_daemon",
        Kind::Flag,
        &["no-daemon", "no_daemon"],
        Fate::NotApplicable("freezerd always stays in the foreground; systemd is its supervisor"),
    ),
    scheduler(
        "enable_v1_api",
        Kind::Flag,
        &["enable-v1-api", "enable_v1_api"],
        Fate::Own(Own::EnableV1Api),
    ),
    scheduler(
        "centralized_scheduler",
        Kind::Flag,
        &[],
        Fate::Own(Own::Centralized),
    ),
    auth(
        "os_auth_url",
        &["os-auth-url", "os_auth_url"],
        Fate::Url("auth.auth_url"),
    ),
    auth(
        "os_username",
        &["os-username", "os_username"],
        Fate::Text("auth.username"),
    ),
    auth(
        "os_user_domain_name",
        &["os-user-domain-name", "os_user_domain_name"],
        Fate::Text("auth.user_domain_name"),
    ),
    auth(
        "os_user_domain_id",
        &["os-user-domain-id", "os_user_domain_id"],
        Fate::Text("auth.user_domain_id"),
    ),
    auth(
        "os_password",
        &["os-password", "os_password"],
        Fate::Secret {
            setting: "auth.password_file",
            file: "os_password",
        },
    ),
    auth(
        "os_project_name",
        &["os-project-name", "os_project_name"],
        Fate::Text("auth.project_name"),
    ),
    auth(
        "os_project_id",
        &["os-project-id", "os_project_id"],
        Fate::Text("auth.project_id"),
    ),
    auth(
        "os_project_domain_name",
        &["os-project-domain-name", "os_project_domain_name"],
        Fate::Text("auth.project_domain_name"),
    ),
    auth(
        "os_project_domain_id",
        &["os-project-domain-id", "os_project_domain_id"],
        Fate::Text("auth.project_domain_id"),
    ),
    auth(
        "os_token",
        &["os-token", "os_token"],
        Fate::Secret {
            setting: "auth.token_file",
            file: "os_token",
        },
    ),
    auth(
        "os_backup_url",
        &["os-backup-url", "os_backup_url"],
        Fate::Url("api.backup_url"),
    ),
    auth(
        "os_region_name",
        &["os-region-name", "os_region_name"],
        Fate::Text("api.region"),
    ),
    auth(
        "os_endpoint_type",
        &["os-endpoint-type", "os_endpoint_type"],
        Fate::Own(Own::EndpointType),
    ),
    auth(
        "os_cacert",
        &["os-cacert", "os_cacert"],
        Fate::Path("api.ca_file"),
    ),
    auth(
        "os_cert",
        &["os-cert", "os_cert"],
        Fate::NotApplicable(
            "freezer-scheduler shows this certificate to nobody, and freezerd has none to show",
        ),
    ),
    capability("supported_actions", "capabilities.supported_actions"),
    capability("supported_modes", "capabilities.supported_modes"),
    capability("supported_storages", "capabilities.supported_storages"),
    capability("supported_engines", "capabilities.supported_engines"),
    Opt {
        group: "coordination",
        name: "backend_url",
        kind: Kind::Text,
        old: &[],
        fate: Fate::NotYet(
            "several schedulers that share one client_id; do not start freezerd on a second node with this client_id, \
             or every backup runs on each",
        ),
    },
    default("debug", Kind::Flag, &[], Fate::Own(Own::Debug)),
    default("use_json", Kind::Flag, &[], Fate::Own(Own::UseJson)),
    default("use_journal", Kind::Flag, &[], Fate::Own(Own::UseJournal)),
    default(
        "log_file",
        Kind::Text,
        &["logfile"],
        Fate::NotApplicable(LOG_FILE),
    ),
    default("log_dir", Kind::Text, &["logdir"], Fate::NotApplicable(LOG_FILE)),
    default("use_stderr", Kind::Flag, &[], Fate::NotApplicable(LOG_FILE)),
    default("use_syslog", Kind::Flag, &[], Fate::NotApplicable(LOG_FILE)),
    default(
        "syslog_log_facility",
        Kind::Text,
        &[],
        Fate::NotApplicable(LOG_FILE),
    ),
    default(
        "log_color",
        Kind::Flag,
        &[],
        Fate::NotApplicable("freezerd colours for terminals only (NO_COLOR)"),
    ),
    default(
        "log_rotation_type",
        Kind::Text,
        &[],
        Fate::NotApplicable(ROTATION),
    ),
    default(
        "log_rotate_interval",
        Kind::Number,
        &[],
        Fate::NotApplicable(ROTATION),
    ),
    default(
        "log_rotate_interval_type",
        Kind::Text,
        &[],
        Fate::NotApplicable(ROTATION),
    ),
    default(
        "max_logfile_count",
        Kind::Number,
        &[],
        Fate::NotApplicable(ROTATION),
    ),
    default(
        "max_logfile_size_mb",
        Kind::Number,
        &[],
        Fate::NotApplicable(ROTATION),
    ),
    default(
        "log_config_append",
        Kind::Text,
        &["log-config", "log_config"],
        Fate::NotApplicable(LOGGING),
    ),
    logging("log_date_format", Kind::Text),
    logging("logging_context_format_string", Kind::Text),
    logging("logging_default_format_string", Kind::Text),
    logging("logging_debug_format_suffix", Kind::Text),
    logging("logging_exception_prefix", Kind::Text),
    logging("logging_user_identity_format", Kind::Text),
    logging("default_log_levels", Kind::List),
    logging("publish_errors", Kind::Flag),
    logging("instance_format", Kind::Text),
    logging("instance_uuid_format", Kind::Text),
    logging("rate_limit_interval", Kind::Number),
    logging("rate_limit_burst", Kind::Number),
    logging("rate_limit_except_level", Kind::Text),
    default(
        "fatal_deprecations",
        Kind::Flag,
        &[],
        Fate::NotApplicable("freezerd refuses every key that it does not know"),
    ),
    default("config_file", Kind::Text, &[], Fate::NotApplicable(SOURCES)),
    default("config_dir", Kind::Text, &[], Fate::NotApplicable(SOURCES)),
    default("config_source", Kind::List, &[], Fate::NotApplicable(SOURCES)),
    default("action", Kind::Text, &[], Fate::NotApplicable(COMMAND_LINE)),
    default(
        "shell_completion",
        Kind::Text,
        &[],
        Fate::NotApplicable(COMMAND_LINE),
    ),
];
