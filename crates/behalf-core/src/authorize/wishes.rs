//! What an authorization request asks for, as far as it decides anything.

use behalf_protocol::{
    authorize::{AuthorizeRequest, Prompt, Prompts, ResponseType},
    token::request::{RequestedPermissions, RequestedScopes},
};

use super::Refusal;
use crate::{
    application::{Application, Platform},
    consent::{self, ConsentRefusal, Wanted},
    ticket::Requested,
};

/// What a request wants of the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes<'a> {
    /// What to ask the user.
    pub prompts: Prompts,
    /// The greatest age of the sign-in, in seconds.
    pub max_age: Option<u32>,
    /// Which account is meant.
    pub login_hint: Option<&'a str>,
}

impl<'a> Wishes<'a> {
    /// Of a request.
    pub fn of(request: &AuthorizeRequest<'a>) -> Self {
        let AuthorizeRequest { prompts, max_age, login_hint, .. } = *request;
        Self { prompts, max_age, login_hint }
    }

    /// The user must not be asked anything.
    pub fn silent(&self) -> bool {
        self.prompts.contains(Prompt::None)
    }
}

/// What can be said before anybody signs in: whether `application` may have what it asks for in the
/// way it asks. `platform` is what waits behind the redirect URI; `None`: a device polls.
pub fn check(
    request: &AuthorizeRequest<'_>,
    application: &Application,
    platform: Option<Platform>,
) -> Result<(), Refusal> {
    if application.disabled {
        return Err(Refusal::ClientDisabled(application.app_id));
    }
    if request.response_type != ResponseType::Code {
        return Err(Refusal::ResponseTypeNotEnabled);
    }
    if platform == Some(Platform::Spa) && request.challenge.is_none() {
        return Err(Refusal::ProofKeyRequired);
    }
    Ok(())
}

/// The request as consent sees it.
pub fn consent_request(
    scopes: &RequestedScopes<'_>,
    prompts: Prompts,
) -> Result<consent::Request, ConsentRefusal> {
    let pairs = scopes.resources.iter().flat_map(|asked| {
        let resource = asked.resource.as_str();
        let values: Vec<&str> = match &asked.permissions {
            RequestedPermissions::Default => vec![".default"],
            RequestedPermissions::Named(values) => values.clone(),
        };
        values.into_iter().map(move |value| (resource, value))
    });
    let wanted = if scopes.resources.is_empty() {
        Wanted::Registered { target: None }
    } else {
        Wanted::from_scopes(pairs)?
    };
    Ok(consent::Request {
        wanted,
        prompt: prompts.contains(Prompt::Consent),
        admin: prompts.contains(Prompt::AdminConsent),
    })
}

/// What a code remembers of what was asked for: of one resource it and the names, of several the
/// names with their resources.
pub fn requested(scopes: &RequestedScopes<'_>) -> Requested {
    let openid = scopes.oidc.iter().map(str::to_owned).collect();
    let (resource, scopes) = match scopes.resources.as_slice() {
        [] => (None, Vec::new()),
        [one] => match &one.permissions {
            RequestedPermissions::Named(names) if names.is_empty() => (None, Vec::new()),
            RequestedPermissions::Named(names) => {
                let names = names.iter().map(|name| (*name).to_owned()).collect();
                (Some(one.resource.as_str().to_owned()), names)
            }
            RequestedPermissions::Default => (Some(one.resource.as_str().to_owned()), Vec::new()),
        },
        several => {
            let whole = several.iter().flat_map(|asked| {
                let resource = asked.resource.as_str();
                let names = match &asked.permissions {
                    RequestedPermissions::Default => vec![".default"],
                    RequestedPermissions::Named(names) => names.clone(),
                };
                names.into_iter().map(move |name| format!("{resource}/{name}"))
            });
            (None, whole.collect())
        }
    };
    Requested { resource, scopes, openid }
}

#[cfg(test)]
mod tests {
    use behalf_protocol::EndpointVersion;

    use super::*;

    #[test]
    fn a_code_remembers_what_was_asked_for() {
        let of = |scope| requested(&RequestedScopes::of_list(scope).unwrap());
        let one = of("openid api://orders/Orders.Read");
        assert_eq!(one.resource.as_deref(), Some("api://orders"));
        assert_eq!((one.scopes, one.openid), (vec!["Orders.Read".into()], vec!["openid".into()]));
        assert_eq!(of("api://orders/.default").scopes, Vec::<String>::new());
        assert_eq!(of("openid").resource, None);
        let two = of("api://a/R api://b/R api://b/W");
        assert_eq!(
            (two.resource, two.scopes),
            (None, vec!["api://a/R".into(), "api://b/R".into(), "api://b/W".into()])
        );
    }

    #[test]
    fn v1_without_a_resource_asks_for_what_is_registered() {
        let scopes = RequestedScopes::parse(EndpointVersion::V1, None, Some("openid")).unwrap();
        let request = consent_request(&scopes, Prompts::default()).unwrap();
        assert_eq!(request.wanted, Wanted::Registered { target: None });
        let scopes = RequestedScopes::of_list("api://a/.default api://b/.default").unwrap();
        let refused = consent_request(&scopes, Prompts::default());
        assert_eq!(refused, Err(ConsentRefusal::DefaultMixed));
    }
}
