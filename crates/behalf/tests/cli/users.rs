use std::fs;

use serde_json::{Value, json};

use crate::support::{Dev, behalf, run, stderr, succeed};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn people_are_made_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let user = |command: &[&str]| {
        let all: Vec<&str> =
            ["user"].iter().chain(command).chain(&["-o", "json"]).copied().collect();
        parsed(&succeed(folder.path(), &all))
    };
    let made =
        user(&["create", "eve@acme.test", "--display", "Eve", "--role", "directory-readers"]);
    let password = made["password"].as_str().unwrap();
    assert_eq!(password.len(), 23, "four groups of five");
    let eve = &made["user"];
    assert_eq!(
        (&eve["displayName"], &eve["roles"]),
        (&json!("Eve"), &json!(["directory-readers"]))
    );
    assert_eq!((&eve["password"], &eve["disabled"]), (&json!(true), &json!(false)));
    let table = succeed(folder.path(), &["user", "list", "--tenant", "acme.test"]);
    let names: Vec<_> = table.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, ["ada@acme.test", "bob@acme.test", "eve@acme.test"], "{table}");
    assert!(table.lines().next().unwrap().ends_with("global-administrator"), "{table}");

    let roles = ["role", "add", "Eve@Acme.Test", "--role", "user-administrator"];
    assert_eq!(user(&roles)["roles"], json!(["user-administrator", "directory-readers"]));
    let roles = ["role", "remove", "eve@acme.test", "--role", "directory-readers"];
    assert_eq!(user(&roles)["roles"], json!(["user-administrator"]));
    assert_eq!(user(&["disable", "eve@acme.test"])["disabled"], true);
    assert_eq!(user(&["enable", "eve@acme.test"])["disabled"], false);
    user(&["revoke-sessions", "eve@acme.test"]);
    let by_id = ["show", eve["id"].as_str().unwrap(), "--tenant", "acme.test"];
    assert_eq!(user(&by_id)["name"], "eve@acme.test");
    assert_eq!(user(&["delete", "eve@acme.test"])["name"], "eve@acme.test");
    for (command, code, told) in [
        (&["show", "eve@acme.test"][..], 5, "there is no user \"eve@acme.test\" in this tenant"),
        (&["show", "eve"], 2, "names no tenant"),
        (&["show", "eve@nowhere.test"], 5, "there is no tenant"),
        (&["create", "bob@acme.test"], 1, "there is a user \"bob@acme.test\""),
        (&["create", "b b@acme.test"], 2, "is no user name"),
        (&["create", "x@acme.test", "--role", "admin"], 2, "expected one of global-administrator"),
        (&["create", "x@acme.test", "--password-env", "UNSET"], 2, "UNSET is not set"),
    ] {
        let all: Vec<&str> = ["user"].iter().chain(command).copied().collect();
        let output = run(folder.path(), &all);
        assert_eq!(output.status.code(), Some(code), "{command:?} {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{command:?} {}", stderr(&output));
    }
}

#[test]
fn a_password_comes_from_a_variable_a_file_or_standard_input_and_is_never_repeated() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let reset = ["user", "reset-password", "bob@acme.test"];
    let by_variable = behalf(folder.path())
        .args(reset)
        .args(["--password-env", "SECRET"])
        .env("SECRET", "correct horse battery")
        .output()
        .unwrap();
    assert!(by_variable.status.success(), "{}", stderr(&by_variable));
    assert!(!String::from_utf8_lossy(&by_variable.stdout).contains("horse"));
    fs::write(folder.path().join("weak"), "password1\n").unwrap();
    let weak =
        behalf(folder.path()).args(reset).args(["--password-file", "weak"]).output().unwrap();
    assert_eq!(weak.status.code(), Some(2), "{}", stderr(&weak));
    assert!(stderr(&weak).contains("among the first that anybody tries"), "{}", stderr(&weak));
    let mut command = behalf(folder.path());
    command.args(reset).arg("--password-stdin").stdin(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"behalf-dev\n").unwrap();
    let public = child.wait_with_output().unwrap();
    assert!(stderr(&public).contains("which everybody knows"), "{}", stderr(&public));
    let both = run(
        folder.path(),
        &["user", "reset-password", "bob@acme.test", "--password-stdin", "--password-env", "X"],
    );
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_second_factor_is_shown_once_and_needs_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let output = run(folder.path(), &["user", "add-second-factor", "bob@acme.test"]);
    assert_eq!(output.status.code(), Some(2), "no code: {}", stderr(&output));
    assert!(stderr(&output).contains("the code is wrong"), "{}", stderr(&output));
    let shown = String::from_utf8(output.stdout).unwrap();
    let secret = shown.split_whitespace().nth(1).unwrap();
    assert_eq!(secret.len(), 32, "{shown}");
    assert!(shown.contains(&format!("otpauth://totp/behalf:bob%40acme.test?secret={secret}")));
    let table = succeed(folder.path(), &["user", "list", "--tenant", "acme.test"]);
    assert!(!table.contains("second factor"), "{table}");
}

