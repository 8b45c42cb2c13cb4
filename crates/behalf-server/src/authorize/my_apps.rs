//! Consent is taken back by the user who gave it: a list of what applications may do in his name,
//! with a form for each. Who is signed in with the browser sees his own, and nobody else's.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
};
use behalf_core::{
    access::Actor,
    application::Application,
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, SessionId, TenantId},
    ticket::{Body as Sealed, Purpose},
};
use behalf_store::{GrantsOf, ReadError, Reading};
use http::{Response, request::Parts};
use serde::{Deserialize, Serialize};

use super::{
    endpoint,
    form::Form,
    respond::answered,
    visit::{Bound, Visit},
};
use crate::{
    directory::{Directory, Refusal, Selection},
    pages::{AllowedApp, AllowedBy, AllowedPermission, MyAppsPage, NoticePage, shown},
    session::account::SignedIn,
    state::Core,
    unserved::{self, Cause},
};

/// Where it is.
const HERE: &str = "/myapps";

/// The form of one application, bound to its browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TakeBack {
    #[serde(rename = "b")]
    browser: String,
    /// Whose.
    #[serde(rename = "s")]
    session: SessionId,
    /// From whom.
    #[serde(rename = "c")]
    client: AppId,
}

impl Sealed for TakeBack {
    const PURPOSE: Purpose = Purpose::Csrf;
}

impl Bound for TakeBack {
    fn browser(&self) -> &str {
        &self.browser
    }
}

/// `GET /myapps`.
pub(super) async fn list(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(show(&visit)).await)
}

async fn show(visit: &Visit<'_>) -> Result<Response<Body>, Box<Response<Body>>> {
    endpoint::admit(visit)?;
    let signed_in =
        visit.accounts(None).await.map_err(|error| Box::new(unreadable(visit, &error)))?;
    if signed_in.is_empty() {
        let page = NoticePage {
            title: "Nobody is signed in",
            text: "Sign in to any application with this browser, and open this page again.",
            frames: &[],
            link: None,
        };
        return Ok(visit.page(&page, None));
    }
    let mut accounts = Vec::new();
    for signed in &signed_in {
        let apps =
            allowed(visit, signed).await.map_err(|error| Box::new(unreadable(visit, &error)))?;
        accounts.push(AllowedBy { user: signed.account.user.name.to_string(), apps });
    }
    Ok(visit.page(&MyAppsPage { accounts: &accounts, action: HERE }, None))
}

fn unreadable(visit: &Visit<'_>, error: &impl Cause) -> Response<Body> {
    unserved::tell(error, "what a user allowed could not be read");
    visit.unavailable()
}

/// What a user allowed for himself, by application.
async fn allowed(visit: &Visit<'_>, signed: &SignedIn) -> Result<Vec<AllowedApp>, Refusal> {
    let (user, session) = (&signed.account.user, signed.account.sign_in.session);
    let reading = visit.server().store.reading();
    let own = GrantsOf::User(user.id);
    let mut by_client: BTreeMap<ObjectId, Vec<PermissionGrant>> = BTreeMap::new();
    for grant in Directory::of(visit.server()).permission_grants(user.tenant, own).await? {
        by_client.entry(grant.client).or_default().push(grant);
    }
    let mut apps = Vec::new();
    for (client, grants) in by_client {
        let Some(client) = application(&reading, user.tenant, client).await? else { continue };
        let mut permissions = Vec::new();
        for grant in &grants {
            if let Some(api) = application(&reading, user.tenant, grant.resource).await? {
                permissions.extend(described(&api, grant));
            }
        }
        let body = TakeBack { browser: visit.browser.clone(), session, client: client.app_id };
        let Ok(form) = visit.seal(user.tenant, body) else { continue };
        apps.push(AllowedApp { client: shown(client.display_name()), permissions, form });
    }
    apps.sort_by(|one, other| one.client.cmp(&other.client));
    Ok(apps)
}

/// The application behind a service principal.
async fn application(
    reading: &Reading<'_>,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Option<Application>, ReadError> {
    let Some(principal) = reading.service_principal(tenant, principal).await? else {
        return Ok(None);
    };
    let found = reading.application(principal.home, principal.application).await?;
    Ok(found.map(|stored| stored.value))
}

fn described(
    api: &Application,
    grant: &PermissionGrant,
) -> impl Iterator<Item = AllowedPermission> {
    let name = shown(api.display_name());
    api.scopes.iter().filter(|scope| grant.scopes.contains(&scope.id)).map(move |scope| {
        let text = if scope.text.is_empty() { &scope.value } else { &scope.text };
        AllowedPermission { text: shown(text), value: shown(&scope.value), api: name.clone() }
    })
}

/// `POST /myapps`: a user takes back what he allowed one application.
pub(super) async fn taken_back(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(take_back(&visit, body)).await)
}

async fn take_back(visit: &Visit<'_>, body: Body) -> Result<Response<Body>, Box<Response<Body>>> {
    let form = Form::posted(visit, body).await?;
    let asked: TakeBack = visit.open(form.get("form"))?;
    let accounts =
        visit.accounts(None).await.map_err(|error| Box::new(unreadable(visit, &error)))?;
    let signed = accounts.iter().find(|own| own.account.sign_in.session == asked.session);
    let user = &signed.ok_or_else(|| Box::new(visit.stale()))?.account.user;
    let selection =
        Selection { granted_for: Some(GrantedFor::User(user.id)), ..Selection::default() };
    let directory = Directory::of(visit.server()).acted_on_by(user.name.as_str());
    let place = (user.tenant, asked.client);
    match directory.revoke_consent(place, &selection, Actor::User(user)).await {
        // Gone already, with the application or by a second click.
        Ok(_) | Err(Refusal::NoServicePrincipal(_) | Refusal::NoApplication(_)) => {
            Ok(visit.redirect(HERE))
        }
        Err(error) => {
            unserved::tell(&error, "consent could not be taken back");
            Ok(visit.unavailable())
        }
    }
}
