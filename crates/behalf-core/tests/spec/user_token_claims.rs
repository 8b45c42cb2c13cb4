//! Claims of users' tokens (protocol 5.3, 5.5), by format and by what is asked for.

use behalf_core::application::{OptionalClaim, TokenVersion};
use behalf_protocol::EndpointVersion;
use serde_json::Value;

use crate::common::world::{CLI, ORDERS, World};

const SCOPES: &str = "api://orders/Orders.Read openid profile email offline_access";

fn names(claims: &Value) -> Vec<&str> {
    claims.as_object().unwrap().keys().map(String::as_str).collect()
}

fn answer(world: &World, scopes: &str) -> (Value, Value) {
    let answer = world.redeem(&world.code(CLI, scopes), |_| {}).unwrap();
    (answer.access, answer.id_token.unwrap().1)
}

#[test]
fn v2_tokens() {
    let (access, id_token) = answer(&World::acme(), SCOPES);
    assert_eq!(
        names(&access),
        [
            "aio",
            "aud",
            "azp",
            "azpacr",
            "exp",
            "iat",
            "iss",
            "name",
            "nbf",
            "oid",
            "preferred_username",
            "scp",
            "sub",
            "tid",
            "uti",
            "ver"
        ]
    );
    assert_eq!(
        names(&id_token),
        [
            "aud",
            "email",
            "exp",
            "iat",
            "iss",
            "name",
            "nbf",
            "nonce",
            "oid",
            "preferred_username",
            "sub",
            "tid",
            "uti",
            "ver"
        ]
    );
    let (_, bare) = answer(&World::acme(), "api://orders/Orders.Read openid");
    assert_eq!(
        names(&bare),
        ["aud", "exp", "iat", "iss", "nbf", "nonce", "sub", "tid", "uti", "ver"]
    );
}

#[test]
fn v1_tokens() {
    let world = World::acme().but(|w| {
        w.version = EndpointVersion::V1;
        w.app(ORDERS).requested_access_token_version = Some(TokenVersion::V1);
    });
    let (access, id_token) = answer(&world, "api://orders/Orders.Read openid");
    assert_eq!(
        names(&access),
        [
            "acr",
            "aio",
            "amr",
            "appid",
            "appidacr",
            "aud",
            "exp",
            "family_name",
            "given_name",
            "iat",
            "ipaddr",
            "iss",
            "name",
            "nbf",
            "oid",
            "scp",
            "sub",
            "tid",
            "unique_name",
            "upn",
            "uti",
            "ver"
        ]
    );
    assert_eq!(
        names(&id_token),
        [
            "amr",
            "aud",
            "exp",
            "family_name",
            "given_name",
            "iat",
            "ipaddr",
            "iss",
            "name",
            "nbf",
            "nonce",
            "oid",
            "sub",
            "tid",
            "unique_name",
            "upn",
            "uti",
            "ver"
        ]
    );
}

#[test]
fn the_format_follows_the_resource_and_the_id_token_the_endpoint() {
    for (endpoint, resource) in
        [(EndpointVersion::V1, TokenVersion::V2), (EndpointVersion::V2, TokenVersion::V1)]
    {
        let world = World::acme().but(|w| {
            w.version = endpoint;
            w.app(ORDERS).requested_access_token_version = Some(resource);
        });
        let (access, id_token) = answer(&world, "api://orders/Orders.Read openid");
        let (a, i) = if resource == TokenVersion::V2 { ("2.0", "1.0") } else { ("1.0", "2.0") };
        assert_eq!((&access["ver"], &id_token["ver"]), (&a.into(), &i.into()));
    }
}

#[test]
fn each_optional_claim_where_it_is_asked_for() {
    for claim in OptionalClaim::ALL.iter().copied() {
        let world = World::acme().but(|w| {
            w.app(ORDERS).optional_claims.access_token.insert(claim);
            w.app(CLI).optional_claims.id_token.insert(claim);
        });
        let (access, id_token) = answer(&world, "api://orders/Orders.Read openid");
        let (plain_access, plain_id) = answer(&World::acme(), "api://orders/Orders.Read openid");
        let added = |with: &Value, without: &Value| {
            names(with)
                .iter()
                .filter(|name| without.get(name).is_none())
                .map(|n| (*n).to_owned())
                .collect::<Vec<_>>()
        };
        let name = claim.as_str().split('+').next().unwrap().to_owned();
        let nobody_met_or_said =
            matches!(claim, OptionalClaim::Acrs | OptionalClaim::XmsCc | OptionalClaim::Wids);
        let only_of_apps = claim == OptionalClaim::Idtyp;
        let only_v1 = claim == OptionalClaim::PreferredUsername;
        let expected =
            if nobody_met_or_said || only_of_apps || only_v1 { vec![] } else { vec![name.clone()] };
        assert_eq!(added(&access, &plain_access), expected, "{claim:?}");
        let expected = if claim.fits_id_token() { expected } else { vec![] };
        assert_eq!(added(&id_token, &plain_id), expected, "{claim:?}");
    }
}

#[test]
fn directory_roles_are_told_to_whom_asks_by_their_template_ids() {
    use behalf_core::directory_role::DirectoryRole::{DirectoryReaders, UserAdministrator};
    let with_roles = World::acme().but(|w| {
        w.user().roles = [UserAdministrator, DirectoryReaders].into();
    });
    let (access, id_token) = answer(&with_roles, "api://orders/Orders.Read openid");
    assert_eq!((access.get("wids"), id_token.get("wids")), (None, None), "nobody asked");
    let asked = with_roles.but(|w| {
        w.app(ORDERS).optional_claims.access_token.insert(OptionalClaim::Wids);
        w.app(CLI).optional_claims.id_token.insert(OptionalClaim::Wids);
    });
    let (access, id_token) = answer(&asked, "api://orders/Orders.Read openid");
    let expected = serde_json::json!([UserAdministrator.template(), DirectoryReaders.template()]);
    assert_eq!((&access["wids"], &id_token["wids"]), (&expected, &expected));
    assert_eq!(access.get("groups"), None, "there are no groups");
}
