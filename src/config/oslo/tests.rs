//! The table against freezer-scheduler's own list, the reading against oslo.config's own, and what comes out
//! against the loader.

mod loads;
mod reading;

use std::collections::BTreeSet;

use super::options::{Fate, Kind, OPTIONS};
use super::{Import, Note, Verdict};
use crate::config::fragment::{Fragment, Part};

const LIST: &str = include_str!("options-19.0.0.txt");

fn import(text: &str) -> Import {
    Import::new(text, None).unwrap()
}

/// What is said of the option in the only line that counts.
fn said(text: &str) -> String {
    let import = import(text);
    let notes: Vec<String> = import
        .notes
        .iter()
        .filter(|note| note.line.is_some())
        .map(Note::to_string)
        .collect();
    notes.join("\n")
}

#[test]
fn the_table_is_the_list_of_19_0_0() {
    let mut ours: Vec<String> = OPTIONS
        .iter()
        .map(|option| {
            let kind = match option.kind {
                Kind::Text => "text",
                Kind::Flag => "flag",
                Kind::Number => "number",
                Kind::List => "list",
            };
            [&[option.group, option.name, kind], option.old]
                .concat()
                .join(" ")
        })
        .collect();
    ours.sort();
    let mut theirs: Vec<&str> = LIST.lines().filter(|line| !line.starts_with('#')).collect();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
}

#[test]
fn no_name_belongs_to_two_options() {
    let mut seen = BTreeSet::new();
    for name in OPTIONS.iter().flat_map(|option| option.names()) {
        // A deprecated name may be the new one too, of another group.
        assert!(seen.insert(name), "{name:?} is in the table twice");
    }
}

#[test]
fn the_settings_are_ours() {
    for option in OPTIONS {
        let (Fate::Text(setting)
        | Fate::Path(setting)
        | Fate::Url(setting)
        | Fate::Flag(setting)
        | Fate::Capability(setting)
        | Fate::Secret { setting, .. }) = option.fate
        else {
            continue;
        };
        let (section, key) = setting.split_once('.').unwrap();
        let known = Fragment::KEYS.iter().find(|known| known.name == section).unwrap();
        assert!(known.below.iter().any(|below| below.name == key), "{setting}");
    }
}

/// Every option has one line, by each of its names, and is no stranger.
#[test]
fn every_option_is_spoken_of() {
    for option in OPTIONS {
        for (group, name) in option.names() {
            let value = match option.kind {
                Kind::Flag => "true",
                Kind::Number => "7",
                Kind::Text | Kind::List => "public",
            };
            let import = import(&format!("[{group}]\n{name} = {value}\n"));
            let notes: Vec<&Note> = import.notes.iter().filter(|note| note.line == Some(2)).collect();
            let [note] = notes.as_slice() else {
                panic!("[{group}] {name}: {notes:?}")
            };
            assert_ne!(note.verdict, Verdict::Unknown, "{note}");
            assert_eq!(
                note.message.contains("deprecated"),
                group != option.group || name != option.name
            );
        }
    }
}

#[test]
fn what_is_said() {
    let all = [
        said("[scheduler]\nclient-id = x\n"),
        said("[service_auth]\nusername = x\n"),
        said("[Default]\ndebug = true\n"),
        said("[scheduler]\nintervall = 3\n"),
        said("[keystone_authtoken]\npassword = x\n"),
        said("[scheduler]\ninterval = 3\ninterval = 4\n[DEFAULT]\ninterval = 5\n"),
        said("[DEFAULT]\nconf = /jobs\nno-api = yes\n"),
        said("[scheduler]\njobs_dir = jobs\nno_api = perhaps\n"),
        said("[scheduler]\ninterval = 0\nconcurrent_jobs = 0\n"),
        said("[scheduler]\ninterval = 100000\nconcurrent_jobs = many\n"),
        said("[scheduler]\ninterval = -5\nclient_id = *\n"),
        said("[service_auth]\nos_auth_url = https://me:secret@keystone:5000/v3\n"),
        said("[service_auth]\nos_backup_url = http://me:sec/ret@api:9090/?x\n"),
        said("[service_auth]\nos_auth_url = keystone\nos_endpoint_type = adminURL\n"),
        said("[service_auth]\nos_endpoint_type = outer\nos_region_name =\n"),
        said("[service_auth]\nos_password = p\nos_username = $os_password\n"),
        said("[service_auth]\nos_username = pa$word\n"),
        said("[scheduler]\nclient_id = $jobs_dir\njobs_dir = ${scheduler.client_id}\n"),
        said("[scheduler]\nclient_id = $interval\n"),
        said("[DEFAULT]\nuse_json = true\nuse_journal = true\n"),
        said("[scheduler]\ninterval =\nclient_id =\ninsecure =\n[capabilities]\nsupported_modes =\n"),
        said("[scheduler]\nno_api = true\njobs_dir = \" \"\n"),
        said(
            "[scheduler]\nclient_id = ${coordination.backend_url}\n[coordination]\nbackend_url = redis://:p@h\n",
        ),
        said(
            "[scheduler]\nclient_id = ${service_auth.os_auth_url}\n[service_auth]\nos_auth_url = http://u:p@h\n",
        ),
        said("[scheduler]\nclient_id = \"a\u{7f}\u{9b}\u{202e}\"\n  b\\\n"),
        said("[x]\na\u{1b}[2Jb\u{202e} = 1\n"),
    ];
    insta::assert_snapshot!("what_is_said", all.join("\n"));
}
