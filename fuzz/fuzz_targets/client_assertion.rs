//! Client assertions against one client. What begins with `{` is taken as claims and signed with
//! the client's key, so that the checks behind the signature are reached; all else is the
//! assertion as sent, which nobody can have signed.
#![no_main]

use std::sync::{Arc, LazyLock};

use behalf_core::{
    application::{AppKind, Application, CertificateCredential},
    id::{AppId, CredentialId, ObjectId, TenantId},
    tenant::{DomainName, Tenant},
    time::Timestamp,
    token::{
        ClientFacts,
        assertion::{Addressees, UnverifiedAssertion},
    },
};
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, sign_compact};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW: i64 = 1_795_351_340;
const CLIENT: &str = "dae00000-0000-4000-8000-00000000000a";
const BASE: &str = "https://login.acme.test";

struct World {
    key: SigningKey,
    header: EncodedHeader,
    client: ClientFacts,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::Rs256).expect("a key can be made");
    let pkcs8 = key.to_pkcs8().expect("a key can be written");
    let pair = rcgen::KeyPair::try_from(pkcs8.as_slice()).expect("rcgen reads the key");
    let certificate = rcgen::CertificateParams::default().self_signed(&pair);
    let der = certificate.expect("a certificate can be made").der().to_vec();
    let credential = CertificateCredential {
        id: CredentialId::NIL,
        name: "main".into(),
        der,
        created: Timestamp(0),
    };
    let header = EncodedHeader::new("JWT", &key, &CredentialId::NIL.to_string(), None);
    World { header, client: client(credential), key }
});

fn client(certificate: CertificateCredential) -> ClientFacts {
    let tenant = Tenant::new(
        "ac3e0000-0000-4000-8000-000000000001".parse::<TenantId>().expect("a GUID"),
        "Acme",
        vec![DomainName::parse("acme.test").expect("a domain")],
        Timestamp(0),
    );
    let application = Application {
        certificates: vec![certificate],
        ..Application::new(
            ObjectId::NIL,
            CLIENT.parse::<AppId>().expect("a GUID"),
            (tenant.id, "invoice-daemon"),
            AppKind::Daemon,
            Timestamp(0),
        )
    };
    ClientFacts::gather(Arc::new(tenant), &application, false, None).expect("at home")
}

fuzz_target!(|data: &[u8]| {
    let world = &*WORLD;
    let signed = data.first() == Some(&b'{');
    let signed_text;
    let text = if signed {
        signed_text = sign_compact(&world.header, data, &world.key).expect("the key signs");
        signed_text.as_str()
    } else {
        let Ok(text) = std::str::from_utf8(data) else { return };
        text
    };
    let verdict = UnverifiedAssertion::parse(text).and_then(|assertion| {
        let bases = [BASE.to_owned()];
        let addressees = Addressees { bases: &bases, segment: "acme.test" };
        assertion.verify(&world.client, addressees, Timestamp::from_unix_seconds(NOW))
    });
    match verdict {
        Ok(_) => accepted(signed, data),
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(text.is_ascii() && text.len() < 700, "{text}");
        }
    }
});

/// Reads the claims a second time, another way.
fn accepted(signed: bool, claims: &[u8]) {
    assert!(signed, "nobody signed this");
    let claims: Value = serde_json::from_slice(claims).expect("claims are JSON");
    for name in ["iss", "sub"] {
        let text = claims[name].as_str().expect("a string");
        assert!(text.eq_ignore_ascii_case(CLIENT), "{name} = {text}");
    }
    let audience = match &claims["aud"] {
        Value::Array(many) if many.len() == 1 => &many[0],
        one => one,
    };
    let audience = audience.as_str().expect("one audience").to_ascii_lowercase();
    assert!(audience.starts_with("https://login.acme.test/"), "{audience}");
    let exp = match &claims["exp"] {
        Value::String(digits) => digits.parse::<f64>().expect("digits"),
        number => number.as_f64().expect("a number"),
    };
    let seconds_left = exp - 1_795_351_340.0;
    assert!(seconds_left > -300.0 && seconds_left < 86_400.0 + 301.0, "{exp}");
}
