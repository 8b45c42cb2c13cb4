//! What the userinfo endpoint tells (OIDC Core 5.3): a resource of Microsoft Graph, which is whom
//! access tokens for scopes of `OpenID` Connect alone are for (decisions.md 15).

use behalf_protocol::{
    token::request::OidcScopes,
    userinfo::{UserInfo, UserInfoRefusal},
};

use crate::{
    access::GRAPH,
    id::parse_guid,
    token::own_token::{Now, OwnToken},
};

/// The claims of the token's user that its scopes open. `subject` is the `sub` of the ID tokens of
/// the client that the token was issued to.
pub fn answer<'u>(
    token: &OwnToken,
    now: &Now<'u>,
    subject: &'u str,
) -> Result<UserInfo<'u>, UserInfoRefusal> {
    let for_graph = parse_guid(&token.claims().aud).is_ok_and(|aud| aud == GRAPH.0);
    if !for_graph || !token.lives(now) {
        return Err(UserInfoRefusal::InvalidToken);
    }
    let Some(user) = now.user.filter(|_| token.user().is_some()) else {
        return Err(UserInfoRefusal::InvalidToken);
    };
    let scopes: OidcScopes = token.scopes().unwrap_or_default().split(' ').collect();
    if !scopes.openid() {
        return Err(UserInfoRefusal::InsufficientScope);
    }
    let profile = scopes.profile();
    Ok(UserInfo {
        sub: subject,
        name: profile.then_some(user.display_name.as_str()),
        family_name: user.surname.as_deref().filter(|_| profile),
        given_name: user.given_name.as_deref().filter(|_| profile),
        preferred_username: profile.then_some(user.name.as_str()),
        email: user.mail.as_deref().filter(|_| scopes.email()),
    })
}
