use serde_json::{Value, json};

use super::{IniError, render};

fn ini(action: &Value) -> Result<String, IniError> {
    render(action.as_object().expect("an object"))
}

#[test]
fn writes_what_upstream_writes() {
    let action = json!({
        "action": "backup",
        "mode": "fs",
        "path_to_backup": "/srv/für alle",
        "max_level": 14,
        "restart_always_level": 7.0,
        "no_incremental": true,
        "dry_run": false,
        "snapshot": null,
        "exclude": "",
        "Backup_Name": "Nightly",
        "lvm_snapsize": "80%FREE",
        "nested": ["it's", 1, null, {"a \"b'": 1e16, "c": 1.5e-7}, true],
    });
    insta::assert_snapshot!(ini(&action).expect("it can be written"), @r#"
    [action]
    action = backup
    mode = fs
    path_to_backup = /srv/für alle
    max_level = 14
    restart_always_level = 7.0
    no_incremental = True
    dry_run = False
    exclude = 
    backup_name = Nightly
    lvm_snapsize = 80%%FREE
    nested = ["it's", 1, None, {'a "b\'': 1e+16, 'c': 1.5e-07}, True]
    "#);
}

#[test]
fn a_line_break_never_leaves_its_option_and_a_lone_carriage_return_is_refused() {
    let action = json!({"command": "set -e\r\nmode = evil\n[storage:x]\n\nend", "exclude": " * "});
    assert_eq!(
        ini(&action).expect("it can be written"),
        "[action]\ncommand = set -e\n\tmode = evil\n\t[storage:x]\n\t\n\tend\nexclude =  * \n\n"
    );
    for value in ["a\r", "a\rmode = evil", "\r\r\n"] {
        let refused = ini(&json!({ "password": value }));
        let key = "password".to_owned();
        assert_eq!(refused, Err(IniError::CarriageReturn { key }), "{value:?}");
    }
}

#[test]
fn percent_signs_mean_what_they_mean_to_upstream_and_a_lone_one_means_itself() {
    let line = |value: &str| {
        let written = ini(&json!({"x": value, "host": "h"})).expect("it can be written");
        written.lines().nth(1).expect("a line").to_owned()
    };
    assert_eq!(line("80%%FREE"), "x = 80%%FREE", "read as 80%FREE");
    assert_eq!(line("on-%(HOST)s"), "x = on-%(HOST)s");
    assert_eq!(line("80%FREE"), "x = 80%%FREE");
    assert_eq!(line("50% of %(host)s"), "x = 50%% of %%(host)s");
    assert_eq!(line("50% and 50%%"), "x = 50%% and 50%%%%");
}

#[test]
fn a_reference_that_the_agent_cannot_follow_is_refused() {
    let reference = |key: &str| Err(IniError::Reference { key: key.to_owned() });
    assert_eq!(ini(&json!({"x": "%(nothing)s"})), reference("x"));
    assert_eq!(ini(&json!({"x": "%(y)s", "y": null})), reference("x"));
    assert_eq!(ini(&json!({"x": "%(X)s"})), reference("x"));
    assert_eq!(
        ini(&json!({"a": "1", "X": "%(y)s", "y": "%(x)s"})),
        reference("X")
    );
    let mut many: serde_json::Map<String, Value> = (0..9)
        .map(|n| (format!("x{n}"), json!(format!("%(x{})s", n + 1).repeat(20))))
        .collect();
    many.insert("x9".to_owned(), json!("!"));
    assert!(matches!(render(&many), Err(IniError::TooLong { .. })));
}

#[test]
fn references_are_followed_as_deep_as_the_agent_does_in_whatever_order_options_are_met() {
    let chain = |levels: usize, name: fn(usize) -> String| {
        let mut options: serde_json::Map<String, Value> = (0..levels)
            .map(|n| (name(n), json!(format!("%({})s", name(n + 1)))))
            .collect();
        options.insert(name(levels), json!("end"));
        render(&options)
    };
    for name in [|n| format!("x{n:02}"), |n| format!("x{:02}", 99 - n)] {
        assert!(chain(10, name).is_ok());
        assert!(matches!(chain(11, name), Err(IniError::Reference { .. })));
    }
}

/// Followed from each option afresh these are some 6,000 times 100,000 steps: nobody would wait for the end of this test.
#[test]
fn what_an_option_comes_to_is_made_out_once() {
    let mut options: serde_json::Map<String, Value> = (0..7)
        .map(|n| (format!("a{n}"), json!(format!("%(a{})s", n + 1).repeat(5))))
        .collect();
    options.insert("a7".to_owned(), json!(""));
    options.extend((0..6_000).map(|n| (format!("x{n}"), json!("%(a0)s"))));
    assert!(render(&options).is_ok());
}

#[test]
fn a_key_that_is_no_option_name_is_refused() {
    for key in [
        "", "a=b", "a:b", "[action]", "#a", ";a", " a", "a ", "a b", "a\nb", "é", "a%b",
    ] {
        assert_eq!(
            ini(&json!({ key: "x" })),
            Err(IniError::Key { key: key.to_owned() }),
            "{key:?}"
        );
    }
    let twice = IniError::Twice {
        first: "Mode".to_owned(),
        second: "mode".to_owned(),
    };
    assert_eq!(ini(&json!({"Mode": "fs", "mode": "nova"})), Err(twice));
    assert!(
        ini(&json!({"Mode": null, "mode": "nova"})).is_ok(),
        "what is left out does not count"
    );
}

#[test]
fn an_error_names_the_key_and_keeps_the_value_to_itself() {
    let refused = ini(&json!({"ssh_password": "hunter2\r"})).expect_err("a carriage return");
    insta::assert_snapshot!(refused, @"freezer_action ssh_password: its value holds a carriage return, which the agent's configuration file cannot carry: remove it");
    let refused = ini(&json!({"ssh_password": "%(hunter2)s"})).expect_err("a reference");
    insta::assert_snapshot!(refused, @"freezer_action ssh_password: its value refers by %(...)s to an option that the action does not set, or round in a circle, so the agent cannot read it: write %% for a percent sign");
}
