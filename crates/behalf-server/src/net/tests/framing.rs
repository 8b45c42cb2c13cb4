//! HTTP/1.1 requests whose end a proxy in front could see elsewhere (TE-29 to TE-31).

use super::*;

const SECOND: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Sends a request with these headers and body, and another right behind it; the answers.
async fn answers(headers: &str, body: &str) -> String {
    let running = serve(&options(None, bounds()), hello).unwrap();
    let both = format!("GET / HTTP/1.1\r\n{headers}\r\n\r\n{body}{SECOND}");
    let answers = exchange(connect(running.address).await, both.as_bytes()).await;
    stop(running).await.unwrap();
    answers
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}

#[tokio::test]
async fn te_29_after_chunks_nothing_on_the_connection_is_a_request() {
    for headers in [
        "Host: a\r\nTransfer-Encoding: chunked",
        "Host: a\r\nTransfer-Encoding: Chunked\r\nContent-Length: 4",
        "Host: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
    ] {
        let answers = answers(headers, "2\r\nab\r\n0\r\n\r\n").await;
        assert_eq!(statuses(&answers), ["200"], "{headers}: {answers}");
    }
}

#[tokio::test]
async fn te_29_other_encodings_and_two_hosts_are_refused() {
    for headers in [
        "Host: a\r\nTransfer-Encoding: gzip, chunked",
        "Host: a\r\nTransfer-Encoding: chunked, chunked",
        "Host: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Host: a\r\nTransfer-Encoding: identity",
        "Host: a\r\nHost: b",
        "Host: a\r\nHost: a",
    ] {
        let answers = answers(headers, "").await;
        assert_eq!(statuses(&answers), ["400"], "{headers}: {answers}");
    }
}

#[tokio::test]
async fn te_30_of_two_lengths_neither_counts() {
    let answers = answers("Host: a\r\nContent-Length: 0\r\nContent-Length: 4", "").await;
    assert_eq!(statuses(&answers), ["400"], "{answers}");
}

#[tokio::test]
async fn a_request_with_a_length_is_followed_by_the_next() {
    let answers = answers("Host: a\r\nContent-Length: 2", "ab").await;
    assert_eq!(statuses(&answers), ["200", "200"], "{answers}");
}
