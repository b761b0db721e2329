//! Mistakes, and what a user reads about them.

use std::path::Path;

use crate::Machine;

fn mistake(text: &str) -> String {
    Machine::with(text).mistake()
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(
        "unknown_keys",
        mistake(
            "timzone = \"UTC\"\npoll = \"60s\"\n[source]\nknd = \"api\"\n[dispatch]\nagnet = \"/bin/x\"\nfrobnicate = 1\n\
         [htpp]\nlisten = \"off\"\n[[window]]\nallowed = \"* * * * *\"\n"
        )
    );
}

#[test]
fn wrong_types_and_values() {
    let texts = [
        "[dispatch]\nmax_concurrent = \"four\"\n",
        "[dispatch]\nmax_concurrent = 0\n",
        "[dispatch]\nmax_concurrent = -1\n",
        "[source]\npoll = 60\n",
        "[source]\npoll = \"sixty\"\n",
        "[source]\nkind = \"foldr\"\n",
        "[dispatch]\nlauncher = \"Systemd\"\n",
        "dispatch = 4\n",
        "window = \"* * * * *\"\n",
        "[[window]]\nallow = 5\n",
        "[auth]\npassword = 12345\n",
        "timezone = UTC\n",
        "timezone = \"UTC\"\ntimezone = \"UTC\"\n",
        "[source\n",
    ];
    let all: Vec<String> = texts
        .iter()
        .map(|text| format!("{}\n  {}", text.trim_end(), mistake(text)))
        .collect();
    insta::assert_snapshot!("wrong_types_and_values", all.join("\n\n"));
}

#[test]
fn values_out_of_bounds_are_all_told_at_once() {
    insta::assert_snapshot!(
        "out_of_bounds",
        mistake(
            "state_dir = \"\"\n[source]\npoll = \"0s\"\n[api]\nbackup_url = \"example:9090\"\ninterface = \"pubic\"\n\
         page_size = 1000000\ntimeout = \"2d\"\n[dispatch]\ncatch_up = \"soon\"\nkeep_output = 1\n[http]\n\
         listen = \"9466\"\n[log]\nlevel = \"info,freezerd=loud\"\n[cluster]\nnode = \"a\"\n\
         [[window]]\nallow = [\"* * * * *\", \"* 25 * * *\"]\n[[window]]\nplans = \"x\"\n\
         [[window]]\nallow = \"* * * * 1\"\n[[zone]]\nplan = \"a\"\nproject = \"b\"\n[[zone]]\nplan = \"a\"\n"
        )
    );
}

#[test]
fn variables() {
    let machine = Machine::new()
        .variable("FREEZERD_SOURCE_KIND", "api")
        .variable("FREEZERD_DISPATCH__MAX_CONCURENT", "4")
        .variable("FREEZERD_DISPATCH__MAX_CONCURRENT", "four")
        .variable("FREEZERD_SOURCE__KIND", "foldr")
        .variable("FREEZERD_WINDOW", "[{alow = \"* * * * *\"}]")
        .variable("FREEZERD_WHATEVER", "1");
    insta::assert_snapshot!("variables", machine.mistake());
    let late = Machine::new().variable("FREEZERD_SOURCE__POLL", "0s").mistake();
    insta::assert_snapshot!("variable_out_of_bounds", late);
}

#[test]
fn one_broken_drop_in_is_named() {
    let machine = Machine::with("timezone = \"UTC\"\n").file("/etc/freezerd/conf.d/x.toml", "\n\n  tz = 1\n");
    insta::assert_snapshot!("drop_in", machine.mistake());
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let machine = Machine::new();
    let error = machine
        .load_file(Path::new("/nowhere/freezerd.toml"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "/nowhere/freezerd.toml: cannot be read: No such file or directory (os error 2)"
    );
    assert!(
        machine
            .load_file(machine.root.path())
            .unwrap_err()
            .to_string()
            .ends_with("is a directory")
    );
}

#[test]
fn a_huge_file_is_not_read() {
    let machine = Machine::with(&"#".repeat(1024 * 1024 + 1));
    assert!(
        machine
            .mistake()
            .ends_with("cannot be read: is larger than 1048576 bytes"),
        "{}",
        machine.mistake()
    );
}

#[test]
fn a_secret_in_a_file_everybody_can_read() {
    let text = "[auth]\npassword = \"hunter2\"\n";
    let machine = Machine::new().file_of_mode("/etc/freezerd/freezerd.toml", text, 0o644);
    let mistake = machine.mistake();
    assert!(!mistake.contains("hunter2"));
    insta::assert_snapshot!("exposed_secret", mistake);
    Machine::new()
        .file_of_mode("/etc/freezerd/freezerd.toml", text, 0o640)
        .loaded();
}

#[test]
fn a_mistake_never_quotes_a_secret() {
    for text in [
        "password = 12345678",
        "token = [\"12345678\"]",
        "application_credential_secret = 12345678.5",
    ] {
        let mistake = mistake(&format!("[auth]\n{text}\n"));
        assert!(!mistake.contains("12345678"), "{mistake}");
    }
}

#[test]
fn a_central_client_takes_a_user_and_a_password() {
    let text = "[api]\ncentral = true\n[auth]\nauth_url = \"http://k\"\napplication_credential_id = \"a\"\n\
                application_credential_secret_file = \"secret\"\n";
    let machine = Machine::with(text);
    std::fs::write(machine.root.path().join("etc/freezerd/secret"), "s").expect("a secret");
    insta::assert_snapshot!("central_application_credential", machine.mistake());
}
