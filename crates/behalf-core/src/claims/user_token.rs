//! Claims of users' access tokens and ID tokens, v1.0 and v2.0 (protocol 5.3, 5.5).

use std::collections::BTreeSet;

use behalf_protocol::{
    EndpointVersion,
    claims::{
        Actor, Actors, AuthenticationClass, ClientAuthenticationClass, TokenId, UserClaims, v1, v2,
    },
};

use super::{CAPABLE, Issuers, Validity};
use crate::{
    application::{OptionalClaim, TokenVersion, credential::Method},
    id::RequestId,
    ticket::SignIn,
    token::{IdTokenWish, UserIssuance},
    user::User,
};
use uuid::Uuid;

/// What tokens of one answer have in common.
#[derive(Debug, Clone, Copy)]
pub struct Stamped<'a> {
    /// The tenant's issuers.
    pub issuers: &'a Issuers,
    /// `uti`, which leads to the sign-in log.
    pub id: RequestId,
    /// When the token counts.
    pub validity: Validity,
}

/// The access token's claims as JSON, ready to be signed. `aio` is the sealed chain, `actors` the
/// chain's clients, oldest first, which are written only where the resource asks for `act`.
pub fn user_token(
    issuance: &UserIssuance<'_>,
    stamped: Stamped<'_>,
    (aio, actors): (&str, &[Actor]),
) -> serde_json::Result<Vec<u8>> {
    let facts = &issuance.resource.resource;
    let v1 = facts.version == TokenVersion::V1;
    let writer = Writer::new(issuance, &facts.claims, v1);
    let roles: Vec<&str> = facts.roles.iter().map(String::as_str).collect();
    let uti = TokenId(stamped.id.0);
    let named = issuance.target.oidc.profile();
    let mut user = writer.claims(&issuance.subject, issuance.tenant.0, uti, named);
    if writer.asks(OptionalClaim::Act) {
        user.act = Actors(actors);
    }
    user.aio = Some(aio);
    user.idtyp = writer.asked(OptionalClaim::IdtypIncludingUsers, "user");
    user.oid = Some(issuance.user.id.0);
    user.roles = &roles;
    if issuance.handles_challenges {
        user.xms_cc = CAPABLE;
    }
    // Whoever demands something of the sign-in can see that it was met (decisions.md 20).
    if !issuance.demanded.is_empty() {
        (user.acrs, user.amr) = (&writer.acrs, &writer.amr);
        user.auth_time = Some(writer.auth_time());
    }
    access_token(issuance, stamped, &user)
}

fn access_token(
    issuance: &UserIssuance<'_>,
    Stamped { issuers, validity, .. }: Stamped<'_>,
    user: &UserClaims<'_>,
) -> serde_json::Result<Vec<u8>> {
    let facts = &issuance.resource.resource;
    let (client, scp) = (issuance.client.app_id.0, issuance.scp());
    let class = match issuance.method {
        None => ClientAuthenticationClass::Public,
        Some(Method::Secret) => ClientAuthenticationClass::Secret,
        Some(Method::Certificate) => ClientAuthenticationClass::Assertion,
    };
    match facts.version {
        TokenVersion::V1 => serde_json::to_vec(&v1::UserToken {
            aud: &facts.v1_audience,
            iss: issuers.of(TokenVersion::V1),
            iat: validity.not_before,
            nbf: validity.not_before,
            exp: validity.expires,
            acr: match issuance.sign_in.class() {
                "0" => AuthenticationClass::Weak,
                _ => AuthenticationClass::Strong,
            },
            appid: client,
            appidacr: class,
            scp: &scp,
            user,
            ver: v1::Version::V1,
        }),
        TokenVersion::V2 => serde_json::to_vec(&v2::UserToken {
            aud: facts.app_id.0,
            iss: issuers.of(TokenVersion::V2),
            iat: validity.not_before,
            nbf: validity.not_before,
            exp: validity.expires,
            azp: client,
            azpacr: class,
            scp: &scp,
            user,
            ver: v2::Version::V2,
        }),
    }
}

