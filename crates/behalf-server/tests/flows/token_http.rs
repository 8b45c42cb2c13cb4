//! The token endpoint as HTTP: verbs, bodies, Basic, what is never read (rows TE of the security
//! page; V12).

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;

use crate::common::{SECRET, TestServer, encode, good, good_but};

const PATH: &str = "/acme.test/oauth2/v2.0/token";

#[tokio::test]
async fn only_post_is_answered_and_the_query_is_never_read() {
    let server = TestServer::start().await;
    let query = format!("{PATH}?{}", encode(&good()));
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let request = Request::builder().method(method).uri(&query).body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        assert_eq!(answer.refusal(), (405, "invalid_request".to_owned(), 900_561), "{method}");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let answer = server.post_body(&query, "").await;
    assert_eq!(answer.refusal().2, 900_144, "an empty body is an empty request");
    let answer = server
        .post(&format!("{PATH}?client_secret={SECRET}"), &good_but("client_secret", ""))
        .await;
    assert_eq!(answer.refusal().2, 7_000_216);
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let server = TestServer::start().await;
    let json = serde_json::json!({ "grant_type": "client_credentials" }).to_string();
    for (kind, body) in [
        (Some("application/json"), json),
        (Some("text/plain"), encode(&good())),
        (Some("multipart/form-data; boundary=x"), "--x--".to_owned()),
        (None, encode(&good())),
    ] {
        let mut request = Request::post(PATH);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = server.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned(), 9_002_313), "{kind:?}");
    }
    let request = Request::post(PATH)
        .header("content-type", "application/x-www-form-urlencoded;charset=utf-8")
        .body(Body::from(encode(&good())))
        .unwrap();
    assert_eq!(server.send(request).await.status, 200, "Node adds a charset");
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_before_it_is_read() {
    let server = TestServer::start().await;
    let endless =
        futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("a=b&".repeat(1_000)));
    let request = Request::post(PATH)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from_stream(endless))
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.refusal(), (413, "invalid_request".to_owned(), 9_002_313));
    let request = Request::post(PATH)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", "104857600")
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.send(request).await.status, 413);
}

fn basic(id: &str, secret: &str, form: &[(&str, &str)]) -> Request<Body> {
    Request::post(PATH)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
        .body(Body::from(encode(form)))
        .unwrap()
}

#[tokio::test]
async fn basic_is_a_method_of_its_own() {
    let server = TestServer::start().await;
    let id = "dae00000-0000-4000-8000-000000000001";
    let bare = [("grant_type", "client_credentials"), ("scope", "api://ledger/.default")];
    assert_eq!(server.send(basic(id, SECRET, &bare)).await.status, 200);

    let answer = server.send(basic(id, "wrong", &bare)).await;
    assert_eq!(answer.refusal().2, 7_000_215);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Basic realm="behalf""#), "RFC 6749 5.2");
    assert!(
        server
            .post(PATH, &good_but("client_secret", "wrong"))
            .await
            .header("www-authenticate")
            .is_none()
    );

    let answer = server.send(basic(id, SECRET, &good())).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned(), 90_023), "two methods");
    let other = [bare[0], bare[1], ("client_id", "a9200000-0000-4000-8000-000000000004")];
    let answer = server.send(basic(id, SECRET, &other)).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned(), 90_023), "two clients");

    for header in ["Basic !!!", "Basic", "Bearer x", "Basic bm9jb2xvbg=="] {
        let mut request = basic(id, SECRET, &bare);
        request.headers_mut().insert("authorization", header.parse().unwrap());
        assert_eq!(server.send(request).await.refusal().2, 9_002_313, "{header}");
    }
    let mut twice = basic(id, SECRET, &bare);
    twice.headers_mut().append("authorization", "Basic eDp5".parse().unwrap());
    assert_eq!(server.send(twice).await.refusal().2, 9_002_313);
}

#[tokio::test]
async fn the_hosts_a_request_names_change_nothing() {
    let server = TestServer::start().await;
    let request = Request::post(PATH)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .body(Body::from(encode(&good())))
        .unwrap();
    let answer = server.send(request).await;
    assert!(answer.token().1["iss"].as_str().unwrap().starts_with("https://localhost:8443/"));
    let request =
        Request::post(PATH).header("x-forwarded-host", "evil.example").body(Body::empty()).unwrap();
    assert!(!server.send(request).await.text.contains("evil"));
}

#[tokio::test]
async fn no_origin_is_ever_allowed_to_read_a_token() {
    let server = TestServer::start().await;
    let mut request =
        basic("dae00000-0000-4000-8000-000000000001", SECRET, &good_but("client_secret", ""));
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let answer = server.send(request).await;
    assert!(answer.header("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn unknown_paths_answer_in_the_envelope() {
    let server = TestServer::start().await;
    let answer = server.get("/acme.test/oauth2/v2.0/nothing").await;
    assert_eq!(answer.status, 404);
    assert!(answer.json()["error_codes"].is_array());
}

#[tokio::test]
async fn the_directorys_api_says_in_its_own_envelope_that_it_is_not_there() {
    let server = TestServer::start().await;
    let answer = server.get("/v1.0/applications").await;
    assert_eq!(answer.status, 404);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "ResourceNotFound");
    assert_eq!(error["innerError"]["request-id"].as_str(), answer.header("x-ms-request-id"));
}

#[tokio::test]
async fn readiness_names_its_checks() {
    let server = TestServer::start().await;
    let answer = server.get("/readyz?verbose").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, "ok   storage\nok   signing key\nok   sign-in log\nready\n")
    );
    assert_eq!(server.get("/readyz").await.text, "ready\n");
    assert_eq!(server.get("/livez").await.text, "ok\n");
}
