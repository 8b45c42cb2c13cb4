//! Ids: one per request of ours, one of the client's, and where each appears.

use axum::body::Body;
use http::Request;

use crate::common::{TestServer, encode, good, good_but};

const PATH: &str = "/acme.test/oauth2/v2.0/token";
const SENT: &str = "0190c1de-0000-4000-8000-000000000001";

fn request(path: &str) -> http::request::Builder {
    Request::post(path).header("content-type", "application/x-www-form-urlencoded")
}

#[tokio::test]
async fn the_clients_id_comes_back_from_header_query_and_form() {
    let server = TestServer::start().await;
    let wrong = encode(&good_but("client_secret", "wrong"));
    let header = request(PATH).header("client-request-id", SENT);
    let query = request(&format!("{PATH}?client-request-id={SENT}"));
    let in_form = format!("{wrong}&client-request-id={SENT}");
    for (builder, body) in
        [(header, wrong.clone()), (query, wrong.clone()), (request(PATH), in_form)]
    {
        let answer = server.send(builder.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.json()["correlation_id"], SENT);
        assert!(answer.header("client-request-id").is_none(), "echoed only when asked for");
    }
    let no_guid = request(PATH).header("client-request-id", "<script>");
    let answer = server.send(no_guid.body(Body::from(wrong)).unwrap()).await;
    assert_eq!(answer.json()["correlation_id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn it_is_echoed_as_a_header_when_asked_for() {
    let server = TestServer::start().await;
    let builder =
        request(PATH).header("client-request-id", SENT).header("return-client-request-id", "true");
    let answer = server.send(builder.body(Body::from(encode(&good()))).unwrap()).await;
    assert_eq!(answer.header("client-request-id"), Some(SENT));
}

#[tokio::test]
async fn the_tokens_uti_is_the_requests_id() {
    let server = TestServer::start().await;
    let answer = server.post(PATH, &good()).await;
    let id: uuid::Uuid = answer.header("x-ms-request-id").unwrap().parse().unwrap();
    let uti = answer.token().1["uti"].as_str().unwrap().to_owned();
    assert_eq!(uti, behalf_jose::base64url::encode(id.as_bytes()));
    assert_eq!(id.get_version_num(), 7);
}
