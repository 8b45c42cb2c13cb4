use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use behalf_jose::{Algorithm, Certificate, Sha256Thumbprint, SigningKey, base64url};
use uuid::Uuid;

use crate::error::Error;
use crate::request::Form;
use crate::secret::Secret;

/// How long a client assertion is valid, as the platform's own clients have it.
const ASSERTION_LIFETIME: u64 = 600;
/// A clock that is ahead of the server's must not make an assertion "not yet valid".
const ASSERTION_BACKDATING: u64 = 60;

/// A credential that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("the credential file {path} cannot be read: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: std::io::Error,
    },
    /// No private key that can sign assertions.
    #[error(
        "{origin} holds no usable private key: expected an RSA key as PEM, not encrypted ({reason})"
    )]
    Key {
        /// The file, or "the PEM text".
        origin: String,
        /// Why.
        reason: String,
    },
    /// No certificate.
    #[error("{origin} holds no usable certificate: {reason}")]
    Certificate {
        /// The file, or "the PEM text".
        origin: String,
        /// Why.
        reason: String,
    },
    /// The private key is not that of the certificate.
    #[error("the private key and the certificate in {0} do not belong together")]
    Mismatch(String),
}

/// What a client proves itself with. `Debug` tells the kind only.
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Secret(Secret),
    Certificate(Arc<Signer>),
    CertificateFile(Arc<CertificateFile>),
    FederatedFile(PathBuf),
    Assertion(AssertionFn),
}

struct Signer {
    key: SigningKey,
    header: String,
    /// Of the PEM text.
    digest: Sha256Thumbprint,
}

/// A PEM file and what it held when it was last usable.
struct CertificateFile {
    path: PathBuf,
    signer: Mutex<Arc<Signer>>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type AssertionFuture = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;
type AssertionFn = Arc<dyn Fn(AssertionRequest) -> AssertionFuture + Send + Sync>;

/// What a client assertion is needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionRequest {
    /// The application id: `iss` and `sub` of an assertion the client signs itself.
    pub client_id: String,
    /// `aud`: the token endpoint, which is known to be on the authority's own host.
    pub token_endpoint: String,
}

impl Credential {
    /// A client secret, sent in the body of the request.
    pub fn secret(secret: impl Into<String>) -> Self {
        Self(Kind::Secret(Secret::from(secret)))
    }

    /// A PEM file with an unencrypted RSA private key and its certificate, in any order. Each
    /// request is signed for (PS256, `x5t#S256`); the key never leaves the process. A file that
    /// has changed is taken at the next token request; one that is broken then changes nothing.
    pub fn certificate_pem_file(path: impl AsRef<Path>) -> Result<Self, CredentialError> {
        let (path, name) = (path.as_ref().to_owned(), path.as_ref().display().to_string());
        let pem = std::fs::read_to_string(&path)
            .map(Secret::from)
            .map_err(|reason| CredentialError::File { path: name.clone(), reason })?;
        let signer = Mutex::new(Arc::new(Signer::new(pem.expose(), &name)?));
        Ok(Self(Kind::CertificateFile(Arc::new(CertificateFile { path, signer }))))
    }

    /// As [`certificate_pem_file`](Self::certificate_pem_file), from a text.
    pub fn certificate_pem(pem: &str) -> Result<Self, CredentialError> {
        Signer::new(pem, "the PEM text").map(|signer| Self(Kind::Certificate(Arc::new(signer))))
    }

