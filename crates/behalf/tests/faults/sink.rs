//! F4, F20 and the end of a process: a full disk is a 503 before anything is decided and passes by
//! itself, a log nobody reads stops nothing, SIGTERM lets a request under way finish.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::{
    cut::Disk,
    support::{Credentials, Deployment, Serving, TENANT, api, form, post},
};

async fn with_daemon(deployment: &Deployment) -> Credentials {
    let admin = deployment.admin();
    admin.apply(api()).await.unwrap();
    admin.make("daemon").await.unwrap()
}

#[tokio::test]
async fn a_full_disk_is_a_503_and_passes_by_itself() {
    let deployment = Deployment::new();
    let disk = Disk::new(deployment.path(), &deployment.data());
    let serving = deployment.serve(&disk.environment());
    let daemon = with_daemon(&deployment).await;
    let client = deployment.client();
    let ask = async || post(&client, &serving.token_url(), form(&daemon)).await.unwrap();
    let before = ask().await;
    assert!(before.is_whole(), "{before:?}");

    disk.set_full(true);
    let mut shed = Vec::new();
    for _ in 0..10 {
        let answer = ask().await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (503, &"temporarily_unavailable".into())
        );
        let seconds: u64 = answer.retry_after.as_ref().unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{answer:?}");
        assert!(answer.body.get("access_token").is_none());
        shed.push(answer.request);
    }
    let keys = format!("{}/{TENANT}/discovery/v2.0/keys", serving.address);
    assert_eq!(client.get(keys).send().await.unwrap().status(), 200, "metadata needs no disk");

    disk.set_full(false);
    let after = loop {
        let answer = ask().await;
        if answer.status != 503 {
            break answer;
        }
    };
    assert!(after.is_whole(), "{after:?}");
    assert!(deployment.admin().make("another").await.is_some(), "the store writes again too");
    let logged = deployment.admin().sign_ins(0).await;
    let count = |request: &str| logged.iter().filter(|e| e["requestId"] == *request).count();
    assert_eq!((count(&before.request), count(&after.request)), (1, 1));
    assert!(shed.iter().all(|request| count(request) == 0), "what was shed was not decided");
    serving.terminate();
    assert_eq!(serving.wait(), Some(0));
}

#[tokio::test]
async fn a_closed_standard_output_stops_nothing() {
    let deployment = Deployment::new();
    let (serving, lines) = deployment.serve_told(&[]);
    drop(lines);
    let daemon = with_daemon(&deployment).await;
    let client = deployment.client();
    for _ in 0..20 {
        let answer = post(&client, &serving.token_url(), form(&daemon)).await.unwrap();
        assert!(answer.is_whole(), "{answer:?}");
    }
    serving.terminate();
    assert_eq!(serving.wait(), Some(0));
}

#[tokio::test]
async fn sigterm_lets_a_request_under_way_finish() {
    let deployment = Deployment::new();
    let serving = deployment.serve(&[]);
    let form = form(&with_daemon(&deployment).await);
    tokio::task::spawn_blocking(move || finishes(&deployment, serving, &form)).await.unwrap();
}

fn finishes(deployment: &Deployment, serving: Serving, form: &str) {
    let mut stream = tls(deployment, &serving);
    let head = format!(
        "POST /{TENANT}/oauth2/v2.0/token HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        form.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server says so when it begins to read the body: the request is under way.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, rest) = form.split_at(20);
    stream.write_all(first.as_bytes()).unwrap();
    serving.terminate();
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    // To the end, with a close_notify: neither cut off nor reset.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "{answer}");
    assert_eq!(serving.wait(), Some(0));
}

/// A connection that is written to as one pleases.
fn tls(
    deployment: &Deployment,
    serving: &Serving,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(deployment.path().join("cert.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let address = serving.address.replace("https://localhost", "127.0.0.1");
    rustls::StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}
