//! Claims of app-only access tokens (protocol 5.3; V1, V3), against what Entra was seen to send.

use behalf_core::{
    application::TokenVersion,
    claims::{Issuers, Validity},
};
use std::time::Duration;

use crate::common::{ACME, BASE, DAEMON, DAEMON_PRINCIPAL, Directory, LEDGER, NOW, at, id};

fn ledger(version: TokenVersion) -> Directory {
    Directory::acme_but(|d| d.resource.requested_access_token_version = Some(version))
}

#[test]
fn v2_app_token() {
    let claims = ledger(TokenVersion::V2).ask().unwrap().claims;
    insta::assert_json_snapshot!(claims, @r#"
    {
      "aud": "a9200000-0000-4000-8000-000000000004",
      "azp": "dae00000-0000-4000-8000-00000000000a",
      "azpacr": "1",
      "exp": 1795354940,
      "iat": 1795351040,
      "iss": "https://login.acme.test/ac3e0000-0000-4000-8000-000000000001/v2.0",
      "nbf": 1795351040,
      "oid": "dae00000-0000-4000-8000-0000000000f1",
      "roles": [
        "Entries.Read.All"
      ],
      "sub": "dae00000-0000-4000-8000-0000000000f1",
      "tid": "ac3e0000-0000-4000-8000-000000000001",
      "uti": "AAAAAAAAAAAAAAAAAAAABQ",
      "ver": "2.0"
    }
    "#);
}

#[test]
fn v1_app_token() {
    let claims = ledger(TokenVersion::V1).ask().unwrap().claims;
    insta::assert_json_snapshot!(claims, @r#"
    {
      "appid": "dae00000-0000-4000-8000-00000000000a",
      "appidacr": "1",
      "aud": "api://Ledger",
      "exp": 1795354940,
      "iat": 1795351040,
      "idp": "https://login.acme.test/ac3e0000-0000-4000-8000-000000000001/",
      "iss": "https://login.acme.test/ac3e0000-0000-4000-8000-000000000001/",
      "nbf": 1795351040,
      "oid": "dae00000-0000-4000-8000-0000000000f1",
      "roles": [
        "Entries.Read.All"
      ],
      "sub": "dae00000-0000-4000-8000-0000000000f1",
      "tid": "ac3e0000-0000-4000-8000-000000000001",
      "uti": "AAAAAAAAAAAAAAAAAAAABQ",
      "ver": "1.0"
    }
    "#);
}

#[test]
fn an_app_token_is_told_from_a_users_by_what_it_lacks() {
    for version in [TokenVersion::V1, TokenVersion::V2] {
        let directory = ledger(version);
        for claims in [directory.ask().unwrap().claims, directory.ask_for(LEDGER).unwrap().claims] {
            for absent in ["scp", "idtyp", "name", "upn", "preferred_username", "acr", "nonce"] {
                assert_eq!(claims.get(absent), None, "{absent}");
            }
            assert_eq!(claims["oid"], claims["sub"]);
            assert_eq!(claims["sub"], DAEMON_PRINCIPAL);
            assert_eq!(claims["tid"], ACME);
            let (client, other) = match version {
                TokenVersion::V1 => ("appid", "azp"),
                TokenVersion::V2 => ("azp", "appid"),
            };
            assert_eq!((&claims[client], claims.get(other)), (&DAEMON.into(), None));
        }
    }
}

#[test]
fn the_issuer_holds_the_tenants_id_whatever_the_address_said() {
    let issuers = Issuers::new("https://localhost:8443/", id(ACME));
    assert_eq!(issuers.of(TokenVersion::V1), format!("https://localhost:8443/{ACME}/"));
    assert_eq!(issuers.of(TokenVersion::V2), format!("https://localhost:8443/{ACME}/v2.0"));
    assert_eq!(Issuers::new(BASE, id(ACME)).of(TokenVersion::V2), format!("{BASE}/{ACME}/v2.0"));
}

#[test]
fn a_token_counts_from_five_minutes_before_it_was_made() {
    let validity = Validity::new(at(NOW), Duration::from_hours(1));
    assert_eq!(validity.not_before, 1_795_351_040);
    assert_eq!(validity.expires, 1_795_354_940);
    assert_eq!(validity.expires_in, 3599);
    // V2: expires_on - not_before is expires_in + 300, give or take one.
    assert_eq!(validity.expires - validity.not_before, validity.expires_in + 301);
    let long_ago = Validity::new(at(-5), Duration::from_secs(10));
    assert_eq!((long_ago.not_before, long_ago.expires), (0, 10), "no clock before 1970");
}

#[test]
fn an_api_that_asks_is_told_that_nobody_stands_behind_the_token() {
    use behalf_core::application::OptionalClaim;
    for claim in [OptionalClaim::Idtyp, OptionalClaim::IdtypIncludingUsers] {
        for version in [TokenVersion::V1, TokenVersion::V2] {
            let directory = Directory::acme_but(|d| {
                d.resource.requested_access_token_version = Some(version);
                d.resource.optional_claims.access_token.insert(claim);
            });
            assert_eq!(directory.ask().unwrap().claims["idtyp"], "app");
        }
    }
}