#[test]
fn a_manifest_makes_people_once_and_leaves_their_passwords_alone() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let manifest = "\
apiVersion: behalf/v1
tenant: acme.test
users:
  - { name: eve@acme.test, display: Eve, roles: [user-administrator], password: generate }
  - { name: max@acme.test, password: { from-env: MAX }, disabled: true }
";
    fs::write(folder.path().join("people.yaml"), manifest).unwrap();
    let apply = || {
        let output = behalf(folder.path())
            .args(["apply", "-f", "people.yaml", "-o", "json"])
            .env("MAX", "correct horse battery")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        parsed(&String::from_utf8(output.stdout).unwrap())
    };
    let applied = apply();
    let lines: Vec<_> = applied["plan"].as_array().unwrap().iter().map(|l| &l["what"]).collect();
    assert_eq!(
        lines,
        [
            "user eve@acme.test",
            "eve@acme.test: display name eve -> Eve",
            "eve@acme.test: role user-administrator",
            "eve@acme.test: password (generated)",
            "user max@acme.test",
            "max@acme.test: state enabled -> disabled",
            "max@acme.test: password (given)",
        ]
    );
    assert_eq!(applied["passwords"].as_array().unwrap().len(), 1);
    assert_eq!(applied["passwords"][0]["user"], "eve@acme.test");
    assert_eq!(apply(), json!({"plan": [], "secrets": []}), "nothing is left to do");
    fs::write(
        folder.path().join("people.yaml"),
        manifest.replace("disabled: true", "disabled: false"),
    )
    .unwrap();
    assert_eq!(apply()["plan"][0]["what"], "max@acme.test: state disabled -> enabled");
    fs::write(folder.path().join("bad.yaml"), manifest.replace("max@acme.test", "max@globex.test"))
        .unwrap();
    let output = behalf(folder.path()).args(["apply", "-f", "bad.yaml"]).env("MAX", "x").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("lies on no domain of Acme"), "{}", stderr(&output));
}

#[test]
fn a_tenant_says_what_its_users_may_do() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let policy = |arguments: &[&str]| {
        succeed(folder.path(), &[&["tenant", "policy", "acme.test"], arguments].concat())
    };
    let shown = |consent, grant, degraded| {
        format!(
            "user consent      {consent}\npassword grant    {grant}\ndegraded service  {degraded}\n"
        )
    };
    assert_eq!(policy(&[]), shown("on", "off", "on"));
    assert_eq!(policy(&["--user-consent", "off"]), shown("off", "off", "on"));
    assert_eq!(policy(&["--degraded-service", "off"]), shown("off", "off", "off"));
    assert_eq!(
        parsed(&policy(&["--password-grant", "on", "-o", "json"])),
        json!({"userConsent": false, "passwordGrant": true, "degradedService": false})
    );
    for (arguments, code) in [
        (&["tenant", "policy", "acme.test", "--user-consent", "maybe"][..], 2),
        (&["tenant", "policy"], 2),
        (&["tenant", "policy", "nobody.test", "--user-consent", "on"], 5),
    ] {
        assert_eq!(run(folder.path(), arguments).status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_user_is_assigned_to_an_application() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let assign = ["user", "assign", "bob@acme.test", "--app", "orders-api"];
    assert!(succeed(folder.path(), &assign).contains("bob@acme.test"));
    succeed(folder.path(), &["user", "unassign", "bob@acme.test", "--app", "api://orders"]);
    for (arguments, code, told) in [
        (&[&assign[..], &["--role", "Orders.Read.All"]].concat()[..], 2, "no enabled role"),
        (&["user", "assign", "bob@acme.test", "--app", "nobody"], 5, "no application"),
        (&["user", "assign", "eve@acme.test", "--app", "orders-api"], 5, "there is no user"),
        (&["user", "assign", "bob@acme.test"], 2, "--app"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{arguments:?}: {}", stderr(&output));
    }
}
