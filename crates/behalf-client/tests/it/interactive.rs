//! Signing in with the browser: code, PKCE, state, nonce, `iss`, and the listener for the answer.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use behalf_client::{AccessToken, Error, Interactive, Prompt, Source};
use behalf_jose::base64url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use url::Url;

use crate::server::Reply;
use crate::world::{ACME, ALICE, NATIVE, Service, TestClock, envelope};

const READ: &str = "api://ledger/Entries.Read";

/// Starts the sign-in; gives the address the browser was sent to, and the outcome to come.
async fn begin(sign_in: Interactive) -> (Url, Outcome) {
    let (sender, opened) = oneshot::channel();
    let sign_in = sign_in.open_with(move |url| {
        sender.send(url.clone()).unwrap();
        Ok(())
    });
    let outcome = tokio::spawn(sign_in.into_future());
    (opened.await.unwrap(), outcome)
}

type Outcome = tokio::task::JoinHandle<Result<AccessToken, Error>>;

fn parameters(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// What the browser does with a redirect: GET `target` from the listener.
async fn browse(redirect_uri: &str, target: &str) -> io::Result<String> {
    let port = Url::parse(redirect_uri).unwrap().port().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn the_whole_way() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let (url, outcome) = begin(app.acquire_token_interactive([READ])).await;
    let base = &service.server.base;
    assert!(url.as_str().starts_with(&format!("{base}/{ACME}/oauth2/v2.0/authorize?")), "{url}");
    let sent = parameters(&url);
    let redirect_uri = &sent["redirect_uri"];
    assert!(redirect_uri.starts_with("http://localhost:"), "{redirect_uri}");
    for (name, value) in [
        ("client_id", NATIVE),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("scope", "api://ledger/Entries.Read offline_access openid profile"),
        ("code_challenge_method", "S256"),
        ("client_info", "1"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(sent[name].len(), 43, "{name}");
    }
    assert_eq!(sent.len(), 10, "{sent:?}");

    service.answer(service.signed_in("eyJ.alice", "rt-1", Some(&sent["nonce"])));
    let target = format!("/?code=the+code&state={}&iss={base}/{ACME}/v2.0", sent["state"]);
    let page = browse(redirect_uri, &target).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("You are signed in"), "{page}");
    assert!(!page.contains("the code"), "{page}");
    let token = outcome.await.unwrap().unwrap();
    assert_eq!((token.expose(), token.source()), ("eyJ.alice", Source::Network));
    assert_eq!(token.account().unwrap().username(), Some("alice@acme.test"));

    let form = service.token_requests().pop().unwrap().form();
    let form: HashMap<_, _> = form.into_iter().collect();
    let verifier = &form["code_verifier"];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    assert_eq!(base64url::encode(digest), sent["code_challenge"]);
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("client_id", NATIVE),
        ("code", "the code"),
        ("redirect_uri", redirect_uri),
        ("scope", "api://ledger/Entries.Read offline_access openid profile"),
        ("client_info", "1"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    assert_eq!(form.len(), 7, "no secret: {form:?}");

    let accounts = app.accounts();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].home_account_id(), format!("{ALICE}.{ACME}"));
    let silent = app.acquire_token_silent(&accounts[0], [READ]).await.unwrap();
    assert_eq!((silent.expose(), silent.source()), ("eyJ.alice", Source::Cache));
    assert!(browse(redirect_uri, &target).await.is_err(), "the listener is closed");
}

