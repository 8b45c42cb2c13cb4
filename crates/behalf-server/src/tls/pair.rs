//! A certificate chain and its private key: read from files, checked to belong together.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{InconsistentKeys, crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::TlsError;

const FILE_MAX: u64 = 1024 * 1024;

/// Where the pair is.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The content of both files, as a digest: what was judged need not be judged again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen([u8; 32]);

/// Both files' bytes.
pub(super) struct Pair<'a> {
    files: &'a Files,
    certificate: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

impl Files {
    pub(super) fn read(&self) -> Result<(Pair<'_>, Seen), TlsError> {
        let pair =
            Pair { files: self, certificate: read(&self.certificate)?, key: read(&self.key)? };
        let both = [digest(&SHA256, &pair.certificate), digest(&SHA256, &pair.key)];
        let both = [both[0].as_ref(), both[1].as_ref()].concat();
        let mut seen = [0; 32];
        seen.copy_from_slice(digest(&SHA256, &both).as_ref());
        Ok((pair, Seen(seen)))
    }
}

impl Pair<'_> {
    /// The pair as handshakes need it.
    pub(super) fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let no_certificate = || TlsError::NoCertificate { path: self.files.certificate.clone() };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|_| no_certificate())?;
        if chain.is_empty() {
            return Err(no_certificate());
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| TlsError::NoKey { path: self.files.key.clone() })?;
        certified(chain, key, provider)
    }
}

/// Puts chain and key together if they belong together.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
        other => TlsError::Unusable(other),
    })
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |error| TlsError::Unreadable { path: path.to_owned(), error };
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(TlsError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}
