//! Where a browser may be sent (security.md H), against what people have got past others: what is
//! registered is compared letter for letter, and nothing looks alike.

use axum::body::Body;
use behalf_core::application::{Platform, Redirect};
use http::Request;

use super::browser::{Browser, Seen, WEB, request, world};
use crate::common::TestServer;

/// `web-app` with one redirect URI.
async fn registered(uri: &str) -> TestServer {
    let server = world().await;
    let redirect = Redirect::register(uri, Platform::Web).unwrap();
    server.edit(WEB, |web| web.redirects = vec![redirect]).await;
    server
}

/// Where a browser is sent that comes with `uri`; the page if nowhere.
async fn sent(server: &TestServer, uri: &str) -> Result<String, String> {
    let client = WEB.to_string();
    let path = request(&[("client_id", &client), ("redirect_uri", uri), ("prompt", "none")]);
    match Browser::new(server).open(&path).await {
        Seen::Left(location) => Ok(location),
        Seen::Page(page) => Err(page.answer.text),
    }
}

#[tokio::test]
async fn az_10_a_twin_in_another_script_or_in_punycode_is_another_host() {
    let server = registered("https://app.test/cb").await;
    let there = sent(&server, "https://app.test/cb").await.unwrap();
    assert!(there.starts_with("https://app.test/cb?"), "{there}");
    for twin in [
        "https://аpp.test/cb",         // CYRILLIC SMALL LETTER A
        "https://app。test/cb",        // IDEOGRAPHIC FULL STOP
        "https://app\u{ff0e}test/cb",  // FULLWIDTH FULL STOP
        "https://a\u{200d}pp.test/cb", // ZERO WIDTH JOINER
        "https://a\u{ad}pp.test/cb",   // SOFT HYPHEN
        "https://ａｐｐ.test/cb",      // fullwidth letters
        "https://xn--pp-7cd.test/cb",  // the first one in punycode
        "https://APP.test/cb",
        "https://app.test./cb",
        "https://app.test:443/cb",
        "https://app.test/%63b",
        "https://app.test/x/../cb",
        "https://app.test/./cb",
        "https://app.test//cb",
        "https://app.test\\cb",
        "https://app.test\\@evil.test/cb",
        "https:app.test/cb",
        "https:///app.test/cb",
        "https://app.test/cb/",
        "https://app.test/cb;x",
        "https://app.test/cb%00",
        "https://app.test/cb\r\nX-Evil: 1",
        " https://app.test/cb",
        "https://app.test/cb ",
        "https://app.test%2f@evil.test/cb",
        "https://user@app.test/cb",
    ] {
        let page = sent(&server, twin).await.unwrap_err();
        assert!(page.contains("AADSTS50011"), "{twin}: {page}");
    }
}

#[test]
fn az_10_a_host_is_registered_as_it_goes_over_the_wire() {
    for uri in ["https://аpp.test/cb", "https://app。test/cb", "https://a\u{200d}pp.test/cb"] {
        assert!(Redirect::register(uri, Platform::Web).is_err(), "{uri}");
    }
    // Punycode is what a browser sends, and is nobody's but its own.
    assert!(Redirect::register("https://xn--pp-7cd.test/cb", Platform::Web).is_ok());
}

#[tokio::test]
async fn az_09_a_registered_uri_is_no_pattern() {
    for (own, asked) in [
        ("https://app.test/cb", "https://appxtest/cb"),
        ("https://app.test/a+b", "https://app.test/aab"),
        ("https://app.test/a?b", "https://app.test/ab"),
        ("https://app.test/.", "https://app.test/x"),
    ] {
        let page = sent(&registered(own).await, asked).await.unwrap_err();
        assert!(page.contains("AADSTS50011"), "{own} {asked}");
    }
    for pattern in ["https://*.app.test/cb", "https://app.test/*", "https://app.test/(a|b)", "*"] {
        assert!(Redirect::register(pattern, Platform::Web).is_err(), "{pattern}");
    }
}

/// A request by form is answered with a redirect to the same path: whoever chooses the path must
/// not choose a host with it.
#[tokio::test]
async fn az_01_a_request_by_form_leads_to_no_other_host() {
    let server = world().await;
    for tenant in ["/evil.test", "\\evil.test", "\\/evil.test", "%5cevil.test", "%2f%2fevil.test"] {
        for path in ["oauth2/authorize", "oauth2/v2.0/authorize"] {
            let post = Request::post(format!("/{tenant}/{path}"))
                .header("content-type", "application/x-www-form-urlencoded");
            // What is no address reaches nobody.
            let Ok(post) = post.body(Body::from("client_id=x")) else { continue };
            let answer = server.send(post).await;
            assert_eq!(answer.header("location"), None, "{tenant}: {}", answer.status);
        }
    }
    let good = Request::post("/acme.test/oauth2/v2.0/authorize").body(Body::from("client_id=x"));
    let answer = server.send(good.unwrap()).await;
    let there = Some("/acme.test/oauth2/v2.0/authorize?client_id=x");
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, there));
}
