use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::retry;

/// The longest answer that is read.
const MAX_BODY: usize = 1 << 20;
/// The time for one exchange with the token service, connection included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest silence of an API in the middle of a call.
const API_SILENCE: Duration = Duration::from_mins(1);

/// Why there is no usable HTTPS client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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

/// The way to the token service: HTTPS only, no redirects, bounded in time and size.
#[derive(Debug, Clone)]
pub(crate) struct Transport(reqwest::Client);

/// An answer, read to its end.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// May hold tokens.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Transport {
    /// Trusts the authorities of `ca_file` (PEM) and no other, or those of the system.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, HttpsError> {
        let roots = match ca_file {
            Some(path) => non_empty(of_file(path)?, &path.display().to_string())?,
            None => non_empty(of_system(), "the system's store")?,
        };
        let builder = client_builder(roots)?.https_only(true).timeout(TIMEOUT);
        builder.build().map(Self).map_err(|error| HttpsError::Setup(error.to_string()))
    }

    pub(crate) async fn get(&self, url: &str, now: u64) -> Result<HttpAnswer, Error> {
        self.exchange(url, self.0.get(url), now).await
    }

    /// Posts a form, named `correlation_id` in the server's logs.
    pub(crate) async fn post(
        &self,
        url: &str,
        form: &str,
        correlation_id: &str,
        now: u64,
    ) -> Result<HttpAnswer, Error> {
        let request = self
            .0
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("client-request-id", correlation_id)
            .header("return-client-request-id", "true")
            .body(form.to_owned());
        self.exchange(url, request, now).await
    }

    async fn exchange(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
        now: u64,
    ) -> Result<HttpAnswer, Error> {
        let lost = |error: &reqwest::Error| Error::Unreachable {
            url: url.to_owned(),
            reason: with_causes(error),
            unsent: error.is_connect(),
        };
        let request = request.header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry::retry_after(status, header, now);
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                let reason = format!("it is longer than {MAX_BODY} bytes");
                return Err(Error::Answer { url: url.to_owned(), status, reason });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer { status, retry_after, body })
    }
}

/// A client for the APIs that tokens are sent to: trusts the system's authorities and those of
/// `ca_file`, follows no redirect, for the token would go with it, and gives up on an API that is
/// silent for a minute.
pub(crate) fn api_client(ca_file: Option<&Path>) -> Result<reqwest::Client, HttpsError> {
    let mut roots = of_system();
    if let Some(path) = ca_file {
        roots.extend(of_file(path)?);
    }
    let roots = non_empty(roots, "the system's store")?;
    let builder = client_builder(roots)?.connect_timeout(TIMEOUT).read_timeout(API_SILENCE);
    builder.build().map_err(|error| HttpsError::Setup(error.to_string()))
}

fn client_builder(roots: RootCertStore) -> Result<reqwest::ClientBuilder, HttpsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpsError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("behalf-client/", env!("CARGO_PKG_VERSION"))))
}

fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpsError> {
    let pem = std::fs::read(path)
        .map_err(|reason| HttpsError::CaFile { path: path.display().to_string(), reason })?;
    Ok(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect())
}

fn of_system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

fn non_empty(
    certificates: Vec<CertificateDer<'static>>,
    origin: &str,
) -> Result<RootCertStore, HttpsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() { Err(HttpsError::NoCertificates(origin.to_owned())) } else { Ok(roots) }
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
