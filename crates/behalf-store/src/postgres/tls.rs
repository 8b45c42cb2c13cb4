//! TLS to the database: always verified.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Options, open::OpenError, url::Roots};

pub(super) fn connector(options: &Options) -> Result<MakeRustlsConnect, OpenError> {
    let roots = match &options.roots {
        // Nobody is asked for a certificate: none need be trusted.
        _ if !options.uses_tls() => RootCertStore::empty(),
        Roots::File(path) => file(path)?,
        Roots::System => system()?,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn file(path: &Path) -> Result<RootCertStore, OpenError> {
    let refused = |cause: String| OpenError::Roots { from: path.display().to_string(), cause };
    let pem = fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("no certificate is in it".into()));
    }
    Ok(roots)
}

fn system() -> Result<RootCertStore, OpenError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // Some of a system's certificates are of a form nobody reads; the others count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause =
            found.errors.first().map_or_else(|| "there are none".into(), ToString::to_string);
        return Err(OpenError::Roots { from: "the system's certificates".into(), cause });
    }
    Ok(roots)
}
