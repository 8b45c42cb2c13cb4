//! What is told about a token (RFC 7662): of an access token to the resource it is for, of a refresh
//! token to the client it was issued to, and nothing to anybody else (RT-17).

use behalf_protocol::{
    claims::TokenFormat,
    introspection::{ActiveToken, IntrospectionResponse},
};

use crate::{
    application::TokenVersion,
    claims::Issuers,
    pairwise::PairwiseKey,
    ticket::{Alive, Redemption, RefreshTicket, Requested, Standing, Unexpired},
    time::Timestamp,
    token::{
        AuthenticatedClient,
        own_token::{Now, OwnToken},
    },
    user::User,
};

/// Describes an access token to `caller`; inactive unless it is for the caller and lives.
pub fn access_token<'t>(
    token: &'t OwnToken,
    caller: &AuthenticatedClient<'_>,
    now: &Now<'t>,
) -> IntrospectionResponse<'t> {
    if !token.is_for(caller.facts()) || !token.lives(now) {
        return IntrospectionResponse::Inactive;
    }
    let claims = token.claims();
    // The sign-in name only where the token itself tells it.
    let named = claims.ver == TokenFormat::V1 || claims.preferred_username.is_some();
    let user = now.user.filter(|_| named && token.user().is_some());
    IntrospectionResponse::Active(ActiveToken {
        scope: token.scopes(),
        client_id: token.client().0,
        username: user.map(|user| user.name.as_str()),
        token_type: Some("Bearer"),
        exp: claims.exp,
        iat: claims.iat,
        nbf: claims.nbf,
        sub: &claims.sub,
        aud: &claims.aud,
        iss: &claims.iss,
        jti: claims.uti.as_deref(),
    })
}

/// A refresh token that its own client could redeem now.
#[derive(Debug)]
pub struct LivingRefreshToken {
    ticket: RefreshTicket,
    username: String,
    subject: String,
    audience: String,
    scope: String,
}

impl LivingRefreshToken {
    /// Checks what redeeming it would check, and that without redeeming: `redemption` says that the
    /// token is the caller's and not over, `user` and `family` are as they are now.
    pub fn of(
        redemption: Redemption<Unexpired>,
        caller: &AuthenticatedClient<'_>,
        (user, family): (Option<&User>, Standing),
        pairwise: &PairwiseKey,
    ) -> Option<Self> {
        let facts = caller.facts();
        let redemption = redemption.user_stands(user, &facts.tenant).ok()?;
        let principal = facts.service_principal.as_ref();
        let redemption = redemption.client_stands(principal, facts.disabled).ok()?;
        let redemption: Redemption<Alive> = redemption.family_lives(family).ok()?;
        let ticket = redemption.ticket().clone();
        Some(Self {
            username: user?.name.as_str().to_owned(),
            subject: pairwise.subject(facts.tenant.id, ticket.user, facts.app_id),
            audience: facts.app_id.to_string(),
            scope: scope(&ticket.requested),
            ticket,
        })
    }

    /// The answer. A refresh token is for the client itself, and says `sub` as its ID tokens do.
    pub fn response<'t>(&'t self, issuers: &'t Issuers) -> IntrospectionResponse<'t> {
        let seconds = |time: Timestamp| u64::try_from(time.unix_seconds()).unwrap_or(0);
        let span = &self.ticket.span;
        IntrospectionResponse::Active(ActiveToken {
            scope: (!self.scope.is_empty()).then_some(self.scope.as_str()),
            client_id: self.ticket.client.app_id.0,
            username: Some(&self.username),
            token_type: None,
            exp: seconds(span.ends()),
            iat: seconds(span.issued),
            nbf: seconds(span.issued),
            sub: &self.subject,
            aud: &self.audience,
            iss: issuers.of(TokenVersion::V2),
            jti: None,
        })
    }
}

/// What a refresh names if it names nothing, as one list.
fn scope(requested: &Requested) -> String {
    let named = requested.scopes.iter().map(|scope| match &requested.resource {
        Some(resource) => format!("{resource}/{scope}"),
        None => scope.clone(),
    });
    let everything = requested.resource.iter().filter(|_| requested.scopes.is_empty());
    let everything = everything.map(|resource| format!("{resource}/.default"));
    let all = named.chain(everything).chain(requested.openid.iter().cloned());
    all.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refresh_would_ask_for_is_one_list() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (resource, scopes, openid, expected) in [
            (Some("api://a"), &["R", "W"][..], &["openid"][..], "api://a/R api://a/W openid"),
            (Some("api://a"), &[], &["openid"], "api://a/.default openid"),
            (None, &["api://a/R", "api://b/R"], &[], "api://a/R api://b/R"),
            (None, &[], &["openid", "offline_access"], "openid offline_access"),
            (None, &[], &[], ""),
        ] {
            let requested = Requested {
                resource: resource.map(str::to_owned),
                scopes: texts(scopes),
                openid: texts(openid),
            };
            assert_eq!(scope(&requested), expected);
        }
    }
}
