//! What comes out, read by the loader.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::super::Import;
use super::super::options::OPTIONS;
use super::import;
use crate::config::{Loaded, Loader, LogFormat, Settings, Source};
use crate::freezer::{Auth, ClientFilter, Domain, Interface, Named, Scope, Secret};

fn load(folder: &Path, toml: &str) -> Loaded {
    let path = folder.join("freezerd.toml");
    std::fs::write(&path, toml).unwrap();
    Loader::new(BTreeMap::new())
        .rooted(folder)
        .load(Some(&path))
        .unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

/// The settings that a file becomes.
fn settings(text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), &import(text).toml("scheduler.conf")).settings
}

/// Without a file: freezerd's defaults, but for what freezer-scheduler's are.
fn usual() -> Settings {
    settings("")
}

#[test]
fn nothing_becomes_freezer_schedulers_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let defaults = Loader::new(BTreeMap::new())
        .rooted(folder.path())
        .load(None)
        .unwrap()
        .settings;
    let mut usual = usual();
    assert_eq!(usual.dispatch.max_concurrent, NonZeroUsize::MIN);
    usual.dispatch.max_concurrent = defaults.dispatch.max_concurrent;
    assert_eq!(usual, defaults);
}

#[test]
fn the_usual_node() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("os_password"), "se$cret\n").unwrap();
    let text = "[DEFAULT]\ndebug = true\nuse_json = on\n[scheduler]\nclient_id = node1\ninterval = 5\n\
        concurrent_jobs = 4\ndisable_exec = false\ninsecure = 1\n[service_auth]\n\
        os_auth_url = http://u:p@127.0.0.1:5000/v3\nos_username = \"de mo\"\nos_password = 'se$$cret'\n\
        os_project_name = $os_username\nos_user_domain_name = Default\nos_project_domain_id = default\n\
        os_endpoint_type = internalURL\nos_region_name = RegionOne\nos_cacert = /etc/ca.pem\n\
        os_backup_url = http://127.0.0.1:9090\n[capabilities]\n\
        supported_modes = fs , , hci-volumes,\nsupported_engines =\n";
    let import = Import::new(text, Some(folder.path())).unwrap();
    let [held] = import.secrets.as_slice() else {
        panic!("{import:?}")
    };
    assert_eq!((held.file, held.secret.expose()), ("os_password", "se$cret"));
    let settings = load(folder.path(), &import.toml("x")).settings;
    let access = settings.access.clone().unwrap();
    assert_eq!(access.auth_url, "http://127.0.0.1:5000/v3");
    assert_eq!(access.clients, ClientFilter::Own(Some("node1".to_owned())));
    assert_eq!(access.interface, Interface::Internal);
    assert_eq!(access.region.as_deref(), Some("RegionOne"));
    assert_eq!(access.ca_file, Some(PathBuf::from("/etc/ca.pem")));
    assert_eq!(access.backup_url.as_deref(), Some("http://127.0.0.1:9090"));
    assert!(access.insecure);
    let named = |domain| Named::Name {
        name: "de mo".to_owned(),
        domain,
    };
    let expected = Auth::Password {
        user: named(Domain::Name("Default".to_owned())),
        password: Secret::new("se$cret".to_owned()),
        scope: Scope::Project(named(Domain::Id("default".to_owned()))),
    };
    assert_eq!(access.auth, expected);
    let mut expected = usual();
    expected.access = settings.access.clone();
    expected.poll = Duration::from_secs(5);
    expected.dispatch.max_concurrent = NonZeroUsize::new(4).unwrap();
    expected.dispatch.allow_exec = true;
    expected.capabilities.modes = Some(vec!["fs".to_owned(), "hci-volumes".to_owned()]);
    expected.capabilities.engines = Some(Vec::new());
    expected.log.level = "debug".to_owned();
    expected.log.format = LogFormat::Json;
    assert_eq!(settings, expected);
}

#[test]
fn without_the_api() {
    let mut expected = usual();
    expected.source = Source::Folder {
        path: PathBuf::from("/etc/freezer/scheduler/conf.d"),
    };
    assert_eq!(settings("[scheduler]\nno_api = true\n"), expected);
    expected.source = Source::Folder {
        path: PathBuf::from("/var/jobs"),
    };
    let text = "[DEFAULT]\nno-api: Yes\nconf = /var/$client_id\n[scheduler]\nclient_id = jobs\n";
    // The client's id is for the API only, so it is in no setting here.
    assert_eq!(settings(text), expected);
}

#[test]
fn the_sample_says_nothing() {
    let commented: String = OPTIONS
        .iter()
        .map(|option| format!("#{} = x\n", option.name))
        .collect();
    assert_eq!(
        settings(&format!("[DEFAULT]\n{commented}[scheduler]\n{commented}")),
        usual()
    );
}

#[test]
fn texts_that_toml_writes_differently() {
    for name in [
        "a\"b",
        "a'b",
        "a\\b",
        "a # b",
        "é\u{7f}",
        "'''",
        "\"\"\"",
        "a\n  b\n\tc",
        "]]",
    ] {
        let settings = settings(&format!(
            "[scheduler]\nclient_id = x{name}\n[service_auth]\nos_region_name = x{name}\n"
        ));
        assert!(settings.access.is_err(), "no credentials");
    }
}

/// A file that nearly is one.
fn files() -> impl Strategy<Value = String> {
    let names: Vec<String> = OPTIONS
        .iter()
        .flat_map(|option| option.names())
        .map(|(group, name)| format!("[{group}]\n{name} = "))
        .collect();
    let value = prop_oneof![
        "\\PC{0,12}",
        "[ -~\t\r\n\u{0}\u{1b}]{0,20}",
        "[$a-z_.{}]{0,20}",
        "https?://[ -~]{0,12}",
        "-?[0-9]{0,22}",
        Just("true".to_owned()),
        Just("$os_password".to_owned()),
    ];
    let line = (prop::sample::select(names), value).prop_map(|(name, value)| name + &value);
    let line = prop_oneof![9 => line, 1 => "\\PC{0,20}"];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

const SECRET: &str = "xyzzy-6f1d";

proptest! {
    #[test]
    fn whatever_is_imported_loads(text in files()) {
        if let Ok(import) = Import::new(&text, None) {
            let toml = import.toml(&text);
            let folder = tempfile::tempdir().unwrap();
            load(folder.path(), &toml);
            for note in &import.notes {
                prop_assert!(!note.to_string().contains(char::is_control), "{note:?}");
            }
        }
    }

    #[test]
    fn no_secret_comes_out(text in files(), at in any::<prop::sample::Index>(), token: bool) {
        let name = if token { "os_token" } else { "os_password" };
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let secret = format!("[service_auth]\n{name} = {SECRET}\n[scheduler]");
        lines.insert(at.index(lines.len().saturating_add(1)), secret);
        if let Ok(import) = Import::new(&lines.join("\n"), Some(Path::new("/secrets"))) {
            let notes: String = import.notes.iter().map(ToString::to_string).collect();
            prop_assert!(!notes.contains(SECRET), "{notes}");
            prop_assert!(!import.toml("x").contains(SECRET));
            let debug = format!("{import:?}");
            prop_assert!(!debug.contains(SECRET));
        }
    }

    #[test]
    fn anything_is_read_or_refused(text in "\\PC{0,40}|(.|\n|\r){0,200}") {
        if let Ok(import) = Import::new(&text, None) {
            // A line for each option, and at most five for what is not there.
            prop_assert!(import.notes.len() <= text.lines().count() * 2 + 5);
        }
    }
}
