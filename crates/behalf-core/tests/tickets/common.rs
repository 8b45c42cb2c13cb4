//! One ticket of each kind, and the ring that sealed the vectors.

use std::time::Duration;

use behalf_core::{
    id::TenantId,
    ticket::{
        AuthenticationMethod, Chain, ClientBinding, ClientClass, CodeClient, CodeTicket, Counters,
        Epoch, Origin, REFRESH_IDLE, RefreshTicket, Requested, SealEntropy, SealRing, SignIn, Span,
    },
    time::Timestamp,
};
use behalf_protocol::{EndpointVersion, pkce::CodeChallenge};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const DAY: Duration = Duration::from_hours(24);
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn tenant() -> TenantId {
    id("ac3e0000-0000-4000-8000-000000000001")
}

pub(crate) fn root() -> [u8; 32] {
    std::array::from_fn(|n| u8::try_from(n).unwrap())
}

/// Epoch 7 of the vectors, which began a week ago.
pub(crate) fn ring() -> SealRing {
    SealRing::new([Epoch::new(7, &root(), NOW.minus(7 * DAY), None)])
}

/// Salt 40…4f, iv 50…5b.
pub(crate) fn entropy() -> SealEntropy {
    SealEntropy(std::array::from_fn(|n| 0x40 + u8::try_from(n).unwrap()))
}

pub(crate) fn counters() -> Counters {
    Counters { user: 4, password: 5, tenant: 6 }
}

pub(crate) fn sign_in() -> SignIn {
    SignIn {
        methods: vec![AuthenticationMethod::Password, AuthenticationMethod::MultiFactor],
        acr: "1".into(),
        time: Timestamp(1_799_999_990_000),
        address: Some("192.0.2.7".parse().unwrap()),
        session: id("51d00000-0000-4000-8000-000000000006"),
    }
}

pub(crate) fn requested() -> Requested {
    Requested {
        resource: Some("api://orders".into()),
        scopes: vec!["read".into(), "write".into()],
        openid: vec!["openid".into(), "offline_access".into()],
    }
}

/// Of a public client, in its fourth generation.
pub(crate) fn refresh_ticket() -> RefreshTicket {
    RefreshTicket {
        id: id("11000000-0000-4000-8000-000000000001"),
        span: Span { issued: NOW, expires: NOW.plus(REFRESH_IDLE), absolute: None },
        family: id("fa000000-0000-4000-8000-000000000002"),
        user: id("b0b00000-0000-4000-8000-000000000003"),
        counters: counters(),
        password_based: true,
        client: ClientBinding {
            app_id: id("c1000000-0000-4000-8000-000000000004"),
            service_principal: id("5b000000-0000-4000-8000-000000000005"),
            revision: 7,
            class: ClientClass::Public { generation: 3 },
            spa: false,
        },
        sign_in: sign_in(),
        requested: requested(),
        origin: Origin::Code,
        chain: Chain::default(),
        confirmation: None,
    }
}

pub(crate) fn code() -> CodeTicket {
    CodeTicket {
        id: id("c0de0000-0000-4000-8000-000000000001"),
        issued: NOW,
        expires: NOW.plus(Duration::from_mins(10)),
        user: id("b0b00000-0000-4000-8000-000000000003"),
        counters: counters(),
        client: CodeClient {
            app_id: id("c1000000-0000-4000-8000-000000000004"),
            service_principal: id("5b000000-0000-4000-8000-000000000005"),
            revision: 7,
            confidential: true,
            spa: false,
        },
        endpoint: EndpointVersion::V2,
        redirect_uri: "https://app.test/cb".into(),
        challenge: CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap(),
        requested: requested(),
        nonce: Some("n-0S6".into()),
        auth_time: false,
        sign_in: sign_in(),
    }
}
