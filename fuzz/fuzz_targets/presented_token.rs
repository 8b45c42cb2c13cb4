//! Tokens that come back to be exchanged. What begins with `{` is taken as claims: an `aio` of
//! `"sealed"` becomes one that is sealed for the claims' own `uti`, and our key signs them, so that
//! every check is reached. All else is the assertion as sent, which nobody can have signed.
#![no_main]

use std::sync::{Arc, LazyLock};

use behalf_core::{
    application::{AppKind, Application, IdentifierUri, SecretCredential, SignInAudience},
    event::Trail,
    id::{AppId, CredentialId, FamilyId, ObjectId, RequestId, SessionId, TenantId},
    secret::Pepper,
    service_principal::ServicePrincipal,
    tenant::{DomainName, Tenant},
    ticket::{Aio, Chain, Counters, Epoch, SealEntropy, SealRing, SignIn},
    time::Timestamp,
    token::{
        ClientFacts, GrantRefusal,
        assertion::Addressees,
        client_auth::{Judge, Presented, identify},
        presented_token::{self, TokenCheck, VerifiedAssertion},
    },
};
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, VerifyingKey, sign_compact};
use behalf_protocol::claims::TokenId;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW: i64 = 1_795_351_340;
const CLIENT: &str = "a9200000-0000-4000-8000-000000000011";
const TENANT: &str = "ac3e0000-0000-4000-8000-000000000001";
const BASE: &str = "https://login.acme.test";
const SECRET: &str = "a-secret-of-a-middle-tier-0123456789";

struct World {
    key: SigningKey,
    public: VerifyingKey,
    header: EncodedHeader,
    ring: SealRing,
    pepper: Pepper,
    caller: ClientFacts,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::Rs256).expect("a key can be made");
    let pepper = Pepper::new(1, &[7; 32]);
    World {
        public: VerifyingKey::from_jwk(&key.public_jwk()).expect("its own public half"),
        header: EncodedHeader::new("JWT", &key, "key-1", None),
        ring: SealRing::new([Epoch::new(7, &[7; 32], Timestamp(0), None)]),
        caller: caller(&pepper),
        key,
        pepper,
    }
});

fn caller(pepper: &Pepper) -> ClientFacts {
    let tenant = Tenant::new(
        TENANT.parse::<TenantId>().expect("a GUID"),
        "Acme",
        vec![DomainName::parse("acme.test").expect("a domain")],
        Timestamp(0),
    );
    let app_id = CLIENT.parse::<AppId>().expect("a GUID");
    let home = (tenant.id, "orders-api");
    let mut app = Application::new(ObjectId::NIL, app_id, home, AppKind::Api, Timestamp(0));
    let uri = IdentifierUri::register("api://orders", app_id, &tenant, SignInAudience::Single);
    app.identifier_uris = vec![uri.expect("a name")];
    app.secrets = vec![SecretCredential {
        id: CredentialId::NIL,
        name: "main".into(),
        hint: String::new(),
        hash: pepper.hash(SECRET),
        created: Timestamp(0),
        expires: Timestamp::from_unix_seconds(NOW + 1),
    }];
    let principal = ServicePrincipal {
        id: ObjectId::NIL,
        tenant: tenant.id,
        app_id,
        home: tenant.id,
        application: app.id,
        disabled: false,
        assignment_required: false,
        revision: 0,
        created: Timestamp(0),
    };
    ClientFacts::gather(Arc::new(tenant), &app, false, Some(&principal)).expect("at home")
}

fuzz_target!(|data: &[u8]| {
    let world = &*WORLD;
    let claims = data.first() == Some(&b'{');
    let assertion = if claims {
        sign_compact(&world.header, &completed(data), &world.key).expect("the key signs")
    } else {
        let Ok(text) = std::str::from_utf8(data) else { return };
        text.to_owned()
    };
    match verify(&assertion) {
        Ok(verified) => accepted(claims, &completed(data), &verified),
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(text.is_ascii() && text.len() < 1_000, "{text}");
        }
    }
});

fn verify(assertion: &str) -> Result<VerifiedAssertion, GrantRefusal> {
    let (world, now) = (&*WORLD, Timestamp::from_unix_seconds(NOW));
    let bases = [BASE.to_owned()];
    let addressees = Addressees { bases: &bases, segment: "acme.test" };
    let judge = Judge { pepper: &world.pepper, addressees, now };
    let mut trail = Trail::default();
    let client = identify(&Presented::Secret(SECRET), &world.caller, judge, &mut trail);
    let client = client.expect("the secret is right");
    let key = |kid: &str, _: Timestamp| (kid == "key-1").then_some(&world.public);
    let check = TokenCheck { key: &key, ring: &world.ring, bases: &bases, now };
    let caller = client.confidential().expect("it showed a secret");
    presented_token::verify(assertion, caller, &check, &mut trail)
}

/// The claims with a chain where they ask for one.
fn completed(data: &[u8]) -> Vec<u8> {
    let Ok(mut claims) = serde_json::from_slice::<Value>(data) else { return data.to_vec() };
    let id = |name: &str| claims[name].as_str().and_then(|text| text.parse().ok());
    let uti = claims["uti"].as_str().and_then(TokenId::parse);
    let (Some("sealed"), Some(uti), Some(tid)) = (claims["aio"].as_str(), uti, id("tid")) else {
        return data.to_vec();
    };
    let entropy = SealEntropy([3; 28]);
    let now = Timestamp::from_unix_seconds(NOW);
    let sealed = WORLD.ring.seal_aio((tid, RequestId(uti.0)), &aio(), entropy, now);
    claims["aio"] = sealed.expect("it can be sealed").into();
    claims.to_string().into_bytes()
}

fn aio() -> Aio {
    Aio {
        counters: Counters::default(),
        family: FamilyId::NIL,
        absolute: None,
        resource: ObjectId::NIL,
        sign_in: SignIn {
            methods: Vec::new(),
            acr: "1".into(),
            time: Timestamp::from_unix_seconds(NOW),
            address: None,
            session: SessionId::NIL,
        },
        chain: Chain::of(ObjectId::NIL),
    }
}

/// Reads the claims a second time, another way.
fn accepted(signed: bool, claims: &[u8], verified: &VerifiedAssertion) {
    assert!(signed, "nobody signed this");
    let claims: Value = serde_json::from_slice(claims).expect("claims are JSON");
    let text = |name: &str| claims[name].as_str().expect("a text").to_ascii_lowercase();
    assert_eq!(text("tid"), TENANT);
    assert!(text("iss").starts_with(&format!("{BASE}/{TENANT}/")), "{}", text("iss"));
    assert!([CLIENT, "api://orders", "api://orders/"].contains(&&*text("aud")), "{}", text("aud"));
    let seconds = |name: &str| claims[name].as_i64().expect("a number of our time");
    assert!(seconds("nbf") <= NOW && NOW < seconds("exp"));
    assert!(claims["scp"].is_string(), "a user's token has scopes");
    assert_eq!(text("oid"), verified.user().to_string());
    assert_eq!(verified.aio(), &aio());
}
