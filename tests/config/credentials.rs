//! Credentials, from all the places they may be in.

use std::path::Path;

use freezerd::config::Settings;
use freezerd::freezer::{Access, Auth, ClientFilter, Credential, Domain, Interface, Named, Scope, Secret};

use crate::Machine;

fn access(machine: &Machine) -> Access {
    machine
        .loaded()
        .settings
        .access
        .unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(machine: &Machine) -> String {
    let error = machine
        .loaded()
        .settings
        .access
        .expect_err("no access")
        .to_string();
    error.replace(&machine.root.path().display().to_string(), "")
}

fn named(name: &str, domain: Domain) -> Named {
    Named::Name {
        name: name.to_owned(),
        domain,
    }
}

fn openrc() -> Machine {
    Machine::new()
        .variable("OS_AUTH_URL", "https://keystone:5000/v3")
        .variable("OS_USERNAME", "freezer")
        .variable("OS_PASSWORD", "hunter2")
        .variable("OS_PROJECT_NAME", "service")
        .variable("OS_USER_DOMAIN_NAME", "Default")
        .variable("OS_PROJECT_DOMAIN_ID", "default")
}

#[test]
fn an_openrc() {
    let machine = openrc()
        .variable("OS_REGION_NAME", "RegionOne")
        .variable("OS_ENDPOINT_TYPE", "internalURL")
        .variable("OS_CACERT", "/ca.pem")
        .variable("OS_INSECURE", "True")
        .variable("OS_BACKUP_URL", "http://backup:9090")
        .variable("OS_USER_DOMAIN_ID", "");
    let access = access(&machine);
    let auth = Auth::Password {
        user: named("freezer", Domain::Name("Default".to_owned())),
        password: Secret::new("hunter2"),
        scope: Scope::Project(named("service", Domain::Id("default".to_owned()))),
    };
    assert_eq!(access.auth, auth);
    assert_eq!(access.auth_url, "https://keystone:5000/v3");
    assert_eq!(access.region.as_deref(), Some("RegionOne"));
    assert_eq!(access.interface, Interface::Internal);
    assert_eq!(access.ca_file.as_deref(), Some(Path::new("/ca.pem")));
    assert!(access.insecure);
    assert_eq!(access.backup_url.as_deref(), Some("http://backup:9090"));
    assert_eq!(access.clients, ClientFilter::Own(None));
    assert!(!format!("{access:?}").contains("hunter2"));
}

#[test]
fn older_names_and_ids() {
    let machine = Machine::new()
        .variable("OS_AUTH_URL", "http://keystone")
        .variable("OS_USER_ID", "u")
        .variable("OS_PASSWORD", "p")
        .variable("OS_TENANT_ID", "t");
    let Auth::Password { user, scope, .. } = access(&machine).auth else {
        panic!("a password")
    };
    assert_eq!(
        (user, scope),
        (
            Named::Id("u".to_owned()),
            Scope::Project(Named::Id("t".to_owned()))
        )
    );
}

#[test]
fn an_application_credential_and_a_token() {
    let machine = Machine::new()
        .variable("OS_AUTH_TYPE", "v3applicationcredential")
        .variable("OS_AUTH_URL", "http://keystone")
        .variable("OS_APPLICATION_CREDENTIAL_ID", "id")
        .variable("OS_APPLICATION_CREDENTIAL_SECRET", "secret");
    let auth = Auth::ApplicationCredential {
        credential: Credential::Id("id".to_owned()),
        secret: Secret::new("secret"),
    };
    assert_eq!(access(&machine).auth, auth);
    let token = Machine::new()
        .variable("OS_AUTH_URL", "http://keystone")
        .variable("OS_TOKEN", "gAAA")
        .variable("OS_PROJECT_ID", "p");
    assert!(matches!(access(&token).auth, Auth::Token { .. }));
}

const CLOUDS: &str = "
clouds:
  backup:
    auth_type: password
    auth:
      auth_url: https://keystone.example:5000
      username: freezer
      password: 0123
      project_name: service
      user_domain_name: Default
      extra: [1, 2]
    region_name: RegionTwo
    interface: admin
    verify: false
    identity_api_version: 3
  other:
    auth: {auth_url: http://other}
  empty:
";

#[test]
fn clouds_yaml_and_secure_yaml() {
    // `extra` is a list, which no text is: keys we have no use for may be anything.
    let machine = Machine::new()
        .file("/etc/openstack/clouds.yaml", CLOUDS)
        .file(
            "/etc/openstack/secure.yaml",
            "clouds:\n  backup:\n    auth:\n      password: \"s3cret\"\n",
        )
        .variable("OS_CLOUD", "backup");
    let loaded = machine.loaded();
    let access = loaded.settings.access.clone().unwrap();
    let Auth::Password {
        user,
        password,
        scope,
    } = access.auth
    else {
        panic!("a password")
    };
    assert_eq!(user, named("freezer", Domain::Name("Default".to_owned())));
    assert_eq!(password.expose(), "s3cret");
    assert_eq!(
        scope,
        Scope::Project(named("service", Domain::Id("default".to_owned())))
    );
    assert_eq!(
        (access.region.as_deref(), access.interface),
        (Some("RegionTwo"), Interface::Admin)
    );
    assert!(access.insecure);
    assert_eq!(
        loaded.origin("auth.username").to_string(),
        machine.at("/etc/openstack/clouds.yaml").display().to_string()
    );
}

#[test]
fn a_password_of_digits_keeps_its_zeros() {
    let machine = Machine::new()
        .file("/etc/openstack/clouds.yaml", CLOUDS)
        .variable("OS_CLOUD", "backup");
    let Auth::Password { password, .. } = access(&machine).auth else {
        panic!("a password")
    };
    assert_eq!(password.expose(), "0123");
}

#[test]
fn clouds_yaml_is_searched_in_openstacks_order() {
    let cloud = |user: &str| {
        format!(
            "clouds: {{c: {{auth: {{auth_url: 'http://k', username: {user}, password: p, project_id: p}}}}}}\n"
        )
    };
    let user = |machine: &Machine| match access(machine).auth {
        Auth::Password {
            user: Named::Name { name, .. },
            ..
        } => name,
        other => panic!("{other:?}"),
    };
    let machine = Machine::new()
        .variable("OS_CLOUD", "c")
        .file("/etc/openstack/clouds.yaml", &cloud("etc"));
    assert_eq!(user(&machine), "etc");
    let home = machine.at("/home/me").display().to_string();
    let machine = machine
        .variable("HOME", &home)
        .file("/home/me/.config/openstack/clouds.yaml", &cloud("home"));
    assert_eq!(user(&machine), "home");
    let machine = machine.file("/clouds.yaml", &cloud("here"));
    assert_eq!(user(&machine), "here");
    let path = machine.at("/named.yaml").display().to_string();
    let machine = machine
        .file("/named.yaml", &cloud("named"))
        .variable("OS_CLIENT_CONFIG_FILE", &path);
    assert_eq!(user(&machine), "named");
    let folder = machine.at("/creds").display().to_string();
    let machine = machine
        .variable("CREDENTIALS_DIRECTORY", &folder)
        .file("/creds/os_username", "held\n");
    assert_eq!(
        user(&machine),
        "held",
        "a systemd credential comes before clouds.yaml"
    );
    let machine = machine.variable("OS_USERNAME", "variable");
    assert_eq!(user(&machine), "variable");
    let machine = machine.variable("FREEZERD_AUTH__USERNAME", "ours");
    assert_eq!(user(&machine), "ours");
}

#[test]
fn systemd_credentials() {
    let machine = Machine::with(
        "[auth]\nauth_url = \"http://keystone\"\nusername = \"freezer\"\nproject_name = \"service\"\n",
    )
    .file("/run/credentials/os_password", "hunter2\n");
    let folder = machine.at("/run/credentials").display().to_string();
    let machine = machine.variable("CREDENTIALS_DIRECTORY", &folder);
    let Auth::Password { password, .. } = access(&machine).auth else {
        panic!("a password")
    };
    assert_eq!(password.expose(), "hunter2");

    let machine = Machine::new().file(
        "/creds/clouds.yaml",
        "clouds: {only: {auth: {auth_url: 'http://k', token: t, project_id: p}}}",
    );
    let folder = machine.at("/creds").display().to_string();
    let machine = machine.variable("CREDENTIALS_DIRECTORY", &folder);
    assert!(
        matches!(access(&machine).auth, Auth::Token { .. }),
        "its only cloud needs no OS_CLOUD"
    );
}

#[test]
fn a_secret_in_a_file_of_its_own() {
    let table = "[auth]\nauth_url = \"http://keystone\"\nusername = \"freezer\"\nproject_name = \"service\"\n\
                 password_file = \"password\"\n";
    let machine = Machine::with(table).file("/etc/freezerd/password", "hunter2\n");
    let Auth::Password { password, .. } = access(&machine).auth else {
        panic!("a password")
    };
    assert_eq!(password.expose(), "hunter2");
    // Without the file there is no access; and everything else still works.
    assert_eq!(
        refusal(&Machine::with(table)),
        "credentials: /etc/freezerd/password: No such file or directory (os error 2)"
    );
}

#[test]
fn what_is_missing_is_named() {
    let mut all = vec![refusal(&Machine::new())];
    all.push(refusal(&openrc().variable("OS_PASSWORD", "")));
    all.push(refusal(&openrc().variable("OS_PROJECT_NAME", "")));
    all.push(refusal(&openrc().variable("OS_AUTH_URL", "keystone:5000")));
    all.push(refusal(&openrc().variable("OS_AUTH_TYPE", "v3oidcpassword")));
    all.push(refusal(&openrc().variable("OS_CLOUD", "backup")));
    let clouds = |text: &str, name: &str| {
        refusal(
            &Machine::new()
                .file("/etc/openstack/clouds.yaml", text)
                .variable("OS_CLOUD", name),
        )
    };
    all.push(clouds(CLOUDS, "bakcup"));
    all.push(clouds(CLOUDS, "empty"));
    all.push(clouds("clouds: [secret-thing\n", "x"));
    all.push(clouds("clouds:\n  x:\n    auth: secret-thing\n", "x"));
    assert!(!all.concat().contains("secret-thing"));
    insta::assert_snapshot!("missing_credentials", all.join("\n"));
}

#[test]
fn whose_plans() {
    let clients = |text: &str| {
        let config = format!("[api]\nclient_id = \"{text}\"\n");
        let machine = Machine {
            environment: openrc().environment,
            ..Machine::with(&config)
        };
        access(&machine).clients
    };
    assert_eq!(clients("*"), ClientFilter::All);
    assert_eq!(clients("node1"), ClientFilter::Own(Some("node1".to_owned())));
}

#[test]
fn the_agent_is_told_the_same() {
    let environment = |settings: &Settings| {
        let list = settings.agent_environment();
        list.into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let settings = openrc().variable("OS_INSECURE", "1").loaded().settings;
    insta::assert_snapshot!("agent_environment", environment(&settings));
    assert_eq!(environment(&Machine::new().loaded().settings), "");
}

#[test]
fn a_domain_that_a_cloud_names_once_is_the_users_and_the_projects() {
    let cloud = |auth: &str| {
        let text = format!(
            "clouds: {{c: {{insecure: true, auth: {{auth_url: 'http://k', username: u, password: p, project_name: p, {auth}}}}}}}\n"
        );
        access(
            &Machine::new()
                .file("/etc/openstack/clouds.yaml", &text)
                .variable("OS_CLOUD", "c"),
        )
    };
    let domains = |access: &Access| match &access.auth {
        Auth::Password {
            user: Named::Name { domain: of_user, .. },
            scope: Scope::Project(Named::Name {
                domain: of_project, ..
            }),
            ..
        } => (of_user.clone(), of_project.clone()),
        other => panic!("{other:?}"),
    };
    let (corp, own) = (Domain::Name("corp".to_owned()), Domain::Id("own".to_owned()));
    let found = cloud("domain_name: corp");
    assert_eq!(domains(&found), (corp.clone(), corp.clone()));
    assert!(found.insecure);
    assert_eq!(
        domains(&cloud("domain_name: corp, user_domain_id: own")),
        (own.clone(), corp)
    );
    let id = Domain::Id("id".to_owned());
    assert_eq!(
        domains(&cloud("domain_id: id, project_domain_id: own")),
        (id, own)
    );
}

#[test]
fn a_file_with_a_secret_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let machine = openrc()
        .variable("OS_PASSWORD", "")
        .file("/password", "hunter2\n");
    let path = machine.at("/password");
    let machine = machine.file(
        "/etc/freezerd/freezerd.toml",
        &format!("[auth]\npassword_file = {:?}\n", path.display().to_string()),
    );
    let warned = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let warnings = machine.loaded().warnings;
        warnings
            .iter()
            .any(|warning| warning.contains("password: every user"))
    };
    assert!(warned(0o644));
    assert!(!warned(0o600));
}
