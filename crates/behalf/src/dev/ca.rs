//! The dev CA: one for each user, made once, able to vouch for this machine's own names only.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use behalf_core::time::Timestamp;
use behalf_jose::{Certificate, Sha256Thumbprint};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{failure::Failure, files};

const DAY: Duration = Duration::from_hours(24);
const CA_LIFETIME: Duration = Duration::from_hours(24 * 730);
/// Made at each start; the longest a process can run on one.
const LEAF_LIFETIME: Duration = Duration::from_hours(24 * 365);
/// What is left of the CA's time when it is replaced, and so what every leaf has at least.
const RENEW_BEFORE: Duration = Duration::from_hours(24 * 90);
/// Clocks of containers and virtual machines may be behind the one that made a certificate.
const BACKDATED: Duration = DAY;
/// Far more than a CA file, a key or a machine's whole bundle has.
const LONGEST_FILE: u64 = 8 << 20;

const NAMES: [&str; 5] = ["localhost", "acme.test", "*.acme.test", "globex.test", "*.globex.test"];

/// Where systems keep the roots that they trust, as one PEM file.
const SYSTEM_BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The CA and the files by which clients trust it.
pub(crate) struct DevCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
    /// `ca.pem`: the CA alone.
    pub(crate) ca_file: PathBuf,
    /// `ca-bundle.pem`: what the system trusts and the CA, for clients whose setting replaces.
    pub(crate) bundle_file: PathBuf,
}

/// A server certificate, in memory only.
pub(crate) struct Leaf {
    /// The certificate and the CA's, as a handshake sends them.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub(crate) key: PrivateKeyDer<'static>,
}

impl DevCa {
    /// Opens the CA of `folder`, or makes one there. Processes that start together wait for each
    /// other, so that all of them use the same one.
    pub(crate) fn open(folder: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let failed = |cause| Failure::path(folder, "lock the dev CA in", &cause);
        let lock = files::lock_file(&folder.join("ca.lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let (key_file, ca_file) = (folder.join("ca-key.pem"), folder.join("ca.pem"));
        let (key, certificate) = match load(&key_file, &ca_file, now) {
            Some(found) => found,
            None => make(&key_file, &ca_file, now)?,
        };
        let bundle_file = folder.join("ca-bundle.pem");
        write_bundle(&bundle_file, &ca_file)?;
        let issuer = Issuer::new(ca_params(&key, now)?, key);
        Ok(Self { issuer, certificate, ca_file, bundle_file })
    }

    /// A new server certificate for this machine's names and loopback addresses, and `address` if
    /// the CA may vouch for it.
    pub(crate) fn leaf(&self, address: IpAddr, now: Timestamp) -> anyhow::Result<Leaf> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        if address.is_loopback() && !addresses.contains(&address) {
            addresses.push(address);
        }
        params.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
        params.distinguished_name = named("behalf dev".to_owned());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let ends = now.plus(LEAF_LIFETIME);
        let ends = ends.min(Timestamp::from_unix_seconds(self.certificate.not_after()));
        params.not_before = date(now.minus(BACKDATED))?;
        params.not_after = date(ends)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let own = CertificateDer::from(self.certificate.der().to_vec());
        Ok(Leaf {
            chain: vec![certificate.der().clone(), own],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }
}

/// Reads the pair if it is whole, belongs together and lasts for a while.
fn load(key_file: &Path, ca_file: &Path, now: Timestamp) -> Option<(KeyPair, Certificate)> {
    let key = Zeroizing::new(files::read_text(key_file, LONGEST_FILE).ok()?);
    let key = KeyPair::from_pem(&key).ok()?;
    let certificate = Certificate::from_pem(&files::read_text(ca_file, LONGEST_FILE).ok()?).ok()?;
    let lasts = Timestamp::from_unix_seconds(certificate.not_after()) > now.plus(RENEW_BEFORE);
    let own = certificate.spki_der() == key.subject_public_key_info().as_slice();
    (lasts && own).then_some((key, certificate))
}

fn make(key_file: &Path, ca_file: &Path, now: Timestamp) -> anyhow::Result<(KeyPair, Certificate)> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let pem = ca_params(&key, now)?.self_signed(&key)?.pem();
    let secret = Zeroizing::new(key.serialize_pem());
    // The key first: a certificate without its key would be trusted for nothing.
    for (path, text) in [(key_file, secret.as_str()), (ca_file, pem.as_str())] {
        files::replace(path, text.as_bytes())
            .map_err(|cause| Failure::path(path, "write the dev CA to", &cause))?;
    }
    let certificate = Certificate::from_pem(&pem).context("the dev CA that was just made")?;
    Ok((key, certificate))
}

/// RFC 5280 4.2.1.10: critical constraints to names that lead nowhere but to this machine
/// (`localhost` and `test` are reserved by RFC 2606), so that a leaked key is of little use.
fn ca_params(key: &KeyPair, now: Timestamp) -> anyhow::Result<CertificateParams> {
    let id = Sha256Thumbprint::of(&key.subject_public_key_info());
    let [a, b, c, d, ..] = id.0;
    let id = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
    let mut params = CertificateParams::new(Vec::new())?;
    // Each user's CA has a name of its own: trust stores list certificates by name.
    params.distinguished_name = named(format!("behalf dev CA {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::DnsName("test".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    let starts = now.minus(BACKDATED);
    params.not_before = date(starts)?;
    params.not_after = date(starts.plus(CA_LIFETIME))?;
    Ok(params)
}

fn named(common_name: String) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn date(at: Timestamp) -> anyhow::Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.unix_seconds()).context("the system's clock is far off")
}

/// The system's own bundle and the CA after it. Only written when it differs, so that programs
/// that watch the file are left alone.
fn write_bundle(path: &Path, ca_file: &Path) -> Result<(), Failure> {
    let failed = |cause| Failure::path(path, "write", &cause);
    let own = files::read_text(ca_file, LONGEST_FILE).map_err(failed)?;
    let mut bundle = system_roots();
    if !bundle.is_empty() && !bundle.ends_with('\n') {
        bundle.push('\n');
    }
    bundle.push_str(&own);
    if files::read_text(path, LONGEST_FILE).is_ok_and(|found| found == bundle) {
        return Ok(());
    }
    files::replace(path, bundle.as_bytes()).map_err(failed)
}

fn system_roots() -> String {
    let readable = |path: &&str| files::read_text(Path::new(path), LONGEST_FILE).ok();
    SYSTEM_BUNDLES.iter().find_map(readable).unwrap_or_else(|| {
        // Systems without such a file keep their roots elsewhere.
        let found = rustls_native_certs::load_native_certs();
        found.certs.iter().map(|certificate| pem(certificate)).collect()
    })
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let body = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests;
