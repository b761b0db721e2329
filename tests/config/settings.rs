//! What is set, by whom, and what is in force when nobody sets it.

use std::path::Path;
use std::time::Duration;

use freezerd::config::{
    Capabilities, CatchUp, Cluster, Launcher, Origin, Outside, Registration, Source, Whose,
};

use crate::Machine;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nothing_at_all_is_a_configuration() {
    let settings = Machine::new().loaded().settings;
    assert_eq!(settings.timezone, None);
    assert_eq!(settings.state_dir, Path::new("/var/lib/freezerd"));
    assert_eq!(settings.runtime_dir, Path::new("/run/freezerd"));
    assert_eq!(settings.source, Source::Api);
    assert_eq!(settings.poll, SECOND * 60);
    assert_eq!(settings.late_after, SECOND * 3600);
    assert_eq!(settings.dispatch.agent, Path::new("/usr/bin/freezer-agent"));
    assert_eq!(settings.dispatch.launcher, Launcher::Auto);
    assert_eq!(settings.dispatch.max_concurrent.get(), 4);
    assert_eq!(settings.dispatch.catch_up, CatchUp::UntilNext);
    assert!(!settings.dispatch.allow_exec);
    assert_eq!(settings.dispatch.start_grace, SECOND * 10);
    assert_eq!(settings.http.listen, Some("127.0.0.1:9466".parse().unwrap()));
    assert_eq!(settings.metrics.per_plan, 1000);
    assert_eq!(settings.history.keep, SECOND * 86_400 * 400);
    assert_eq!(settings.cluster, None);
    assert!(settings.access.is_err());
}

