//! What a manifest wants of one application, laid over what it is.

use std::collections::BTreeSet;

use behalf_core::{
    application::{
        AppKind, AppRole, Application, IdentifierUri, OptionalClaims, PreAuthorized, Redirect,
        Require, RequiredResource, Scope, SignInAudience, TokenAlg, TokenVersion,
        credential::Method,
    },
    id::AppId,
};

/// What a manifest wants of an application, names resolved; what is absent is not managed.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) display_name: Option<String>,
    pub(super) kind: Option<AppKind>,
    pub(super) audience: Option<SignInAudience>,
    pub(super) uris: Option<Vec<IdentifierUri>>,
    pub(super) version: Option<TokenVersion>,
    pub(super) alg: Option<TokenAlg>,
    pub(super) lifetime_secs: Option<u32>,
    pub(super) strict_assertions: Option<bool>,
    pub(super) allowed_methods: Option<BTreeSet<Method>>,
    pub(super) disabled: Option<bool>,
    pub(super) scopes: Option<Vec<Scope>>,
    pub(super) roles: Option<Vec<AppRole>>,
    pub(super) required: Option<Vec<RequiredResource>>,
    pub(super) redirects: Option<Vec<Redirect>>,
    /// Empty for none.
    pub(super) logout_url: Option<String>,
    pub(super) fallback_public_client: Option<bool>,
    pub(super) password_grant: Option<bool>,
    pub(super) no_degraded_service: Option<bool>,
    pub(super) optional_claims: Option<OptionalClaims>,
    pub(super) require: Option<Require>,
    pub(super) known_clients: Option<Vec<AppId>>,
    pub(super) pre_authorized: Option<Vec<PreAuthorized>>,
}

impl Wanted {
    /// Makes `application` as wanted.
    pub(super) fn lay_over(&self, application: &mut Application) {
        fn set<T: Clone>(field: &mut T, wanted: Option<&T>) {
            if let Some(wanted) = wanted {
                field.clone_from(wanted);
            }
        }
        if let Some(display) = &self.display_name {
            // The name alone says as much.
            let differs = *display != application.name;
            application.display_name = differs.then(|| display.clone());
        }
        set(&mut application.kind, self.kind.as_ref());
        set(&mut application.audience, self.audience.as_ref());
        set(&mut application.identifier_uris, self.uris.as_ref());
        set(&mut application.behalf.strict_assertions, self.strict_assertions.as_ref());
        set(&mut application.behalf.allowed_methods, self.allowed_methods.as_ref());
        set(&mut application.disabled, self.disabled.as_ref());
        set(&mut application.scopes, self.scopes.as_ref());
        set(&mut application.roles, self.roles.as_ref());
        set(&mut application.required_resource_access, self.required.as_ref());
        set(&mut application.redirects, self.redirects.as_ref());
        set(&mut application.fallback_public_client, self.fallback_public_client.as_ref());
        set(&mut application.behalf.password_grant, self.password_grant.as_ref());
        set(&mut application.behalf.no_degraded_service, self.no_degraded_service.as_ref());
        set(&mut application.optional_claims, self.optional_claims.as_ref());
        set(&mut application.require, self.require.as_ref());
        if let Some(url) = &self.logout_url {
            application.logout_url = (!url.is_empty()).then(|| url.clone());
        }
        set(&mut application.known_clients, self.known_clients.as_ref());
        set(&mut application.pre_authorized, self.pre_authorized.as_ref());
        if self.version.is_some() {
            application.requested_access_token_version = self.version;
        }
        if let Some(alg) = self.alg {
            application.behalf.token_alg = (alg != TokenAlg::default()).then_some(alg);
        }
        if self.lifetime_secs.is_some() {
            application.behalf.token_lifetime_secs = self.lifetime_secs;
        }
    }
}