/// The ID token's claims as JSON, ready to be signed: of the endpoint's version, for the client.
pub fn id_token(
    issuance: &UserIssuance<'_>,
    wish: &IdTokenWish,
    stamped: Stamped<'_>,
) -> serde_json::Result<Vec<u8>> {
    let v1 = wish.version == EndpointVersion::V1;
    let writer = Writer::new(issuance, &issuance.client.id_token_claims, v1);
    let named = wish.scopes.profile();
    let uti = TokenId(stamped.id.0);
    let mut user = writer.claims(&wish.subject, issuance.tenant.0, uti, named);
    if wish.scopes.email() {
        user.email = issuance.user.mail.as_deref();
    }
    user.oid = (v1 || named).then_some(issuance.user.id.0);
    if wish.echo.auth_time {
        user.auth_time = Some(writer.auth_time());
    }
    let Stamped { issuers, validity, .. } = stamped;
    let (aud, nonce) = (issuance.client.app_id.0, wish.echo.nonce.as_deref());
    let (iat, exp) = (validity.not_before, validity.expires);
    match wish.version {
        EndpointVersion::V1 => serde_json::to_vec(&v1::IdToken {
            aud,
            iss: issuers.of(TokenVersion::V1),
            iat,
            nbf: iat,
            exp,
            nonce,
            c_hash: None,
            user: &user,
            ver: v1::Version::V1,
        }),
        EndpointVersion::V2 => serde_json::to_vec(&v2::IdToken {
            aud,
            iss: issuers.of(TokenVersion::V2),
            iat,
            nbf: iat,
            exp,
            nonce,
            c_hash: None,
            user: &user,
            ver: v2::Version::V2,
        }),
    }
}

/// Writes what access tokens and ID tokens say in the same way.
struct Writer<'a> {
    user: &'a User,
    sign_in: &'a SignIn,
    asked: &'a BTreeSet<OptionalClaim>,
    /// v1.0 has many claims unasked.
    v1: bool,
    address: Option<String>,
    amr: Vec<&'static str>,
    wids: Vec<Uuid>,
    acrs: Vec<&'a str>,
}

impl<'a> Writer<'a> {
    fn new(issuance: &'a UserIssuance<'_>, asked: &'a BTreeSet<OptionalClaim>, v1: bool) -> Self {
        let sign_in = &issuance.sign_in;
        Self {
            user: issuance.user,
            sign_in,
            asked,
            v1,
            address: sign_in.address.map(|address| address.to_string()),
            amr: sign_in.methods.iter().map(|method| method.as_str()).collect(),
            acrs: sign_in.contexts().collect(),
            wids: issuance.user.roles.iter().map(|role| role.template()).collect(),
        }
    }

    fn asks(&self, claim: OptionalClaim) -> bool {
        self.asked.contains(&claim)
    }

    /// A claim that v1.0 has unasked and v2.0 when asked.
    fn usual<T>(&self, claim: OptionalClaim, value: T) -> Option<T> {
        (self.v1 || self.asks(claim)).then_some(value)
    }

    /// A claim that is there when asked.
    fn asked<T>(&self, claim: OptionalClaim, value: T) -> Option<T> {
        self.asks(claim).then_some(value)
    }

    fn auth_time(&self) -> u64 {
        u64::try_from(self.sign_in.time.unix_seconds()).unwrap_or(0)
    }

    /// `named`: whether v2.0 may name the user.
    fn claims<'c>(&'c self, sub: &'c str, tid: Uuid, uti: TokenId, named: bool) -> UserClaims<'c> {
        use OptionalClaim as O;
        let user = self.user;
        let name = user.name.as_str();
        let preferred = if self.v1 { self.asks(O::PreferredUsername) } else { named };
        UserClaims {
            acct: self.asked(O::Acct, 0),
            acrs: self.asked(O::Acrs, &*self.acrs).unwrap_or_default(),
            amr: self.usual(O::Amr, &*self.amr).unwrap_or_default(),
            auth_time: self.asked(O::AuthTime, self.auth_time()),
            email: self.asked(O::Email, user.mail.as_deref()).flatten(),
            family_name: self.usual(O::FamilyName, user.surname.as_deref()).flatten(),
            given_name: self.usual(O::GivenName, user.given_name.as_deref()).flatten(),
            ipaddr: self.usual(O::Ipaddr, self.address.as_deref()).flatten(),
            login_hint: self.asked(O::LoginHint, name),
            name: (self.v1 || named).then_some(&*user.display_name),
            preferred_username: preferred.then_some(name),
            sid: self.asked(O::Sid, self.sign_in.session.0),
            unique_name: self.v1.then_some(name),
            upn: self.usual(O::Upn, name),
            wids: self.asked(O::Wids, &*self.wids).unwrap_or_default(),
            ..UserClaims::of(sub, tid, uti)
        }
    }
}
