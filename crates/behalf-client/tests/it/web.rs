//! Users sign in to a web application: what the browser is sent with, and what is taken from it.

use std::collections::HashMap;

use behalf_client::{ConfidentialClient, Error, WebSignIn};

use crate::world::{ACME, ALICE, DAEMON, GLOBEX, Service, TestClock};

const READ: &str = "api://ledger/Entries.Read";
const BACK: &str = "https://reports.test/signed-in";

async fn start(app: &ConfidentialClient) -> (WebSignIn, HashMap<String, String>) {
    let started = app.start_sign_in([READ], BACK).await.unwrap();
    let sent = started.url().query_pairs().into_owned().collect();
    (started, sent)
}

#[tokio::test]
async fn the_whole_way() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let (started, sent) = start(&app).await;
    assert_eq!(started.state(), sent["state"]);
    for (name, value) in [
        ("client_id", DAEMON),
        ("redirect_uri", BACK),
        ("scope", "api://ledger/Entries.Read offline_access openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    service.answer(service.signed_in_to(DAEMON, "eyJ.alice", Some(&sent["nonce"])));
    let query = format!("code=c1&state={}&iss={}/{ACME}/v2.0", sent["state"], service.server.base);
    let token = app.finish_sign_in(started, &query).await.unwrap();
    assert_eq!(token.expose(), "eyJ.alice");
    let account = token.account().unwrap();
    assert_eq!(account.home_account_id(), format!("{ALICE}.{ACME}"));

    let form: HashMap<_, _> = service.token_requests().pop().unwrap().form().into_iter().collect();
    assert_eq!((form["code"].as_str(), form["redirect_uri"].as_str()), ("c1", BACK));
    assert!(form.contains_key("client_secret") && form["code_verifier"].len() == 43);
}

#[tokio::test]
async fn with_organizations_the_id_token_says_which_tenant() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new()).for_tenant("organizations").unwrap();
    let (started, sent) = start(&app).await;
    assert!(started.url().path().starts_with("/organizations/"), "{}", started.url());
    service.answer(service.signed_in_to(DAEMON, "eyJ.alice", Some(&sent["nonce"])));
    let base = &service.server.base;
    let query = format!("code=c1&state={}&iss={base}/{{tenantid}}/v2.0", sent["state"]);
    let token = app.finish_sign_in(started, &query).await.unwrap();
    assert_eq!(token.account().unwrap().tenant().to_string(), ACME);
}

#[tokio::test]
async fn what_is_not_the_answer_redeems_nothing() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let base = service.server.base.clone();
    for (query, text) in [
        ("", "(state)"),
        ("code=c1&iss=ISS", "(state)"),
        ("code=c1&state=guessed&iss=ISS", "(state)"),
        ("code=c1&state=STATE", "(iss)"),
        ("code=c1&state=STATE&iss=https://evil.test/", "(iss)"),
        ("code=c1&state=STATE&iss=BASE/GLOBEX/v2.0", "(iss)"),
        ("state=STATE&iss=ISS", "neither a code nor an error"),
        ("error=access_denied&error_description=AADSTS65004%3A+x&state=STATE&iss=ISS", "65004"),
    ] {
        let (started, sent) = start(&app).await;
        let query = query.replace("STATE", &sent["state"]);
        let query = query.replace("ISS", &format!("{base}/{ACME}/v2.0"));
        let query = query.replace("BASE", &base).replace("GLOBEX", GLOBEX);
        let error = app.finish_sign_in(started, &query).await.unwrap_err();
        assert!(error.to_string().contains(text), "{query}: {error}");
    }
    assert!(service.token_requests().is_empty());
}

#[tokio::test]
async fn another_sign_ins_id_token_is_refused() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let iss = format!("{}/{ACME}/v2.0", service.server.base);
    for (audience, own_nonce) in [(ALICE, true), (DAEMON, false)] {
        let (started, sent) = start(&app).await;
        let nonce = if own_nonce { sent["nonce"].as_str() } else { "another" };
        service.answer(service.signed_in_to(audience, "eyJ.mallory", Some(nonce)));
        let query = format!("code=c1&state={}&iss={iss}", sent["state"]);
        let error = app.finish_sign_in(started, &query).await.unwrap_err();
        assert!(matches!(error, Error::IdToken(_)), "{error}");
    }
}
