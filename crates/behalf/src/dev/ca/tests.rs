use std::os::unix::fs::PermissionsExt as _;

use rustls::{
    RootCertStore, client::WebPkiServerVerifier, client::danger::ServerCertVerifier as _,
};
use rustls_pki_types::{ServerName, UnixTime};
use x509_parser::{extensions::ParsedExtension, prelude::FromDer as _};

use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn loopback() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

/// Whether a client that trusts the CA takes the leaf for `name` at `now`.
fn accepts(ca: &DevCa, leaf: &Leaf, name: &str, now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ca.certificate.der().to_vec())).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots.into(), provider.into()).build().unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_millis(now.0.unsigned_abs()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&leaf.chain[0], &leaf.chain[1..], &name, &[], at).is_ok()
}

#[test]
fn the_leaf_is_taken_for_this_machines_names_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path(), NOW).unwrap();
    let leaf = ca.leaf("127.0.0.9".parse().unwrap(), NOW).unwrap();
    for name in ["localhost", "acme.test", "login.acme.test", "127.0.0.1", "127.0.0.9", "::1"] {
        assert!(accepts(&ca, &leaf, name, NOW), "{name}");
    }
    for name in ["example.com", "localhost.example.com", "10.0.0.1", "127.0.0.2"] {
        assert!(!accepts(&ca, &leaf, name, NOW), "{name}");
    }
    assert!(!accepts(&ca, &leaf, "localhost", NOW.plus(LEAF_LIFETIME + DAY)));
}

#[test]
fn a_stolen_key_vouches_for_no_other_name() {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path(), NOW).unwrap();
    for name in ["bank.example", "10.0.0.1"] {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date(NOW).unwrap();
        params.not_after = date(NOW.plus(DAY)).unwrap();
        let der = params.signed_by(&key, &ca.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let leaf = Leaf { chain: vec![der], key };
        assert!(!accepts(&ca, &leaf, name, NOW), "{name}");
    }
}

#[test]
fn the_ca_carries_every_extension_that_strict_clients_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path(), NOW).unwrap();
    let (_, parsed) =
        x509_parser::certificate::X509Certificate::from_der(ca.certificate.der()).unwrap();
    let found: Vec<_> = parsed
        .extensions()
        .iter()
        .map(|extension| {
            let name = match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(_) => "AKI",
                ParsedExtension::SubjectKeyIdentifier(_) => "SKI",
                ParsedExtension::KeyUsage(usage) => {
                    assert!(usage.key_cert_sign() && usage.crl_sign());
                    "keyUsage"
                }
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    assert!(usage.server_auth && !usage.any && !usage.client_auth);
                    "extKeyUsage"
                }
                ParsedExtension::BasicConstraints(basic) => {
                    assert!(basic.ca && basic.path_len_constraint == Some(0));
                    "basicConstraints"
                }
                ParsedExtension::NameConstraints(names) => {
                    assert_eq!(names.permitted_subtrees.as_ref().map(Vec::len), Some(4));
                    "nameConstraints"
                }
                other => panic!("unexpected {other:?}"),
            };
            (name, extension.critical)
        })
        .collect();
    let mut found = found;
    found.sort_unstable();
    let expected = [
        ("AKI", false),
        ("SKI", false),
        ("basicConstraints", true),
        ("extKeyUsage", false),
        ("keyUsage", true),
        ("nameConstraints", true),
    ];
    assert_eq!(found, expected);
    let days = (ca.certificate.not_after() - ca.certificate.not_before()) / 86_400;
    assert_eq!(days, 730);
}

#[test]
fn files_are_private_and_the_bundle_ends_with_the_ca() {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path(), NOW).unwrap();
    for name in ["ca.pem", "ca-key.pem", "ca-bundle.pem", "ca.lock"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let (own, bundle) = (
        std::fs::read_to_string(&ca.ca_file).unwrap(),
        std::fs::read_to_string(&ca.bundle_file).unwrap(),
    );
    assert!(bundle.ends_with(&own));
    assert_eq!(bundle.matches(own.as_str()).count(), 1);
}

#[test]
fn it_is_made_once_and_renewed_before_it_ends_or_when_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let open = |now| DevCa::open(folder.path(), now).unwrap().certificate.der().to_vec();
    let first = open(NOW);
    assert_eq!(open(NOW.plus(Duration::from_hours(24 * 600))), first);
    let ca = DevCa::open(folder.path(), NOW.plus(Duration::from_hours(24 * 630))).unwrap();
    let leaf = ca.leaf(loopback(), NOW.plus(Duration::from_hours(24 * 630))).unwrap();
    assert!(accepts(&ca, &leaf, "localhost", NOW.plus(Duration::from_hours(24 * 725))));
    let second = open(NOW.plus(Duration::from_hours(24 * 650)));
    assert_ne!(second, first);
    std::fs::write(folder.path().join("ca-key.pem"), "garbage").unwrap();
    assert_ne!(open(NOW.plus(Duration::from_hours(24 * 650))), second);
}

#[test]
fn those_who_start_together_get_the_same_ca() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let found: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| DevCa::open(path, NOW).unwrap().certificate.der().to_vec()))
            .collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}
