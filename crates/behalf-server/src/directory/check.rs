//! What an application must be like, whoever writes it: pure, over the application and its tenant.

use std::collections::HashSet;

use behalf_core::{
    application::{
        Application, IdentifierUri, Platform, Redirect, Require,
        identifier_uri::name_key,
        permission::{VALUE_MAX, is_permission_value},
        require,
    },
    tenant::Tenant,
};

use super::Refusal;

/// Longest name or display name.
pub(super) const NAME_MAX: usize = 120;
/// Longest text of a scope or role.
const TEXT_MAX: usize = 1_000;
/// Entries of all collections of an application together (protocol 6.1).
const ENTRIES_MAX: usize = 1_200;
/// Redirect URIs (protocol 6.1).
const REDIRECTS_MAX: usize = 256;
/// Resources an application may require permissions of: each is read when consent is asked for.
const RESOURCES_MAX: usize = 50;
/// Secrets and certificates together: each one costs a comparison when a client authenticates.
const CREDENTIALS_MAX: usize = 50;
/// Shortest and longest lifetime an application may choose for its tokens, in seconds.
const LIFETIME: std::ops::RangeInclusive<u32> = 300..=86_400;

/// Checks `application`, which is or is to be registered in `tenant`.
pub(super) fn check(application: &Application, tenant: &Tenant) -> Result<(), Refusal> {
    name("name", &application.name)?;
    if let Some(display) = &application.display_name {
        name("display name", display)?;
    }
    sizes(application)?;
    public(application)?;
    uris(application, tenant)?;
    permissions(application)?;
    sign_in(application)?;
    match application.behalf.token_lifetime_secs {
        Some(seconds) if !LIFETIME.contains(&seconds) => Err(Refusal::Permission(format!(
            "a token lifetime of {seconds} seconds: expected {} to {}",
            LIFETIME.start(),
            LIFETIME.end()
        ))),
        _ => Ok(()),
    }
}

/// Checks a name people will read and type.
pub(super) fn name(what: &'static str, found: &str) -> Result<(), Refusal> {
    text(what, found, NAME_MAX)
}

fn text(what: &'static str, found: &str, most: usize) -> Result<(), Refusal> {
    let length = found.chars().count();
    if length == 0 || length > most || found.trim() != found || found.chars().any(char::is_control)
    {
        let found = found.chars().take(40).collect();
        return Err(Refusal::Text { what, found, most });
    }
    Ok(())
}

fn sizes(application: &Application) -> Result<(), Refusal> {
    let required = &application.required_resource_access;
    let entries = application.scopes.len()
        + application.roles.len()
        + application.identifier_uris.len()
        + application.redirects.len()
        + application.known_clients.len()
        + application.pre_authorized.len()
        + required.iter().map(|r| 1 + r.scopes.len() + r.roles.len()).sum::<usize>();
    let credentials = application.secrets.len() + application.certificates.len();
    for (what, found, most) in [
        ("redirect URIs", application.redirects.len(), REDIRECTS_MAX),
        ("resources that permissions are required of", required.len(), RESOURCES_MAX),
        ("secrets and certificates", credentials, CREDENTIALS_MAX),
        ("entries of an application's collections", entries, ENTRIES_MAX),
    ] {
        if found > most {
            return Err(Refusal::TooMany { what, found, most });
        }
    }
    Ok(())
}

fn public(application: &Application) -> Result<(), Refusal> {
    let holds = [
        ("secret", application.secrets.is_empty()),
        ("certificate", application.certificates.is_empty()),
        ("App ID URI", application.identifier_uris.is_empty()),
        ("allowed method", application.behalf.allowed_methods.is_empty()),
    ];
    let offending = holds.into_iter().find(|(_, none)| !none);
    match offending {
        Some((what, _)) if application.kind.is_public() => {
            Err(Refusal::Public(application.name.clone(), what))
        }
        _ => Ok(()),
    }
}

/// What its users' sign-in rests on.
fn sign_in(application: &Application) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for redirect in &application.redirects {
        Redirect::register(&redirect.uri, redirect.platform)?;
        if !seen.insert(&redirect.uri) {
            return Err(Refusal::Permission(format!(
                "the redirect URI {:?} is there twice, expected each once, on one platform",
                redirect.uri
            )));
        }
    }
    if let Some(url) = &application.logout_url {
        Redirect::register(url, Platform::Web)?;
    }
    let id_token = &application.optional_claims.id_token;
    if let Some(claim) = id_token.iter().find(|claim| !claim.fits_id_token()) {
        let claim = claim.as_str();
        let why = format!("the optional claim {claim} is for access tokens, not for ID tokens");
        return Err(Refusal::Permission(why));
    }
    let scopes = application.scopes.iter().map(|scope| &scope.require);
    if scopes.chain([&application.require]).all(Require::is_well_formed) {
        return Ok(());
    }
    Err(Refusal::Permission(format!(
        "`acrs`: expected at most {} contexts like c1, of letters, digits and -._:",
        require::ACRS_MAX
    )))
}

fn uris(application: &Application, tenant: &Tenant) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for uri in &application.identifier_uris {
        IdentifierUri::register(uri.as_str(), application.app_id, tenant, application.audience)?;
        if !seen.insert(name_key(uri.as_str())) {
            return Err(Refusal::UriTaken(uri.as_str().to_owned()));
        }
    }
    Ok(())
}

/// Values are unique among scopes and roles together, and so are ids (protocol 6.3).
fn permissions(application: &Application) -> Result<(), Refusal> {
    let scopes = application.scopes.iter().map(|s| (&s.value, s.id, &s.text));
    let roles = application.roles.iter().map(|r| (&r.value, r.id, &r.text));
    let (mut values, mut ids) = (HashSet::new(), HashSet::new());
    for (value, id, description) in scopes.chain(roles) {
        let refused = |why: &str| {
            let value: String = value.chars().take(40).collect();
            Err(Refusal::Permission(format!("the scope or role {value:?}: {why}")))
        };
        if !is_permission_value(value) {
            return refused(&format!(
                "expected 1 to {VALUE_MAX} characters like Orders.Read, without spaces"
            ));
        }
        if !values.insert(value) {
            return refused("the value is used twice in this application");
        }
        if id.0.is_nil() || !ids.insert(id) {
            return refused("its id is used twice in this application, or is all zero");
        }
        if description.chars().count() > TEXT_MAX {
            return refused(&format!("its text has more than {TEXT_MAX} characters"));
        }
    }
    let mut resources = HashSet::new();
    if !application.required_resource_access.iter().all(|r| resources.insert(r.app_id)) {
        let why = "what the application requires names a resource twice, expected each once";
        return Err(Refusal::Permission(why.to_owned()));
    }
    match application.roles.iter().find(|role| role.members.is_empty()) {
        Some(role) => Err(Refusal::Permission(format!(
            "the role {:?} is for nobody: expected `for: [app]`, `[user]` or both",
            role.value
        ))),
        None => Ok(()),
    }
}
