use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{extract::ConnectInfo, routing::get};
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

mod framing;
mod http2;

const LONG: Duration = Duration::from_secs(30);
/// A bound that is reached in these tests and that a good request keeps on a busy machine.
const SOON: Duration = Duration::from_millis(800);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn issue() -> (CertificateDer<'static>, PrivateKeyDer<'static>, String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let own = params.self_signed(&key).unwrap();
    let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    (own.der().clone(), der, own.pem(), key.serialize_pem())
}

fn options(tls: Option<Arc<Tls>>, bounds: Bounds) -> ServeOptions {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    ServeOptions { address, tls, proxies: Arc::default(), cores: 1, name: "test", bounds }
}

/// Millisecond bounds for what is to be closed, long ones for everything else.
fn bounds() -> Bounds {
    Bounds { connections: 100, handshake: LONG, request: LONG, idle: LONG, grace: LONG }
}

fn hello(_core: usize) -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn handshake(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> io::Result<TlsStream<TcpStream>> {
    handshake_for(address, trusted, &[]).await
}

async fn handshake_for(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, connect(address).await).await
}

/// Sends `request` and reads until the server closes; what it sent.
async fn exchange(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    request: &[u8],
) -> String {
    let _ = stream.write_all(request).await;
    read_to_end(stream).await
}

async fn read_to_end(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "not closed in time");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn stop(running: Running) -> Result<(), NetError> {
    running.shutdown();
    timeout(LONG, running.ended()).await.unwrap();
    running.wait()
}

#[tokio::test]
async fn a_request_over_tls_is_answered_with_the_callers_address_known() {
    let (certificate, key, _, _) = issue();
    let tls = Arc::new(Tls::from_der(vec![certificate.clone()], key).unwrap());
    let whoami = |_| {
        let handler = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
        Router::new().route("/", get(handler))
    };
    let running = serve(&options(Some(tls), bounds()), whoami).unwrap();
    let stream = handshake(running.address, &certificate).await.unwrap();
    let own = stream.get_ref().0.local_addr().unwrap().to_string();
    let answer = exchange(stream, GET_AND_CLOSE).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&own), "{answer}");
    stop(running).await.unwrap();
}

#[tokio::test]
async fn a_trusted_proxy_says_who_called_and_the_next_request_may_be_another_s() {
    let whoami = |_| {
        let handler =
            |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        Router::new().route("/", get(handler))
    };
    let proxies = Arc::new(Proxies::new(vec!["127.0.0.1".parse().unwrap()]));
    let trusting = ServeOptions { proxies, ..options(None, bounds()) };
    let running = serve(&trusting, whoami).unwrap();
    let stream = TcpStream::connect(running.address).await.unwrap();
    let requests = "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.1\r\n\r\n\
                    GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.2\r\n\
                    connection: close\r\n\r\n";
    let answers = exchange(stream, requests.as_bytes()).await;
    let seen: Vec<_> = answers.split("\r\n\r\n").skip(1).map(|body| &body[..9]).collect();
    assert_eq!(seen, ["192.0.2.1", "192.0.2.2"], "{answers}");
    stop(running).await.unwrap();
}

