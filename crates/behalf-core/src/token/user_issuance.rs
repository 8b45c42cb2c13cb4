//! A token on behalf of a user, as data: what is signed and sealed once a decision says so.

use behalf_protocol::{
    EndpointVersion,
    token::{GrantedScope, request::OidcScopes, request::ResourceIdentifier},
};

use crate::{
    application::{Require, credential::Method},
    id::TenantId,
    pairwise::PairwiseKey,
    ticket::{Aio, RefreshTicket, SignIn},
    token::{ClientFacts, DelegatedFacts, Target, TargetScopes},
    user::User,
};

/// Tokens to be signed. Only the decisions of this module's siblings make one.
#[derive(Debug)]
#[non_exhaustive]
pub struct UserIssuance<'f> {
    /// `tid`.
    pub tenant: TenantId,
    /// `oid`, names.
    pub user: &'f User,
    /// `appid` / `azp`; `aud` of the ID token.
    pub client: &'f ClientFacts,
    /// How the client authenticated, a public one not at all: `appidacr` / `azpacr`.
    pub method: Option<Method>,
    /// The resource, with the user's roles there.
    pub resource: &'f DelegatedFacts,
    /// What was asked for.
    pub target: Target,
    /// `scp`: values of what is granted, in the order of registration.
    pub scopes: Vec<&'f str>,
    /// What is demanded of the sign-in, and met.
    pub demanded: Require,
    /// `amr`, `acr`, `auth_time`, `ipaddr`, `sid`: as they were, never raised.
    pub sign_in: SignIn,
    /// `sub` for the resource.
    pub subject: String,
    /// `xms_cc`: the client can handle challenges, and the resource asks whether.
    pub handles_challenges: bool,
    /// To be sealed into the access token.
    pub aio: Aio,
    /// An ID token for the client.
    pub id_token: Option<IdTokenWish>,
    /// To be sealed as the answer's refresh token.
    pub refresh: Option<RefreshTicket>,
}

/// What the ID token says besides the access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenWish {
    /// The endpoint's version, which is the ID token's too.
    pub version: EndpointVersion,
    /// `sub` for the client.
    pub subject: String,
    /// What it repeats of the authorization request, or owes to it.
    pub echo: Echo,
    /// `profile`, `email`.
    pub scopes: OidcScopes,
}

/// What an ID token repeats of the authorization request, or owes to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Echo {
    /// `nonce`.
    pub nonce: Option<String>,
    /// `auth_time` was asked for, by `max_age` or by `claims` (OIDC Core 2).
    pub auth_time: bool,
}

impl IdTokenWish {
    /// What is asked for, if an ID token is.
    pub(super) fn of(
        (oidc, echo): (OidcScopes, Echo),
        version: EndpointVersion,
        (client, user): (&ClientFacts, &User),
        pairwise: &PairwiseKey,
    ) -> Option<Self> {
        let subject = || pairwise.subject(client.tenant.id, user.id, client.app_id);
        oidc.openid().then(|| Self { version, subject: subject(), echo, scopes: oidc })
    }
}

impl UserIssuance<'_> {
    /// `scope` of the answer, as clients' caches find it again (protocol 2.6).
    pub fn granted_scope(&self, version: EndpointVersion) -> String {
        let Some(resource) = ResourceIdentifier::parse(&self.target.resource) else {
            return self.scopes.join(" ");
        };
        GrantedScope {
            resource,
            granted: &self.scopes,
            default: self.target.scopes == TargetScopes::Default,
            graph: self.resource.is_graph().then_some(self.target.oidc),
        }
        .to_text(version)
    }

    /// `scp`: with Microsoft Graph's tokens the scopes of `OpenID` Connect too (decisions.md 15).
    pub fn scp(&self) -> String {
        let oidc = self.target.oidc.iter().filter(|name| *name != "offline_access");
        let oidc = oidc.filter(|_| self.resource.is_graph());
        let mut scp = self.scopes.join(" ");
        for name in oidc {
            if !scp.is_empty() {
                scp.push(' ');
            }
            scp.push_str(name);
        }
        scp
    }
}
