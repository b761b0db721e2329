//! `freezerd import-config`: freezer-scheduler's configuration in, freezerd's out.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::{Done, done, file, freezerd};

fn import(folder: &Path, arguments: &[&str]) -> Done {
    done(
        freezerd()
            .current_dir(folder)
            .arg("import-config")
            .args(arguments),
    )
}

/// What is said on standard error, and what comes out on standard output.
fn both(name: &str, arguments: &[&str]) -> String {
    let Done { code, stdout, stderr } = import(&file(""), &[&[name], arguments].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        !format!("{stdout}{stderr}").contains("hunter2"),
        "a secret comes out"
    );
    format!("{stderr}\n{stdout}")
}

#[test]
fn a_usual_one() {
    insta::assert_snapshot!("import_usual", both("scheduler.conf", &[]));
}

#[test]
fn a_weird_one() {
    insta::assert_snapshot!("import_weird", both("scheduler-weird.conf", &[]));
}

/// What came out is what `freezerd check` reads; whoever may read the file reads no secret in it.
#[test]
fn secrets_go_into_files_of_their_own() {
    let bed = tempfile::tempdir().unwrap();
    std::fs::copy(file("scheduler.conf"), bed.path().join("scheduler.conf")).unwrap();
    let Done { code, stdout, stderr } = import(bed.path(), &["scheduler.conf", "--secrets", "etc/secrets"]);
    assert_eq!(code, Some(0), "{stderr}");
    let secret = bed.path().join("etc/secrets/os_password");
    assert!(
        stderr.contains(&format!("{}: written, mode 0600", secret.display())),
        "{stderr}"
    );
    assert!(
        stdout.contains(&format!("password_file = {:?}", secret.to_str().unwrap())),
        "{stdout}"
    );
    assert!(!format!("{stdout}{stderr}").contains("hunter2"));
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "hunter2\n");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secret), 0o600);
    assert_eq!(mode(secret.parent().unwrap()), 0o700);

    std::fs::write(bed.path().join("freezerd.toml"), &stdout).unwrap();
    let checked = done(
        freezerd()
            .current_dir(bed.path())
            .args(["check", "--config", "freezerd.toml"]),
    );
    assert!(
        checked.stdout.contains("client_id"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    assert!(!checked.stdout.contains("hunter2"));

    // A second time: what is there stays, and nothing comes out.
    let again = import(bed.path(), &["scheduler.conf", "--secrets", "etc/secrets"]).refused(1);
    assert!(again.ends_with("remove it, or name another folder\n"), "{again}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "hunter2\n");
}

/// Nothing is written where somebody else's link leads, and of two secrets either both are written or none.
#[test]
fn all_secrets_or_none() {
    let bed = tempfile::tempdir().unwrap();
    let text = "[service_auth]\nos_password = hunter2\nos_token = hunter3\n";
    std::fs::write(bed.path().join("s.conf"), text).unwrap();
    let folder = bed.path().join("secrets");
    std::fs::create_dir(&folder).unwrap();
    symlink(bed.path().join("elsewhere"), folder.join("os_token")).unwrap();
    let refused = import(bed.path(), &["s.conf", "--secrets", "secrets"]).refused(1);
    assert!(refused.contains("os_token: cannot be written"), "{refused}");
    assert!(!bed.path().join("elsewhere").exists());
    assert!(!folder.join("os_password").exists());
}

#[test]
fn files_that_cannot_be_imported() {
    let bed = tempfile::tempdir().unwrap();
    let of = |bytes: &[u8]| {
        std::fs::write(bed.path().join("s.conf"), bytes).unwrap();
        import(bed.path(), &["s.conf"]).refused(1)
    };
    std::fs::create_dir(bed.path().join("folder")).unwrap();
    let all = [
        import(bed.path(), &["nowhere.conf"]).refused(1),
        import(bed.path(), &["folder"]).refused(1),
        of(b"[service_auth]\nos_password hunter2\n"),
        of(b"os_password = hunter2\n"),
        of(b"[DEFAULT]\ndebug = \xff\n"),
        of(&b"#".repeat(1024 * 1024 + 1)),
    ];
    insta::assert_snapshot!("import_refused", all.concat());
    assert_eq!(import(bed.path(), &[]).code, Some(2));
    assert_eq!(import(bed.path(), &["s.conf", "more.conf"]).code, Some(2));
}
