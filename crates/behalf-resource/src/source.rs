use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The longest document that is read.
const MAX_BODY: usize = 1 << 20;
/// The time for one fetch, connection included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a fetch gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The document is the one that the `ETag` names.
    NotModified,
    /// A document.
    Document {
        /// Its bytes.
        body: Vec<u8>,
        /// Its `ETag`.
        etag: Option<String>,
    },
}

/// A document that could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{url} could not be fetched: {reason}")]
pub struct FetchError {
    /// The address.
    pub url: String,
    /// What went wrong.
    pub reason: String,
    /// Whether the same question may be answered later: nobody listened, or the answer was that of
    /// a service that is starting, busy or broken. A mistake in the configuration is not.
    pub transient: bool,
}

impl FetchError {
    pub(crate) fn definite(url: &str, reason: String) -> Self {
        Self { url: url.to_owned(), reason, transient: false }
    }
}

/// Where metadata and keys come from. Programs use [`HttpsSource`], tests recorded documents.
pub trait MetadataSource: Send + Sync + 'static {
    /// Fetches a document; with `etag`, only if it is another one.
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        etag: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;
}

/// Fetches over HTTPS: no redirects, 5 s, 1 MiB.
#[derive(Debug, Clone)]
pub struct HttpsSource {
    client: reqwest::Client,
}

/// Why there is no usable HTTPS client.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// The file of certificates cannot be read.
    #[error("the CA file {path} cannot be read: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        reason: std::io::Error,
    },
    /// No certificate authority is known.
    #[error("no usable CA certificate in {0}: expected at least one PEM block CERTIFICATE")]
    NoCertificates(String),
    /// The TLS or HTTP library refused its configuration.
    #[error("HTTPS cannot be set up: {0}")]
    Setup(String),
}

impl HttpsSource {
    /// Trusts the authorities of `ca_file` (PEM) and no other, or those of the system.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, HttpsError> {
        let setup = |error: &dyn std::fmt::Display| HttpsError::Setup(error.to_string());
        let roots = match ca_file {
            Some(path) => roots_of_file(path)?,
            None => roots_of_system()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| setup(&error))?;
        Ok(Self { client })
    }

    async fn get(&self, url: &str, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let failed = |reason, transient| FetchError { url: url.to_owned(), reason, transient };
        let broken = |error: reqwest::Error| failed(with_causes(&error), !is_mistrust(&error));
        let mut request = self.client.get(url).header(http::header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(http::header::IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await.map_err(broken)?;
        match response.status() {
            http::StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::NotModified),
            http::StatusCode::OK => {}
            status => {
                let reason = format!("the answer is {status}, expected 200");
                return Err(failed(reason, is_transient(status)));
            }
        }
        let etag = response.headers().get(http::header::ETAG);
        let etag = etag.and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(failed(format!("the answer is longer than {MAX_BODY} bytes"), false));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched::Document { body, etag })
    }
}

/// 5xx, and those of 4xx that say "not now" (RFC 9110 section 15.5.9, RFC 6585 section 4).
fn is_transient(status: http::StatusCode) -> bool {
    use http::StatusCode as Status;
    status.is_server_error()
        || matches!(status, Status::REQUEST_TIMEOUT | Status::TOO_MANY_REQUESTS)
}

/// Whether the server's certificate is another's, or of an authority that is not trusted: a wrong
/// `BEHALF_CA_FILE`, most of the time. One that is not valid yet or any more is not meant; the
/// machine's clock may be wrong for a while after it was switched on.
fn is_mistrust(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustls::{CertificateError as Certificate, Error as Tls};
    match error.downcast_ref::<Tls>() {
        Some(Tls::InvalidCertificate(
            Certificate::UnknownIssuer
            | Certificate::BadSignature
            | Certificate::NotValidForName
            | Certificate::NotValidForNameContext { .. },
        )) => true,
        Some(_) => false,
        None => match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            // `source` of an `io::Error` skips the error that it wraps.
            Some(wrapped) => is_mistrust(wrapped),
            None => error.source().is_some_and(is_mistrust),
        },
    }
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, HttpsError> {
    let name = path.display().to_string();
    let pem =
        std::fs::read(path).map_err(|reason| HttpsError::CaFile { path: name.clone(), reason })?;
    roots(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok), name)
}

fn roots_of_system() -> Result<RootCertStore, HttpsError> {
    roots(rustls_native_certs::load_native_certs().certs, "the system's store".to_owned())
}

fn roots(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    origin: String,
) -> Result<RootCertStore, HttpsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() { Err(HttpsError::NoCertificates(origin)) } else { Ok(roots) }
}

impl MetadataSource for HttpsSource {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        etag: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(self.get(url, etag))
    }
}

/// The message with those beneath it: "error sending request" alone helps nobody.
fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
