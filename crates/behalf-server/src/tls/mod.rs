//! The server's TLS: one rustls configuration for all cores, whose certificate can be exchanged
//! while it runs (F17).
//!
//! TLS 1.2 and 1.3 by aws-lc-rs, asked for by name and never through the process-wide default, so
//! that what another library installs changes nothing here.

mod pair;
mod watch;

pub use watch::POLL;

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use self::pair::{Files, Seen};
use crate::telemetry::{Sample, SampleKind};

/// Why a certificate and key cannot be used. Holds no part of the key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {error}; check that it exists and that the server may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file is larger than any certificate chain.
    #[error("{} is larger than 1 MiB; expected a PEM file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The certificate file holds no certificate.
    #[error("{} holds no certificate; expected PEM blocks -----BEGIN CERTIFICATE-----, the server's own first", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key file holds no private key.
    #[error("{} holds no private key; expected one unencrypted PEM block -----BEGIN PRIVATE KEY-----", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is not the certificate's.
    #[error("the private key is not the certificate's; use the two files of one issue")]
    Mismatch,
    /// The certificate or the key is of a kind that TLS cannot use.
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// What looking for a new certificate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The files are what they were.
    Unchanged,
    /// New handshakes get the new certificate.
    Changed,
}

/// A server certificate that can be exchanged, and the TLS configuration that presents it.
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    files: Option<Files>,
    seen: Mutex<Option<Seen>>,
    reloads: AtomicU64,
    failures: AtomicU64,
}

/// The certificate that handshakes present now.
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current(…)")
    }
}

impl Tls {
    /// The certificate chain (own first) and private key in two PEM files. They are read again by
    /// [`Tls::reload`].
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.into(), key: key.into() };
        let (pair, seen) = files.read()?;
        let tls = Self::new(pair.certified(&provider())?)?;
        Ok(Self { files: Some(files), seen: Mutex::new(Some(seen)), ..tls })
    }

    /// A chain (own first) and key in memory; they never change.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        Self::new(pair::certified(chain, key, &provider())?)
    }

    fn new(certified: CertifiedKey) -> Result<Self, TlsError> {
        let current = Arc::new(Current(ArcSwap::from_pointee(certified)));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Tickets hold the session themselves: resuming works on every core and takes no memory.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Unusable)?;
        Ok(Self {
            config: Arc::new(config),
            current,
            files: None,
            seen: Mutex::new(None),
            reloads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        })
    }

    /// The configuration that all listeners share.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Reads the files again. A pair that cannot be used changes nothing: handshakes go on with
    /// the certificate they had. The same content is judged once.
    pub fn reload(&self) -> Result<Reloaded, TlsError> {
        let Some(files) = &self.files else { return Ok(Reloaded::Unchanged) };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.exchange(files, &mut seen);
        match &outcome {
            Ok(Reloaded::Unchanged) => {}
            Ok(Reloaded::Changed) => {
                self.reloads.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        outcome
    }

    fn exchange(&self, files: &Files, seen: &mut Option<Seen>) -> Result<Reloaded, TlsError> {
        let (pair, now) = files.read()?;
        if *seen == Some(now) {
            return Ok(Reloaded::Unchanged);
        }
        *seen = Some(now);
        self.current.0.store(Arc::new(pair.certified(&provider())?));
        Ok(Reloaded::Changed)
    }

    /// When the certificate in use expires, unix seconds; `None` if it does not say so readably.
    pub fn not_after(&self) -> Option<i64> {
        let certified = self.current.0.load();
        let own = certified.end_entity_cert().ok()?;
        behalf_jose::Certificate::from_der(own).ok().map(|own| own.not_after())
    }

    /// For [`crate::telemetry::Metrics::attach`].
    pub fn samples(&self) -> Vec<Sample> {
        let count = |result, counter: &AtomicU64| Sample {
            name: "tls_reloads",
            help: "Certificates taken over, and certificates refused, while running",
            kind: SampleKind::Counter,
            label: Some(("result", result)),
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 reloads")]
            value: counter.load(Ordering::Relaxed) as f64,
        };
        let mut samples = vec![count("changed", &self.reloads), count("failed", &self.failures)];
        samples.extend(self.not_after().map(|seconds| Sample {
            name: "tls_certificate_not_after_seconds",
            help: "When the certificate in use expires, in seconds since 1970",
            kind: SampleKind::Gauge,
            label: None,
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 seconds")]
            value: seconds as f64,
        }));
        samples
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
