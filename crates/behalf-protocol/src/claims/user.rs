use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::TokenId;

/// The claims about a user that access tokens and ID tokens of both versions share. Which are
/// written is the issuer's decision; an absent one is left out, never null.
#[derive(Debug, Clone, Serialize)]
pub struct UserClaims<'a> {
    /// 0 for a member of the tenant, 1 for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acct: Option<u8>,
    /// Authentication contexts satisfied, such as `c1`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub acrs: &'a [&'a str],
    /// The chain of clients that act for the user, where the resource asks for it.
    #[serde(skip_serializing_if = "Actors::is_empty")]
    pub act: Actors<'a>,
    /// Sealed for this server only: how far the token's revocation and chain are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aio: Option<&'a str>,
    /// How the user signed in: `pwd`, `otp`, `mfa` …
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub amr: &'a [&'a str],
    /// When the user signed in, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// The address of a mailbox; not proven to be the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// Surname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<&'a str>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<&'a str>,
    /// `user`, where the resource asks for it of users' tokens too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idtyp: Option<&'a str>,
    /// The address the user signed in from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipaddr: Option<&'a str>,
    /// Opaque; sent back as `login_hint` or `logout_hint` it names the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<&'a str>,
    /// The name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The user's object id in the tenant. A v2.0 ID token has it with `profile` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oid: Option<Uuid>,
    /// The sign-in name, v2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<&'a str>,
    /// The user's roles on the resource, or on the client in an ID token.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub roles: &'a [&'a str],
    /// The session, by which a front-channel logout names what to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// The pairwise subject: another one for each application that is the audience.
    pub sub: &'a str,
    /// The tenant.
    pub tid: Uuid,
    /// The sign-in name, v1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<&'a str>,
    /// The user principal name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upn: Option<&'a str>,
    /// The answer's id, the same in its access token and ID token.
    pub uti: TokenId,
    /// Directory roles, by template id.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub wids: &'a [Uuid],
    /// What the client can do (`cp1`), when it said so and the resource asks.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub xms_cc: &'a [&'a str],
}

impl UserClaims<'_> {
    /// Only the claims that every token about a user has.
    pub const fn of(sub: &str, tid: Uuid, uti: TokenId) -> UserClaims<'_> {
        UserClaims {
            acct: None,
            acrs: &[],
            act: Actors(&[]),
            aio: None,
            amr: &[],
            auth_time: None,
            email: None,
            family_name: None,
            given_name: None,
            idtyp: None,
            ipaddr: None,
            login_hint: None,
            name: None,
            oid: None,
            preferred_username: None,
            roles: &[],
            sid: None,
            sub,
            tid,
            unique_name: None,
            upn: None,
            uti,
            wids: &[],
            xms_cc: &[],
        }
    }
}

/// How strongly the user signed in, v1.0's `acr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum AuthenticationClass {
    /// Less than ISO/IEC 29115 asks for.
    #[serde(rename = "0")]
    Weak,
    /// As it asks for.
    #[serde(rename = "1")]
    Strong,
}

/// A client that acts for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The client's service principal in the tenant: the `sub` of its app-only tokens.
    pub sub: Uuid,
    /// Its application id.
    pub appid: Uuid,
}

/// The claim `act` (RFC 8693 4.1): the clients through which the user's identity came, oldest
/// first. Written with the current one outermost; only that one means anything to authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actors<'a>(pub &'a [Actor]);

impl Actors<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Actors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((current, former)) = self.0.split_last() else {
            return serializer.serialize_none();
        };
        let former = Actors(former);
        let mut act = serializer.serialize_map(Some(2 + usize::from(!former.is_empty())))?;
        act.serialize_entry("sub", &current.sub)?;
        act.serialize_entry("appid", &current.appid)?;
        if !former.is_empty() {
            act.serialize_entry("act", &former)?;
        }
        act.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_left_out() {
        let claims = UserClaims::of("pairwise", Uuid::nil(), TokenId(Uuid::nil()));
        assert_eq!(
            serde_json::to_string(&claims).unwrap(),
            concat!(
                r#"{"sub":"pairwise","tid":"00000000-0000-0000-0000-000000000000","#,
                r#""uti":"AAAAAAAAAAAAAAAAAAAAAA"}"#
            )
        );
    }

    #[test]
    fn the_current_actor_is_outermost() {
        let actor = |n| Actor { sub: Uuid::from_u128(n), appid: Uuid::from_u128(n + 16) };
        let (first, second) = (actor(1), actor(2));
        assert_eq!(
            serde_json::to_string(&Actors(&[first, second])).unwrap(),
            concat!(
                r#"{"sub":"00000000-0000-0000-0000-000000000002","#,
                r#""appid":"00000000-0000-0000-0000-000000000012","#,
                r#""act":{"sub":"00000000-0000-0000-0000-000000000001","#,
                r#""appid":"00000000-0000-0000-0000-000000000011"}}"#
            )
        );
    }

    #[test]
    fn every_claim_has_its_name_and_type() {
        let actors = [Actor { sub: Uuid::nil(), appid: Uuid::nil() }];
        let ids = [Uuid::nil()];
        let claims = UserClaims {
            acct: Some(0),
            acrs: &["c1"],
            act: Actors(&actors),
            aio: Some("a"),
            amr: &["pwd", "otp"],
            auth_time: Some(7),
            email: Some("ada@acme.test"),
            family_name: Some("Lovelace"),
            given_name: Some("Ada"),
            idtyp: Some("user"),
            ipaddr: Some("192.0.2.1"),
            login_hint: Some("h"),
            name: Some("Ada Lovelace"),
            oid: Some(Uuid::nil()),
            preferred_username: Some("ada@acme.test"),
            roles: &["Reader"],
            sid: Some(Uuid::nil()),
            unique_name: Some("ada@acme.test"),
            upn: Some("ada@acme.test"),
            wids: &ids,
            xms_cc: &["cp1"],
            ..UserClaims::of("s", Uuid::nil(), TokenId(Uuid::nil()))
        };
        let json = serde_json::to_value(&claims).unwrap();
        for (name, expected) in [
            ("acct", serde_json::json!(0)),
            ("acrs", serde_json::json!(["c1"])),
            ("amr", serde_json::json!(["pwd", "otp"])),
            ("auth_time", serde_json::json!(7)),
            ("idtyp", serde_json::json!("user")),
            ("roles", serde_json::json!(["Reader"])),
            ("wids", serde_json::json!([Uuid::nil()])),
            ("xms_cc", serde_json::json!(["cp1"])),
            ("sid", serde_json::json!(Uuid::nil())),
            ("name", serde_json::json!("Ada Lovelace")),
        ] {
            assert_eq!(json[name], expected, "{name}");
        }
        assert_eq!(json.as_object().unwrap().len(), 24);
    }
}