#[tokio::test]
async fn f17_new_connections_get_the_new_certificate_and_old_ones_live_on() {
    let dir = tempfile::TempDir::new().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let put =
        |(certificate, _, cert_pem, key_pem): (CertificateDer<'static>, _, String, String)| {
            std::fs::write(&cert, cert_pem).unwrap();
            std::fs::write(&key, key_pem).unwrap();
            certificate
        };
    let first = put(issue());
    let tls = Arc::new(Tls::from_files(&cert, &key).unwrap());
    let running = serve(&options(Some(Arc::clone(&tls)), bounds()), hello).unwrap();
    let old = handshake(running.address, &first).await.unwrap();
    let second = put(issue());
    tls.reload().unwrap();
    assert!(handshake(running.address, &first).await.is_err(), "no longer presented");
    let new = handshake(running.address, &second).await.unwrap();
    assert!(exchange(new, GET_AND_CLOSE).await.ends_with("hello"));
    assert!(exchange(old, GET_AND_CLOSE).await.ends_with("hello"));
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_01_a_slow_request_is_dropped_however_it_trickles() {
    let quick = Bounds { request: SOON, ..bounds() };
    let running = serve(&options(None, quick), hello).unwrap();
    let mut slow = connect(running.address).await;
    // A second request on a connection, so that only the guard can be what ends it.
    slow.write_all(GET).await.unwrap();
    let mut first = [0; 64];
    assert!(slow.read(&mut first).await.unwrap() > 0);
    let (mut from, mut to) = slow.split();
    let trickle = async {
        for byte in GET.iter().cycle() {
            if to.write_all(&[*byte; 1]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            if *byte == b'1' {
                // Never the end of the head.
                std::future::pending::<()>().await;
            }
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = trickle => {}
        closed = timeout(LONG, from.read_to_end(&mut rest)) => drop(closed.unwrap()),
    }
    let good = exchange(connect(running.address).await, GET_AND_CLOSE).await;
    assert!(good.ends_with("hello"));
    stop(running).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_dropped_with_and_without_tls() {
    let (certificate, key, _, _) = issue();
    let tls = Arc::new(Tls::from_der(vec![certificate], key).unwrap());
    let quick = Bounds {
        request: Duration::from_millis(20),
        handshake: Duration::from_millis(20),
        ..bounds()
    };
    for tls in [None, Some(tls)] {
        let running = serve(&options(tls, quick), hello).unwrap();
        let silent = connect(running.address).await;
        assert_eq!(read_to_end(silent).await, "");
        stop(running).await.unwrap();
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_its_time_and_then_closed() {
    let quick = Bounds { idle: SOON, ..bounds() };
    let running = serve(&options(None, quick), hello).unwrap();
    let answers = exchange(connect(running.address).await, GET).await;
    assert!(answers.ends_with("hello"), "answered, kept, then closed: {answers}");
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_04_when_there_are_too_many_the_longest_silent_is_closed() {
    // Spared: connections active within a tenth of a request's time.
    let few = Bounds { connections: 8, request: SOON, ..bounds() };
    let running = serve(&options(None, few), hello).unwrap();
    let mut first_answers = Vec::new();
    for _ in 0..24 {
        let mut stream = connect(running.address).await;
        stream.write_all(GET).await.unwrap();
        let mut answer = [0; 512];
        let n = stream.read(&mut answer).await.unwrap();
        assert!(n > 0, "a good client always gets in");
        first_answers.push(stream);
        tokio::time::sleep(SOON / 8).await;
    }
    let newest = first_answers.pop().unwrap();
    let oldest = first_answers.remove(0);
    assert_eq!(read_to_end(oldest).await, "", "closed");
    assert!(exchange(newest, GET_AND_CLOSE).await.ends_with("hello"), "kept");
    stop(running).await.unwrap();
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = serve(&options(None, bounds()), hello).unwrap();
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    let answer = exchange(connect(running.address).await, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(100));
    let answer = exchange(connect(running.address).await, many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let good = exchange(connect(running.address).await, GET_AND_CLOSE).await;
    assert!(good.ends_with("hello"));
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_04_a_handshake_without_a_request_is_dropped() {
    let (certificate, key, _, _) = issue();
    let tls = Arc::new(Tls::from_der(vec![certificate.clone()], key).unwrap());
    let quick = Bounds { request: SOON, ..bounds() };
    let running = serve(&options(Some(tls), quick), hello).unwrap();
    let silent = handshake(running.address, &certificate).await.unwrap();
    assert_eq!(read_to_end(silent).await, "");
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_03_who_does_not_read_the_answer_is_dropped() {
    let quick = Bounds { request: Duration::from_millis(40), ..bounds() };
    let large = |_| Router::new().route("/", get(|| async { vec![0_u8; 64 * 1024 * 1024] }));
    let running = serve(&options(None, quick), large).unwrap();
    let mut lazy = connect(running.address).await;
    lazy.write_all(GET).await.unwrap();
    // Closed by the server although we never read: writing fails at some point.
    let closed = async {
        while lazy.write_all(GET).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, closed).await.unwrap();
    stop(running).await.unwrap();
}

#[tokio::test]
async fn health_and_metrics_are_served_in_plain_http() {
    let running = serve_plain(SocketAddr::from(([127, 0, 0, 1], 0)), hello(0), bounds()).unwrap();
    let answer = exchange(connect(running.address).await, GET_AND_CLOSE).await;
    assert!(answer.ends_with("hello"), "{answer}");
    stop(running).await.unwrap();
}

#[tokio::test]
async fn f15_what_is_under_way_is_answered_and_nothing_new_is_accepted() {
    let (arrived, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (at_handler, wait) = (Arc::clone(&arrived), Arc::clone(&go));
    let slow = move |_| {
        let (arrived, go) = (Arc::clone(&at_handler), Arc::clone(&wait));
        let handler = move || async move {
            arrived.add_permits(1);
            drop(go.acquire().await);
            "finished"
        };
        Router::new().route("/", get(handler))
    };
    let running = serve(&options(None, bounds()), slow).unwrap();
    let address = running.address;
    let mut under_way = connect(address).await;
    under_way.write_all(GET).await.unwrap();
    drop(arrived.acquire().await);
    running.shutdown();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.add_permits(1);
    assert!(read_to_end(under_way).await.ends_with("finished"), "and then closed");
    timeout(LONG, running.ended()).await.unwrap();
    running.wait().unwrap();
}

#[tokio::test]
async fn what_does_not_finish_in_the_grace_is_closed() {
    let never = |_| {
        Router::new().route("/", get(|| async { std::future::pending::<&'static str>().await }))
    };
    let short = Bounds { grace: Duration::from_millis(20), ..bounds() };
    let running = serve(&options(None, short), never).unwrap();
    let mut hanging = connect(running.address).await;
    hanging.write_all(GET).await.unwrap();
    stop(running).await.unwrap();
    assert_eq!(read_to_end(hanging).await, "");
}

#[tokio::test]
async fn cores_share_a_port_and_each_builds_its_own_router() {
    let built = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&built);
    let own = move |core: usize| {
        count.fetch_add(1 << (8 * core), Ordering::SeqCst);
        let name = std::thread::current().name().map(str::to_owned).unwrap();
        Router::new().route("/", get(move || async move { name }))
    };
    let running = serve(&ServeOptions { cores: 2, ..options(None, bounds()) }, own).unwrap();
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let answer = exchange(connect(running.address).await, GET_AND_CLOSE).await;
        seen.insert(answer.rsplit("\r\n").next().unwrap().to_owned());
        if seen.len() == 2 {
            break;
        }
    }
    assert_eq!(seen, HashSet::from(["test-0".to_owned(), "test-1".to_owned()]));
    assert_eq!(built.load(Ordering::SeqCst), 0x0101);
    stop(running).await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named_even_if_this_program_has_it() {
    let first = serve(&ServeOptions { cores: 2, ..options(None, bounds()) }, hello).unwrap();
    let again = ServeOptions { address: first.address, cores: 2, ..options(None, bounds()) };
    let error = serve(&again, hello).unwrap_err();
    assert!(matches!(error, NetError::AddressInUse(address) if address == first.address));
    let port = first.address.port();
    assert_eq!(error.to_string(), format!("port {port} is in use on 127.0.0.1"));
    stop(first).await.unwrap();
    let second = serve(&again, hello).unwrap();
    stop(second).await.unwrap();
}

#[tokio::test]
async fn a_core_that_panics_ends_the_server_and_says_so() {
    let one_bad = |core| if core == 1 { panic!("planted") } else { hello(core) };
    let running = serve(&ServeOptions { cores: 2, ..options(None, bounds()) }, one_bad).unwrap();
    timeout(LONG, running.ended()).await.unwrap();
    assert!(matches!(running.wait(), Err(NetError::Panicked)));
}
