//! `behalf token login`, `obo` and `refresh`: what people see, and who is refused how.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Output, Stdio},
};

use behalf_jose::base64url;
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Seen},
    support::{Dev, behalf, client, run, stderr, succeed},
};

const ORDERS: &str = "api://orders/.default";
const ENTRIES: &str = "api://ledger/Entries.Read";

/// Runs `behalf token login` and plays the browser against the address that it prints.
fn login(dev: &Dev, folder: &Path, arguments: &[&str]) -> (Output, String, Vec<String>) {
    let mut command = behalf(folder);
    command.args(["token", "login", "--no-browser"]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("/authorize?") {
        assert_ne!(lines.read_line(&mut told).unwrap(), 0, "no address: {told}");
    }
    let url = told.lines().last().unwrap().parse().unwrap();
    let mut browser =
        Browser::new(client_without_redirects(&dev.ca_file()), dev.base_url()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = runtime.block_on(async {
        let walk = browser.walk(&url, ("bob@acme.test", "behalf-dev")).await.unwrap();
        browser.bring(&walk.left).await.unwrap();
        walk.asked
    });
    assert!(browser.requests > 3);
    lines.read_to_string(&mut told).unwrap();
    (child.wait_with_output().unwrap(), told, asked)
}

pub(crate) fn client_without_redirects(ca_file: &Path) -> reqwest::Client {
    // The helper's client would follow the browser's redirects by itself.
    let _ = client(ca_file);
    let pem = std::fs::read(ca_file).unwrap();
    let ca = reqwest::Certificate::from_pem(&pem).unwrap();
    let builder = reqwest::Client::builder().tls_certs_only([ca]).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// The answer of a sign-in of bob at desk-app.
fn signed_in(dev: &Dev, folder: &Path) -> String {
    let (output, told, _) =
        login(dev, folder, &["--as", "desk-app", "--scope", ORDERS, "-o", "json"]);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command with something on its standard input.
fn fed(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = behalf(folder);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn claims(token: &str) -> Value {
    let part = token.trim().split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap()
}

#[test]
fn a_user_signs_in_and_his_token_goes_through_the_apis() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let arguments = ["--as", "desk-app", "--user", "bob@acme.test", "--scope", ORDERS];
    let (output, told, asked) = login(&dev, folder.path(), &arguments);
    let token = text(&output);
    assert_eq!(token.lines().count(), 1, "nothing but the token");
    assert!(told.starts_with("Sign in at:\nhttps://localhost:"), "{told}");
    assert!(told.contains("login_hint=bob%40acme.test"), "{told}");
    assert_eq!(
        asked,
        [
            "desk-app asks to use orders-api in your name: Read your orders (Orders.Read)",
            "orders-api, when desk-app calls it, asks to use ledger-api in your name: Read your ledger entries (Entries.Read)",
        ]
    );
    let bob = claims(&token);
    assert_eq!(
        (&bob["scp"], &bob["preferred_username"]),
        (&json!("Orders.Read"), &json!("bob@acme.test"))
    );

    let obo = ["token", "obo", "--as", "orders-api", "--scope", ENTRIES];
    let next = text(&fed(folder.path(), &obo, &token));
    let next = claims(&next);
    assert_eq!(
        (&next["aud"], &next["scp"], &next["oid"]),
        (&json!("a9200000-0000-4000-8000-000000000004"), &json!("Entries.Read"), &bob["oid"])
    );
    std::fs::write(folder.path().join("bob"), &token).unwrap();
    let arguments = [&obo[..], &["--token-file", "bob", "-o", "json"]].concat();
    let answer: Value = serde_json::from_str(&succeed(folder.path(), &arguments)).unwrap();
    assert_eq!(answer["scope"], ENTRIES);
    assert!(answer.get("refresh_token").is_none(), "it was not asked for");
}

#[test]
fn a_refresh_token_is_redeemed_by_whom_it_was_issued_to() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let answer = signed_in(&dev, folder.path());
    let refresh = ["token", "refresh", "--as", "desk-app", "--scope", "api://orders/Orders.Read"];
    let token = text(&fed(folder.path(), &refresh, &answer));
    assert_eq!(claims(&token)["scp"], "Orders.Read");

    // An API that works for the user goes on without him.
    let scope = format!("{ENTRIES} offline_access");
    let obo = ["token", "obo", "--as", "orders-api", "--scope", &scope, "-o", "json"];
    let kept = text(&fed(folder.path(), &obo, &answer));
    let refresh = ["token", "refresh", "--as", "orders-api", "--scope", ENTRIES, "-o", "json"];
    let renewed: Value = serde_json::from_str(&text(&fed(folder.path(), &refresh, &kept))).unwrap();
    assert_eq!(claims(renewed["access_token"].as_str().unwrap())["scp"], "Entries.Read");
    assert!(renewed["refresh_token"].is_string());

    // It is nobody else's.
    let refresh = ["token", "refresh", "--as", "desk-app", "--scope", "api://orders/Orders.Read"];
    let stolen = fed(folder.path(), &refresh, &kept);
    assert_eq!(stolen.status.code(), Some(4), "{}", stderr(&stolen));
    assert!(stderr(&stolen).contains("invalid_grant"), "{}", stderr(&stolen));
    assert!(stolen.stdout.is_empty());
}

#[test]
fn refusals_are_told_with_their_exit_code_and_the_way_to_their_explanation() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let bob = signed_in(&dev, folder.path());
    let app_only = succeed(
        folder.path(),
        &["token", "get", "--as", "invoice-daemon", "--scope", "api://orders/.default"],
    );
    let obo = |scope: &'static str| ["token", "obo", "--as", "orders-api", "--scope", scope];
    for (command, input, code, told) in [
        (&obo("api://ledger/Entries.Post")[..], bob.as_str(), 4, "AADSTS65001"),
        (&obo("api://ledger/Nothing"), &bob, 4, "AADSTS70011"),
        (&obo("api://nowhere/.default"), &bob, 4, "AADSTS500011"),
        (&obo(ENTRIES), &app_only, 4, "AADSTS7000114"),
        (&obo(ENTRIES), "a.b.c", 4, "AADSTS"),
        (&obo("api://ledger/\"x\""), &bob, 2, "is no scope"),
        (&obo(ENTRIES), "", 2, "no token was given"),
        (&obo(ENTRIES), "two words", 2, "more than one word"),
        (&obo(ENTRIES), "{\"error\":\"x\"}", 2, "holds no access token"),
        (&["token", "obo", "--as", "desk-app", "--scope", ENTRIES], &bob, 2, "native application"),
        (
            &["token", "obo", "--as", "ledger-api", "--scope", ENTRIES],
            &bob,
            2,
            "no secret was given",
        ),
        (&["token", "refresh", "--as", "desk-app", "--scope", ENTRIES], "a.b.c.d.e", 4, "AADSTS"),
        (&["token", "refresh", "--as", "desk-app", "--scope", ENTRIES], "", 2, "no refresh token"),
        (
            &["token", "login", "--as", "orders-api", "--scope", ORDERS],
            "",
            2,
            "no native application",
        ),
        (&["token", "login", "--as", "nobody", "--scope", ORDERS], "", 5, "no application has"),
    ] {
        let output = fed(folder.path(), command, input);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{command:?}: {text}");
        assert!(text.contains(told), "{command:?}: {text}");
        assert!(output.stdout.is_empty(), "{command:?}");
        assert_eq!(text.contains("Try: behalf explain"), code == 4, "{text}");
        assert!(!text.contains("behalf-dev-orders-api"), "{text}");
    }
    let obo = obo(ENTRIES);
    let missing = [&obo[..], &["--token-file", "nothere"]].concat();
    assert_eq!(run(folder.path(), &missing).status.code(), Some(5));
}

#[test]
fn the_command_that_explains_a_refusal_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let bob = signed_in(&dev, folder.path());
    let obo = ["token", "obo", "--as", "orders-api", "--scope", "api://ledger/Entries.Post"];
    assert_eq!(fed(folder.path(), &obo, &bob).status.code(), Some(4));
    let explained = succeed(folder.path(), &["explain", "65001", "--last"]);
    assert!(explained.contains("orders-api for bob@acme.test -> api://ledger"), "{explained}");
    let line = explained.lines().find_map(|line| line.trim().strip_prefix("command")).unwrap();
    let command: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(
        command,
        ["grant", "orders-api", "--admin", "ledger-api:Entries.Post", "--tenant", "acme.test"]
    );
    succeed(folder.path(), &command);
    let token = text(&fed(folder.path(), &obo, &bob));
    assert_eq!(claims(&token)["scp"], "Entries.Post");
}

#[test]
fn a_user_signs_in_on_another_device() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let mut command = behalf(folder.path());
    command.args(["token", "login", "--device", "--as", "desk-app", "--scope", ORDERS]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut told).unwrap();
    let after = |word: &str| {
        let (_, rest) = told.split_once(word).unwrap_or_else(|| panic!("no {word:?}: {told}"));
        rest.split_whitespace().next().unwrap().trim_end_matches('.').to_owned()
    };
    let (page, code) = (format!("https{}", after("https")), after("the code "));
    let mut browser =
        Browser::new(client_without_redirects(&dev.ca_file()), dev.base_url()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let headings = runtime.block_on(async {
        let mut headings = Vec::new();
        let mut seen = browser.open(&page.parse().unwrap()).await.unwrap();
        while let Seen::Page(page) = seen {
            let heading = page.heading();
            let fields: &[(&str, &str)] = match heading.as_str() {
                "Sign in to desk-app" => {
                    &[("username", "bob@acme.test"), ("password", "behalf-dev"), ("do", "sign-in")]
                }
                "Enter the code that your device shows" => &[("user_code", &code)],
                "Sign in to desk-app on your other device?" => &[("do", "continue")],
                "Allow desk-app?" => &[("do", "accept")],
                _ => {
                    headings.push(heading);
                    break;
                }
            };
            seen = browser.submit(&page, fields).await.unwrap();
            headings.push(heading);
        }
        headings
    });
    assert_eq!(
        headings,
        [
            "Enter the code that your device shows",
            "Sign in to desk-app",
            "Sign in to desk-app on your other device?",
            "Allow desk-app?",
            "You are signed in to desk-app on your device",
        ]
    );
    let token = text(&child.wait_with_output().unwrap());
    assert_eq!(claims(&token)["preferred_username"], "bob@acme.test");
}