/// The sample of the design: its keys and values must keep their meaning for ever.
#[test]
fn the_designs_sample() {
    let loaded = Machine::with(
        r#"
timezone  = "Europe/Berlin"          # default: the node's
state_dir = "/var/lib/freezerd"
[source]                             # where plans come from
kind = "api"                         # api | folder | file
path = "/etc/freezerd/plans"         # folder, file
poll = "60s"
[dispatch]
agent = "/usr/bin/freezer-agent"
launcher = "auto"                    # auto | systemd | process | event
max_concurrent = 4
catch_up = "until-next"              # or a duration, as "1h" (freezer-scheduler's grace)
[http]
listen = "127.0.0.1:9466"
[cluster]                            # absent: one node
name = "backup"
node = "a"                           # default: the host's name
etcd = ["http://127.0.0.1:2379"]
"#,
    )
    .loaded();
    let settings = loaded.settings;
    assert_eq!(settings.timezone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(settings.source, Source::Api);
    assert_eq!(settings.poll, SECOND * 60);
    assert_eq!(settings.dispatch.launcher, Launcher::Auto);
    assert_eq!(settings.dispatch.max_concurrent.get(), 4);
    assert_eq!(settings.dispatch.catch_up, CatchUp::UntilNext);
    let cluster = Cluster {
        name: "backup".to_owned(),
        node: Some("a".to_owned()),
        etcd: vec!["http://127.0.0.1:2379".to_owned()],
    };
    assert_eq!(settings.cluster, Some(cluster));
}

#[test]
fn every_value_of_an_enumeration_is_taken() {
    for (text, launcher) in [
        ("auto", Launcher::Auto),
        ("systemd", Launcher::Systemd),
        ("process", Launcher::Process),
        ("event", Launcher::Event),
    ] {
        let text = format!("[dispatch]\nlauncher = \"{text}\"\n");
        assert_eq!(Machine::with(&text).loaded().settings.dispatch.launcher, launcher);
    }
    let within = Machine::with("[dispatch]\ncatch_up = \"1h30m\"\n")
        .loaded()
        .settings
        .dispatch
        .catch_up;
    assert_eq!(within, CatchUp::Within(SECOND * 5400));
    let folder = Machine::with("[source]\nkind = \"folder\"\n")
        .loaded()
        .settings
        .source;
    assert_eq!(
        folder,
        Source::Folder {
            path: "/etc/freezerd/plans".into()
        }
    );
    let file = Machine::with("[source]\nkind = \"file\"\npath = \"/tmp/x.json\"\n")
        .loaded()
        .settings
        .source;
    assert_eq!(
        file,
        Source::File {
            path: "/tmp/x.json".into()
        }
    );
}

#[test]
fn drop_ins_come_in_order_of_their_names_and_the_environment_last() {
    let machine =
        Machine::with("timezone = \"UTC\"\n[dispatch]\nmax_concurrent = 1\n[source]\npoll = \"1m\"\n")
            .file(
                "/etc/freezerd/conf.d/20-b.toml",
                "[dispatch]\nmax_concurrent = 3\n",
            )
            .file(
                "/etc/freezerd/conf.d/10-a.toml",
                "[dispatch]\nmax_concurrent = 2\n[source]\npoll = \"2m\"\n",
            )
            .file("/etc/freezerd/conf.d/.30-hidden.toml", "nonsense")
            .file("/etc/freezerd/conf.d/30-other.conf", "nonsense")
            .variable("FREEZERD_DISPATCH__KILL_GRACE", "5s");
    let loaded = machine.loaded();
    assert_eq!(loaded.settings.timezone.as_deref(), Some("UTC"));
    assert_eq!(loaded.settings.dispatch.max_concurrent.get(), 3);
    assert_eq!(loaded.settings.poll, SECOND * 120);
    assert_eq!(loaded.settings.dispatch.kill_grace, SECOND * 5);
    assert_eq!(loaded.files.len(), 3);
    let place = |path: &str, place| Origin::File {
        path: machine.at(path),
        place: Some(place),
    };
    assert_eq!(
        loaded.origin("timezone"),
        place("/etc/freezerd/freezerd.toml", (1, 12))
    );
    assert_eq!(
        loaded.origin("dispatch.max_concurrent"),
        place("/etc/freezerd/conf.d/20-b.toml", (2, 18))
    );
    assert_eq!(
        loaded.origin("source.poll"),
        place("/etc/freezerd/conf.d/10-a.toml", (4, 8))
    );
    let variable = Origin::Variable("FREEZERD_DISPATCH__KILL_GRACE".to_owned());
    assert_eq!(loaded.origin("dispatch.kill_grace"), variable);
    assert_eq!(loaded.origin("late_after"), Origin::Default);
}

#[test]
fn variables_of_every_sort() {
    let settings = Machine::new()
        .variable("FREEZERD_TIMEZONE", "Asia/Tokyo")
        .variable("FREEZERD_STATE_DIR", "/data")
        .variable("FREEZERD_SOURCE__KIND", "folder")
        .variable("FREEZERD_SOURCE__PATH", "/plans")
        .variable("FREEZERD_DISPATCH__MAX_CONCURRENT", "7")
        .variable("FREEZERD_DISPATCH__ALLOW_EXEC", "true")
        .variable("FREEZERD_CLUSTER__NAME", "7")
        .variable("FREEZERD_CLUSTER__ETCD", "[\"http://a:2379\", \"http://b:2379\"]")
        .variable("FREEZERD_WINDOW", "[{allow = \"* 1 * * *\", plans = [\"a\"]}]")
        .variable("FREEZERD_HTTP__LISTEN", "")
        // Ours, and no settings.
        .variable("FREEZERD_CONFIG", "/elsewhere")
        .variable("FREEZERD_LOG", "debug")
        .variable("FREEZERD_JOB_ID", "x")
        .variable("FREEZERD_RUN_ID", "x")
        .variable("FREEZERD_DUE", "x")
        .loaded()
        .settings;
    assert_eq!(settings.timezone.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(settings.state_dir, Path::new("/data"));
    assert_eq!(
        settings.source,
        Source::Folder {
            path: "/plans".into()
        }
    );
    assert_eq!(settings.dispatch.max_concurrent.get(), 7);
    assert!(settings.dispatch.allow_exec);
    let cluster = settings.cluster.unwrap();
    assert_eq!((cluster.name.as_str(), cluster.etcd.len()), ("7", 2));
    assert_eq!(settings.windows.len(), 1);
    assert_eq!(settings.http.listen, None);
}

#[test]
fn systemds_folders_come_before_the_defaults_and_after_the_file() {
    let systemd = |machine: Machine| {
        machine
            .variable("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
            .variable("RUNTIME_DIRECTORY", "/run/one")
            .loaded()
    };
    let loaded = systemd(Machine::new());
    assert_eq!(loaded.settings.state_dir, Path::new("/var/lib/one"));
    assert_eq!(loaded.settings.runtime_dir, Path::new("/run/one"));
    assert_eq!(
        loaded.origin("state_dir"),
        Origin::Variable("STATE_DIRECTORY".to_owned())
    );
    let named = systemd(Machine::with("state_dir = \"/mine\"\n")).settings;
    assert_eq!(
        (named.state_dir.as_path(), named.runtime_dir.as_path()),
        (Path::new("/mine"), Path::new("/run/one"))
    );
}

#[test]
fn relative_paths_count_from_their_own_file() {
    let machine = Machine::new().file(
        "/srv/demo/demo.toml",
        "state_dir = \"state\"\n[source]\nkind = \"folder\"\npath = \"plans\"\n[dispatch]\nagent = \"./agent\"\n",
    );
    let settings = machine
        .load_file(&machine.at("/srv/demo/demo.toml"))
        .unwrap()
        .settings;
    assert_eq!(settings.state_dir, machine.at("/srv/demo/state"));
    assert_eq!(
        settings.source,
        Source::Folder {
            path: machine.at("/srv/demo/plans")
        }
    );
    assert_eq!(settings.dispatch.agent, machine.at("/srv/demo/./agent"));
    let bare = Machine::with("[dispatch]\nagent = \"freezer-agent\"\n")
        .loaded()
        .settings;
    assert_eq!(
        bare.dispatch.agent,
        Path::new("freezer-agent"),
        "a bare name is PATH's"
    );
}

#[test]
fn windows_and_zones_of_all_files_add_up() {
    let machine = Machine::with(
        "[[window]]\nallow = \"* 20-23,0-5 * * *\"\n[[zone]]\nplan = \"tokyo-*\"\ntimezone = \"Asia/Tokyo\"\n",
    )
    .file(
        "/etc/freezerd/conf.d/more.toml",
        "[[window]]\ndeny = [\"* * * * sun\", \"* * 24-26 dec *\"]\nprojects = \"p1\"\noutside = \"skip\"\n\
         [[zone]]\nproject = \"p2\"\ntimezone = \"UTC\"\n",
    );
    let loaded = machine.loaded();
    let [first, second] = loaded.settings.windows.as_slice() else {
        panic!("two windows")
    };
    assert_eq!((first.allow.len(), first.deny.len(), first.outside), (1, 0, None));
    assert_eq!(
        (second.allow.len(), second.deny.len(), second.outside),
        (0, 2, Some(Outside::Skip))
    );
    assert_eq!(second.projects, ["p1"]);
    let [tokyo, project] = loaded.settings.zones.as_slice() else {
        panic!("two zones")
    };
    assert_eq!(tokyo.whose, Whose::Plan("tokyo-*".to_owned()));
    assert_eq!(project.whose, Whose::Project("p2".to_owned()));
    let path = machine.at("/etc/freezerd/conf.d/more.toml");
    assert_eq!(
        loaded.origin("zone[1].timezone"),
        Origin::File {
            path,
            place: Some((7, 12))
        }
    );
}

#[test]
fn what_is_supported_is_everything_or_what_is_listed() {
    let nothing_said = Machine::new().loaded().settings;
    assert_eq!(nothing_said.capabilities, Capabilities::default());
    assert_eq!(nothing_said.registration, Registration::default());

    let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    let machine = Machine::with(
        "[api]\nregister = false\n[capabilities]\nsupported_modes = [\"fs\", \"mysql\"]\nsupported_engines = []\n",
    )
    .variable("FREEZERD_CAPABILITIES__SUPPORTED_ACTIONS", "backup")
    .variable("FREEZERD_CAPABILITIES__SUPPORTED_MODES", r#"["fs"]"#)
    .variable("FREEZERD_API__CENTRAL", "true");
    let settings = machine.loaded().settings;
    let expected = Capabilities {
        actions: words(&["backup"]),
        modes: words(&["fs"]),
        storages: None,
        engines: words(&[]),
    };
    assert_eq!(settings.capabilities, expected);
    assert_eq!(
        settings.registration,
        Registration {
            register: Some(false),
            central: true
        }
    );
    assert!(nothing_said.needs_restart(&settings).is_empty());

    for wrong in ["fs,mysql", " fs", ""] {
        let mistake = Machine::with(&format!(
            "[capabilities]\nsupported_modes = [\"tar\", \"{wrong}\"]\n"
        ))
        .mistake();
        assert!(
            mistake.contains("freezerd.toml:2:19: `capabilities.supported_modes`: ")
                && mistake.contains(&format!("{wrong:?}")),
            "{mistake}"
        );
    }
}

#[test]
fn what_needs_a_restart() {
    let old = Machine::new().loaded().settings;
    assert!(old.needs_restart(&old).is_empty());
    let text =
        "state_dir = \"/x\"\nlate_after = \"2h\"\n[dispatch]\nmax_concurrent = 9\nlauncher = \"process\"\n";
    let new = Machine::with(text).loaded().settings;
    assert_ne!(old, new);
    assert_eq!(old.needs_restart(&new), ["state_dir", "dispatch.launcher"]);
}

#[test]
fn the_settings_in_force_can_be_listed() {
    let machine = Machine::with("[source]\npoll = \"90s\"\n[http]\nlisten = \"[::1]:0\"\n");
    let lines: Vec<String> = machine
        .loaded()
        .describe()
        .into_iter()
        .map(|(name, value, origin)| format!("{name} = {value}  # {origin}"))
        .collect();
    let text = lines
        .join("\n")
        .replace(&machine.root.path().display().to_string(), "");
    insta::assert_snapshot!(text);
}
