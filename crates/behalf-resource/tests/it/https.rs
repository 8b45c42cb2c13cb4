//! Fetching over HTTPS, from a server under a CA of our own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use behalf_resource::{FetchError, Fetched, HttpsError, HttpsSource, MetadataSource as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct Server {
    address: SocketAddr,
    ca_file: NamedTempFile,
}

/// Answers each path in its own way.
fn answer(request: &str) -> Vec<u8> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (head, body) = match path {
        "/document" if request.to_ascii_lowercase().contains("if-none-match: \"v1\"") => {
            ("304 Not Modified".to_owned(), String::new())
        }
        "/document" => ("200 OK\r\netag: \"v1\"".to_owned(), "{}".to_owned()),
        "/not-modified" => ("304 Not Modified".to_owned(), String::new()),
        "/redirect" => ("302 Found\r\nlocation: /document".to_owned(), String::new()),
        "/long" => ("200 OK".to_owned(), " ".repeat((1 << 20) + 1)),
        "/unknown" => ("400 Bad Request".to_owned(), String::new()),
        "/busy" => ("429 Too Many Requests".to_owned(), String::new()),
        _ => ("500 Internal Server Error".to_owned(), String::new()),
    };
    let length = body.len();
    format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into()
}

async fn server() -> Server {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &ca).unwrap();
    let mut ca_file = NamedTempFile::new().unwrap();
    ca_file.write_all(ca.pem().as_bytes()).unwrap();

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us leaves during the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let count = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..count]);
            }
            let answer = answer(&String::from_utf8_lossy(&request));
            // A client may stop reading a long answer.
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    });
    Server { address, ca_file }
}

impl Server {
    async fn fetch(
        &self,
        source: &HttpsSource,
        path: &str,
        etag: Option<&str>,
    ) -> Result<Fetched, FetchError> {
        let url = format!("https://localhost:{}{path}", self.address.port());
        source.fetch(&url, etag).await
    }
}

#[tokio::test]
async fn documents_come_from_a_server_under_the_given_ca() {
    let server = server().await;
    let source = HttpsSource::new(Some(server.ca_file.path())).unwrap();
    let fetched = server.fetch(&source, "/document", None).await.unwrap();
    let etag = Some("\"v1\"".to_owned());
    assert_eq!(fetched, Fetched::Document { body: b"{}".to_vec(), etag });
    let fetched = server.fetch(&source, "/document", Some("\"v1\"")).await.unwrap();
    assert_eq!(fetched, Fetched::NotModified);
}

#[tokio::test]
async fn other_answers_are_refused_with_the_reason() {
    let server = server().await;
    let source = HttpsSource::new(Some(server.ca_file.path())).unwrap();
    for (path, reason) in [
        ("/redirect", "302"),
        ("/error", "500"),
        ("/unknown", "400"),
        ("/busy", "429"),
        ("/not-modified", "304"),
        ("/long", "longer than 1048576 bytes"),
    ] {
        let error = server.fetch(&source, path, None).await.unwrap_err();
        assert_eq!(error.transient, path == "/busy" || path == "/error", "{path}");
        let error = error.to_string();
        assert!(error.contains(reason), "{path}: {error}");
        assert!(error.contains(path), "the address is named: {error}");
    }
    let plain = source.fetch("http://localhost/document", None).await;
    assert!(plain.is_err(), "https only");
}

#[tokio::test]
async fn a_server_under_another_ca_is_not_trusted() {
    let (one, other) = (server().await, server().await);
    let source = HttpsSource::new(Some(one.ca_file.path())).unwrap();
    let error = other.fetch(&source, "/document", None).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(!error.transient, "a wrong CA file will not get better: {error}");
}

#[tokio::test]
async fn a_server_that_does_not_listen_may_listen_later() {
    let server = server().await;
    let source = HttpsSource::new(Some(server.ca_file.path())).unwrap();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("https://localhost:{port}/document");
    assert!(source.fetch(&url, None).await.unwrap_err().transient);
}

#[test]
fn a_ca_file_must_exist_and_hold_a_certificate() {
    let missing = HttpsSource::new(Some(Path::new("/nonexistent/ca.pem"))).unwrap_err();
    assert!(matches!(missing, HttpsError::CaFile { .. }), "{missing}");
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let empty = HttpsSource::new(Some(file.path())).unwrap_err();
    assert!(matches!(empty, HttpsError::NoCertificates(_)), "{empty}");
}
