use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    serve::{Serving, init},
    support::{Dev, behalf, client, mode, post, run, stderr, succeed},
};

const MANIFEST: &str = "\
apiVersion: behalf/v1
tenant: acme.test
apps:
  - name: stock-api
    type: api
    uri: api://stock
    offers:
      roles: { Stock.Read.All: { for: [app], text: Read all stock } }
  - name: stock-daemon
    type: daemon
    calls: { stock-api: { as-app: [Stock.Read.All] } }
    credentials:
      - { secret: generate, name: initial }
grants: { admin-consent: [stock-daemon] }
";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn write_manifest(folder: &Path, tenant: &str) {
    fs::write(folder.join("stock.yaml"), MANIFEST.replace("acme.test", tenant)).unwrap();
}

/// The secret of `stock-daemon` from `apply -o json`, and its client id.
fn made(applied: &Value) -> (String, String) {
    let secret = &applied["secrets"][0];
    assert_eq!(secret["app"], "stock-daemon");
    let text = |name: &str| secret[name].as_str().unwrap().to_owned();
    (text("appId"), text("value"))
}

fn form((client_id, secret): &(String, String)) -> String {
    format!(
        "grant_type=client_credentials&scope=api://stock/.default&client_id={client_id}&client_secret={secret}"
    )
}

#[test]
fn a_manifest_becomes_apps_of_the_dev_instance_once() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    write_manifest(folder.path(), "acme.test");
    let apply = ["apply", "-f", "stock.yaml", "-o", "json"];
    let credentials = made(&json(&succeed(folder.path(), &apply)));
    let url = format!("{}/acme.test/oauth2/v2.0/token", dev.base_url());
    let (status, answer) = post(&client(&dev.ca_file()), &url, &form(&credentials));
    assert_eq!(status, 200, "{answer}");
    let apps = succeed(folder.path(), &["app", "list", "--tenant", "acme.test"]);
    assert!(apps.contains("stock-api            api     api://stock"), "{apps}");
    let again = json(&succeed(folder.path(), &apply));
    assert_eq!(again, serde_json::json!({"plan": [], "secrets": []}), "nothing is left to do");
}

#[test]
fn what_a_manifest_made_is_known_to_env_run_inspect_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    write_manifest(folder.path(), "acme.test");
    let (id, secret) =
        made(&json(&succeed(folder.path(), &["apply", "-f", "stock.yaml", "-o", "json"])));
    for name in ["stock-daemon", &id] {
        let output = run(folder.path(), &["env", name, "--shell", "dotenv"]);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(text.contains(&format!("AZURE_CLIENT_ID=\"{id}\"")), "{text}");
        assert!(!text.contains("AZURE_CLIENT_SECRET"), "a hash is no secret: {text}");
        assert!(stderr(&output).contains("set AZURE_CLIENT_SECRET"), "{}", stderr(&output));
    }
    let audience = succeed(
        folder.path(),
        &["run", "api://stock", "--", "sh", "-c", "printf %s \"$BEHALF_AUDIENCE\""],
    );
    assert!(audience.ends_with(",api://stock"), "{audience}");
    let get = ["token", "get", "--as", "stock-daemon", "--scope", "api://stock/.default"];
    let token =
        behalf(folder.path()).args(get).env("BEHALF_CLIENT_SECRET", secret).output().unwrap();
    assert!(token.status.success(), "{}", stderr(&token));
    fs::write(folder.path().join("token"), &token.stdout).unwrap();
    let verdict = succeed(folder.path(), &["inspect", "--for", "stock-api", "token"]);
    assert!(verdict.contains("Stock.Read.All"), "{verdict}");
    let other = run(folder.path(), &["inspect", "--for", "ledger-api", "token"]);
    assert_eq!(other.status.code(), Some(1), "{}", stderr(&other));
    for command in [
        &["env", "stock-deamon"][..],
        &["run", "stock-deamon", "true"],
        &["inspect", "--for", "stock-deamon", "token"],
        &["token", "get", "--as", "stock-deamon", "--scope", "api://stock/.default"],
    ] {
        let output = run(folder.path(), command);
        assert_eq!(output.status.code(), Some(5), "{command:?}");
        assert!(stderr(&output).contains("near it: stock-daemon"), "{}", stderr(&output));
    }
    drop(dev);
}

#[test]
fn a_domain_is_added_and_removed_and_names_nobody_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let change = |verb: &str, tenant: &str, domain: &str| {
        run(folder.path(), &["tenant", verb, tenant, domain, "-o", "json"])
    };
    let domains = |output: &std::process::Output| {
        assert!(output.status.success(), "{}", stderr(output));
        json(&String::from_utf8_lossy(&output.stdout))["domains"].clone()
    };
    let two = domains(&change("add-domain", "acme.test", "acme.example"));
    assert_eq!(two, serde_json::json!(["acme.test", "acme.example"]));
    let removed = change("remove-domain", "acme.test", "acme.example");
    assert_eq!(domains(&removed), serde_json::json!(["acme.test"]));
    assert!(
        stderr(&removed).contains("for 24 hours only Acme can have it"),
        "{}",
        stderr(&removed)
    );
    for (verb, tenant, domain, code, told) in [
        ("add-domain", "globex.test", "acme.example", 1, "within the last 24 hours"),
        ("remove-domain", "acme.test", "acme.test", 1, "only domain"),
        ("remove-domain", "acme.test", "acme.example", 5, "is no domain of Acme"),
        ("remove-domain", "nobody.test", "acme.test", 5, "there is no tenant"),
        ("remove-domain", "acme.test", "no/domain", 2, "is no domain name"),
    ] {
        let output = change(verb, tenant, domain);
        assert_eq!(output.status.code(), Some(code), "{verb} {tenant} {domain}");
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[test]
fn exit_codes_tell_what_is_missing_from_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    fs::write(folder.path().join("no-token"), "hello").unwrap();
    let here = format!("(asked: the dev instance {})", dev.base_url());
    for (command, code, told) in [
        (&["key", "revoke", "nothere"][..], 5, "no key has this kid"),
        (&["inspect", "nothere"], 5, "there is no file nothere"),
        (&["inspect", "no-token"], 2, "this is no JWT"),
        (&["app", "list", "--tenant", "nope.test"], 5, &here),
        (
            &["token", "get", "--as", "desk-app", "--scope", "api://ledger/.default"],
            2,
            "is a native application",
        ),
        (&["log"], 0, "no request that fits reached a decision"),
    ] {
        let output = run(folder.path(), command);
        assert_eq!(output.status.code(), Some(code), "{command:?} {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{command:?} {}", stderr(&output));
    }
}