#[tokio::test]
async fn what_the_user_is_asked_for_can_be_told() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let sign_in = app
        .acquire_token_interactive([READ])
        .prompt(Prompt::SelectAccount)
        .login_hint("alice@acme.test")
        .claims(r#"{"id_token":{"acr":null}}"#);
    let (url, outcome) = begin(sign_in).await;
    let sent = parameters(&url);
    assert_eq!(sent["prompt"], "select_account");
    assert_eq!(sent["login_hint"], "alice@acme.test");
    assert_eq!(sent["claims"], r#"{"id_token":{"acr":null}}"#);
    outcome.abort();
}

#[tokio::test]
async fn strays_are_told_so_and_waited_past() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let (url, outcome) = begin(app.acquire_token_interactive([READ])).await;
    let sent = parameters(&url);
    let port = Url::parse(&sent["redirect_uri"]).unwrap().port().unwrap();
    // A connection that a browser opens ahead of need holds nobody up.
    let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let issuer = format!("{}/{ACME}/v2.0", service.server.base);
    for target in
        ["/favicon.ico", "/?code=forged&state=guessed", &format!("/?code=forged&iss={issuer}")]
    {
        let page = browse(&sent["redirect_uri"], target).await.unwrap();
        assert!(page.starts_with("HTTP/1.1 404"), "{target}: {page}");
    }
    assert!(service.token_requests().is_empty(), "no forged code is redeemed");
    service.answer(service.signed_in("eyJ.alice", "rt-1", Some(&sent["nonce"])));
    let target = format!("/?code=c1&state={}&iss={issuer}", sent["state"]);
    browse(&sent["redirect_uri"], &target).await.unwrap();
    assert_eq!(outcome.await.unwrap().unwrap().expose(), "eyJ.alice");
}

#[tokio::test]
async fn another_issuers_answer_and_another_sign_ins_token_are_refused() {
    for (issuer, nonce, text) in [
        (Some("https://evil.test/"), None, "(iss)"),
        (None, None, "(iss)"),
        (Some("own"), Some("another nonce"), "nonce"),
        (Some("own"), None, "nonce"),
    ] {
        let service = Service::start().await;
        let app = service.native_app(&TestClock::new());
        let (url, outcome) = begin(app.acquire_token_interactive([READ])).await;
        let sent = parameters(&url);
        let own = format!("{}/{ACME}/v2.0", service.server.base);
        let issuer = issuer.map(|issuer| issuer.replace("own", &own));
        let issuer = issuer.map_or(String::new(), |issuer| format!("&iss={issuer}"));
        service.answer(service.signed_in("eyJ.mallory", "rt-1", nonce));
        let target = format!("/?code=c1&state={}{issuer}", sent["state"]);
        let _ = browse(&sent["redirect_uri"], &target).await;
        let error = outcome.await.unwrap().unwrap_err();
        assert!(error.to_string().contains(text), "{text}: {error}");
        assert!(app.accounts().is_empty());
    }
}

#[tokio::test]
async fn a_user_who_declines_is_told_apart() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let (url, outcome) = begin(app.acquire_token_interactive([READ])).await;
    let sent = parameters(&url);
    let issuer = format!("{}/{ACME}/v2.0", service.server.base);
    let target = format!(
        "/?error=access_denied&error_description=AADSTS65004%3A+Declined.&state={}&iss={issuer}",
        sent["state"]
    );
    let page = browse(&sent["redirect_uri"], &target).await.unwrap();
    assert!(page.contains("You are not signed in"), "{page}");
    let error = outcome.await.unwrap().unwrap_err();
    assert_eq!(error.refusal().unwrap().codes, [65_004]);
    assert!(service.token_requests().is_empty());
}

#[tokio::test]
async fn a_code_is_redeemed_once_even_if_the_answer_is_lost() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let (url, outcome) = begin(app.acquire_token_interactive([READ])).await;
    let sent = parameters(&url);
    service.answer(Reply::new(500, envelope("server_error", 1, "Oops.")));
    let issuer = format!("{}/{ACME}/v2.0", service.server.base);
    let target = format!("/?code=c1&state={}&iss={issuer}", sent["state"]);
    browse(&sent["redirect_uri"], &target).await.unwrap();
    assert!(outcome.await.unwrap().is_err());
    assert_eq!(service.token_requests().len(), 1, "twice would look like theft");
}

#[tokio::test]
async fn neither_a_browser_nor_a_user_is_waited_for_without_end() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let nobody = app.acquire_token_interactive([READ]).open_with(|_| Ok(()));
    let error = nobody.timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut), "{error}");
    let headless = app
        .acquire_token_interactive([READ])
        .open_with(|_| Err(io::Error::new(io::ErrorKind::NotFound, "no xdg-open")));
    let error = headless.await.unwrap_err();
    assert!(error.to_string().contains("no xdg-open"), "{error}");
    assert!(error.to_string().contains("acquire_token_by_device_code"), "{error}");
}