    /// A file with a JWT of another issuer that the application trusts (workload identity
    /// federation). Read anew for each token request, for its writer renews it.
    pub fn federated_file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::FederatedFile(path.into()))
    }

    /// Asks `assertion` for a client assertion (RFC 7523) each time one is needed: a key in an HSM,
    /// or a token of another issuer.
    pub fn assertion_fn<F, R, E>(assertion: F) -> Self
    where
        F: Fn(AssertionRequest) -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let assertion = Arc::new(assertion);
        Self(Kind::Assertion(Arc::new(move |request| {
            let assertion = Arc::clone(&assertion);
            Box::pin(async move { assertion(request).await.map_err(Into::into) })
        })))
    }

    /// Adds the client's authentication to a request.
    pub(crate) async fn authenticate(
        &self,
        request: AssertionRequest,
        form: &mut Form,
        now: u64,
        id: Uuid,
    ) -> Result<(), Error> {
        let assertion = match &self.0 {
            Kind::Secret(secret) => {
                form.add_secret("client_secret", secret.clone());
                return Ok(());
            }
            Kind::Certificate(signer) => signer.assertion(&request, now, id)?,
            Kind::CertificateFile(file) => file.signer().await.assertion(&request, now, id)?,
            Kind::FederatedFile(path) => {
                let text = tokio::fs::read_to_string(path).await.map_err(|reason| {
                    let path = path.display();
                    Error::Credential(format!("the token file {path} cannot be read: {reason}"))
                })?;
                Secret::from(text.trim())
            }
            Kind::Assertion(assertion) => {
                let text = assertion(request).await;
                Secret::from(text.map_err(|error| Error::Credential(error.to_string()))?)
            }
        };
        if assertion.expose().is_empty() {
            return Err(Error::Credential("the client assertion is empty".to_owned()));
        }
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.add("client_assertion_type", kind);
        form.add_secret("client_assertion", assertion);
        Ok(())
    }
}

impl CertificateFile {
    /// The signer of what the file holds now.
    async fn signer(&self) -> Arc<Signer> {
        let current = Arc::clone(&crate::lock(&self.signer));
        let name = self.path.display().to_string();
        let found = match tokio::fs::read_to_string(&self.path).await.map(Secret::from) {
            Ok(pem) if Sha256Thumbprint::of(pem.expose().as_bytes()) == current.digest => {
                return current;
            }
            Ok(pem) => Signer::new(pem.expose(), &name),
            Err(reason) => Err(CredentialError::File { path: name, reason }),
        };
        match found {
            Ok(renewed) => {
                let renewed = Arc::new(renewed);
                *crate::lock(&self.signer) = Arc::clone(&renewed);
                renewed
            }
            Err(error) => {
                tracing::warn!(%error, "the certificate stays as it was");
                current
            }
        }
    }
}

impl Signer {
    fn new(pem: &str, origin: &str) -> Result<Self, CredentialError> {
        let owned = || origin.to_owned();
        let key = SigningKey::from_pem(Algorithm::Ps256, pem)
            .map_err(|error| CredentialError::Key { origin: owned(), reason: error.to_string() })?;
        let unusable = |reason: String| CredentialError::Certificate { origin: owned(), reason };
        let certificate =
            Certificate::from_pem(pem).map_err(|error| unusable(error.to_string()))?;
        let public = certificate.verifying_key().map_err(|error| unusable(error.to_string()))?;
        let (own, certified) = (key.public_jwk(), public.to_jwk());
        if (own.n, own.e) != (certified.n, certified.e) {
            return Err(CredentialError::Mismatch(owned()));
        }
        let thumbprint = certificate.sha256_thumbprint().to_base64url();
        let header = serde_json::json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
        let digest = Sha256Thumbprint::of(pem.as_bytes());
        Ok(Self { key, header: base64url::encode(header.to_string()), digest })
    }

    /// "I am this application", for this token endpoint, for ten minutes (RFC 7523 section 3).
    fn assertion(&self, request: &AssertionRequest, now: u64, id: Uuid) -> Result<Secret, Error> {
        let claims = serde_json::json!({
            "aud": request.token_endpoint,
            "iss": request.client_id,
            "sub": request.client_id,
            "jti": id.to_string(),
            "iat": now,
            "nbf": now.saturating_sub(ASSERTION_BACKDATING),
            "exp": now + ASSERTION_LIFETIME,
        });
        let message = format!("{}.{}", self.header, base64url::encode(claims.to_string()));
        let signature = self.key.sign(message.as_bytes());
        let signature = signature.map_err(|error| Error::Credential(error.to_string()))?;
        Ok(Secret::from(format!("{message}.{}", base64url::encode(signature))))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Secret(_) => "Credential::secret",
            Kind::Certificate(_) | Kind::CertificateFile(_) => "Credential::certificate",
            Kind::FederatedFile(_) => "Credential::federated_file",
            Kind::Assertion(_) => "Credential::assertion_fn",
        })
    }
}