#[test]
fn generated_secrets_go_to_a_private_file_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    write_manifest(folder.path(), "acme.test");
    let apply = ["apply", "-f", "stock.yaml", "--secrets-out", "secrets.tsv"];
    assert_eq!(succeed(folder.path(), &apply), "");
    let file = folder.path().join("secrets.tsv");
    assert_eq!(mode(&file), 0o600);
    assert!(fs::read_to_string(file).unwrap().starts_with("stock-daemon\t"));
    let again = run(folder.path(), &apply);
    assert_eq!(
        again.status.code(),
        Some(2),
        "what is there is not overwritten: {}",
        stderr(&again)
    );
}

#[test]
fn a_bad_manifest_is_exit_2_and_a_missing_one_5() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    fs::write(
        folder.path().join("bad.yaml"),
        "apiVersion: behalf/v1\ntenant: acme.test\nusrs: []\n",
    )
    .unwrap();
    let output = run(folder.path(), &["apply", "-f", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("bad.yaml:"), "{}", stderr(&output));
    assert_eq!(run(folder.path(), &["apply", "-f", "none.yaml"]).status.code(), Some(5));
    write_manifest(folder.path(), "nowhere.test");
    let output = run(folder.path(), &["apply", "-f", "stock.yaml"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains("there is no tenant \"nowhere.test\""), "{}", stderr(&output));
}

#[test]
fn the_log_tells_what_was_asked_and_why_it_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let url = format!("{}/acme.test/oauth2/v2.0/token", dev.base_url());
    let form = "grant_type=client_credentials&scope=api://ledger/.default\
        &client_id=dae00000-0000-4000-8000-000000000001&client_secret=";
    let client = client(&dev.ca_file());
    let (_, refused) = post(&client, &url, &format!("{form}wrong"));
    assert_eq!(post(&client, &url, &format!("{form}behalf-dev-invoice-daemon")).0, 200);
    let all = succeed(folder.path(), &["log", "--tenant", "acme.test", "--since", "1h"]);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 2, "{all}");
    assert!(lines[0].ends_with("REFUSED AADSTS7000215 at credential"), "{all}");
    assert!(lines[1].ends_with("secret  issued v2.0 [Entries.Read.All]"), "{all}");
    let id = refused["trace_id"].as_str().unwrap();
    let one = succeed(folder.path(), &["log", "--request", id]);
    assert!(one.contains("FAIL credential") && one.contains("AADSTS7000215"), "{one}");
    let page = json(&succeed(folder.path(), &["log", "-o", "json"]));
    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
    let none = "00000000-0000-7000-8000-000000000000";
    assert_eq!(run(folder.path(), &["log", "--request", none]).status.code(), Some(5));
}

#[test]
fn keys_are_listed_and_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let active = || {
        let keys = json(&succeed(folder.path(), &["key", "list", "-o", "json"]));
        let rsa = |key: &&Value| key["alg"] == "RS256" && key["state"] == "active";
        keys.as_array().unwrap().iter().find(rsa).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let before = active();
    succeed(folder.path(), &["key", "rotate"]);
    assert_eq!(active(), before, "announced first");
    succeed(folder.path(), &["key", "rotate", "--now"]);
    assert_ne!(active(), before);
    let table = succeed(folder.path(), &["key", "list"]);
    assert!(table.starts_with("KID") && table.contains("retiring"), "{table}");
}

#[test]
fn a_master_key_is_a_line_and_needs_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let line = succeed(folder.path(), &["key", "generate-master"]);
    assert!(line.starts_with("bhm1_") && line.trim_end().len() == 48, "{line}");
}

#[test]
fn production_is_administered_with_and_without_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    // No server: the data is opened for the command.
    let create = ["tenant", "create", "Example", "--domain", "example.test", "-o", "json"];
    let tenant = json(&succeed(folder.path(), &create));
    assert_eq!(tenant["domains"], serde_json::json!(["example.test"]));
    let serving = Serving::start(folder.path());
    let again = run(folder.path(), &create);
    assert_eq!(again.status.code(), Some(1), "the domain is taken: {}", stderr(&again));
    assert_eq!(mode(&folder.path().join("data/admin.sock")), 0o600);
    write_manifest(folder.path(), "example.test");
    let applied = json(&succeed(folder.path(), &["apply", "-f", "stock.yaml", "-o", "json"]));
    let url = format!("{}/example.test/oauth2/v2.0/token", serving.address);
    let client = client(&folder.path().join("cert.pem"));
    let (status, answer) = post(&client, &url, &form(&made(&applied)));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(serving.stop(), Some(0));
    let log = succeed(folder.path(), &["log", "--tenant", "example.test"]);
    assert!(log.contains("issued v2.0 [Stock.Read.All]"), "the log outlives the server: {log}");
    assert!(!folder.path().join("data/admin.sock").exists());
}
