//! The settings in force as a list: name, value, origin. For `freezerd check`.

use std::time::Duration;

use super::error::Origin;
use super::length::show;
use super::loader::Loaded;
use super::settings::{CatchUp, Clients, LogFormat, Source};

impl Loaded {
    /// Every setting: its name, its value as the file would have it, and where it came from. No secrets.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String, Origin)> {
        let settings = &self.settings;
        let (kind, path) = match &settings.source {
            Source::Api => ("api", None),
            Source::Folder { path } => ("folder", Some(path)),
            Source::File { path } => ("file", Some(path)),
        };
        let api = &settings.api;
        let dispatch = &settings.dispatch;
        let length = |length: Duration| quoted(&show(length));
        let mut list: Vec<(&'static str, String)> = vec![
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
            ("source.kind", quoted(kind)),
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
            ("dispatch.kill_grace", length(dispatch.kill_grace)),
            ("dispatch.keep_output", dispatch.keep_output.to_string()),
            ("dispatch.start_grace", length(dispatch.start_grace)),
            ("dispatch.stop_grace", length(dispatch.stop_grace)),
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
        if let Some(path) = path {
            list.push(("source.path", quoted(&path.to_string_lossy())));
        } else {
            list.extend([
                (
                    "api.client_id",
                    match &api.clients {
                        Clients::All => quoted("*"),
                        Clients::Only(id) => quoted(id),
                    },
                ),
                ("api.interface", quoted(api.interface.as_str())),
                ("api.insecure", api.insecure.to_string()),
                ("api.page_size", api.page_size.to_string()),
                ("api.connect_timeout", length(api.connect_timeout)),
                ("api.timeout", length(api.timeout)),
            ]);
            let optional = [
                ("api.backup_url", api.backup_url.clone()),
                ("api.region", api.region.clone()),
                (
                    "api.ca_file",
                    api.ca_file
                        .as_ref()
                        .map(|path| path.to_string_lossy().into_owned()),
                ),
            ];
            list.extend(
                optional
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, quoted(&value?)))),
            );
        }
        if let Some(cluster) = &settings.cluster {
            list.push(("cluster.name", quoted(&cluster.name)));
            list.push((
                "cluster.node",
                cluster
                    .node
                    .as_deref()
                    .map_or_else(|| "(the host's name)".to_owned(), quoted),
            ));
            list.push(("cluster.etcd", format!("{:?}", cluster.etcd)));
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

fn quoted(text: &str) -> String {
    format!("{text:?}")
}
