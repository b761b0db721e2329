use serde_json::{Value, json};

use super::{Blemish, IniError, render};

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
fn a_value_that_could_leave_its_line_is_refused() {
    for (value, found) in [
        ("a\nb", Blemish::LineBreak),
        ("a\r", Blemish::LineBreak),
        ("a\u{85}b", Blemish::LineBreak),
        ("a\u{2028}b", Blemish::LineBreak),
        ("a\0b", Blemish::Control('\0')),
        ("a\u{9b}b", Blemish::Control('\u{9b}')),
        (" a", Blemish::BlankAtStart),
        ("\u{a0}a", Blemish::BlankAtStart),
        ("a\t", Blemish::BlankAtEnd),
        (" ", Blemish::BlankAtStart),
    ] {
        let refused = ini(&json!({ "password": value }));
        assert_eq!(
            refused,
            Err(IniError::Value {
                key: "password".to_owned(),
                found
            }),
            "{value:?}"
        );
    }
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
    let refused = ini(&json!({"ssh_password": "hunter2\n"})).expect_err("a line break");
    insta::assert_snapshot!(refused, @"freezer_action ssh_password: its value holds a line break, which the agent's configuration file cannot carry: remove it");
}
