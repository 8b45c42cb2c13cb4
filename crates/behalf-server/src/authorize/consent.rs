//! The consent page, the page of those who may not consent, and what both send.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use behalf_core::{
    authorize::{Account, Refusal},
    consent::{
        ConsentList, ConsentRefusal, ListDigest, ListedPermission, Part, PermissionKind, Required,
    },
    id::{AppId, SessionId},
    ticket::{Body as Sealed, Purpose, Sheet},
};
use behalf_protocol::authorize::AuthorizeParameters;
use behalf_store::{
    WriteSet,
    records::used_ticket::{self, Used},
};
use http::{Response, request::Parts};
use serde::{Deserialize, Serialize};

use super::{
    flow::{Flow, Turn},
    form::Sent,
    proceed::Asked,
    respond::{answered as answer_of, go_on, sealed},
    visit::Visit,
    way::Way,
};
use crate::{
    directory::{Acceptance, Consented, Directory, Refusal as DirectoryRefusal},
    pages::{self, Chain, ConsentPage, NeedsAdminPage, Permission, Wanted},
    state::Core,
    unserved,
};

/// What a page showed, to whom: the only thing that its acceptance covers (CN-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    #[serde(rename = "c")]
    client: AppId,
    #[serde(rename = "s")]
    session: SessionId,
    #[serde(rename = "d")]
    digest: ListDigest,
}

impl Sealed for Shown {
    const PURPOSE: Purpose = Purpose::Consent;
}

/// What the user has to be asked.
pub(super) async fn required(
    visit: &Visit<'_>,
    way: &Way,
    asked: &Asked<'_>,
    account: &Account,
) -> Result<Required, Refusal> {
    let place = (account.user.tenant, way.client());
    let directory = Directory::of(visit.server());
    let required = directory.consent_required(place, &asked.consent, &account.user).await;
    required.map_err(of_directory)
}

fn of_directory(refusal: DirectoryRefusal) -> Refusal {
    match refusal {
        DirectoryRefusal::Consent(refusal) => Refusal::Consent(refusal),
        DirectoryRefusal::NotForThisTenant(client) => {
            Refusal::Consent(ConsentRefusal::ClientUnknown { client })
        }
        DirectoryRefusal::Denied(_) => Refusal::AdminConsentRequired,
        other => {
            unserved::tell(&other, "consent could not be decided");
            Refusal::Unavailable
        }
    }
}

/// Asks an administrator for an admin consent endpoint.
pub(super) async fn ask(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    asked: &Asked<'_>,
    account: &Account,
) -> Response<Body> {
    match required(visit, way, asked, account).await {
        Err(refusal) => way.refuse(visit, flow, &refusal).await,
        Ok(Required::Nothing) => {
            super::code::consented(visit, (way, flow), asked.admin_scope, account)
        }
        Ok(required) => show(visit, (way, flow), &required, account),
    }
}

/// Shows what is asked for.
pub(super) fn show(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    required: &Required,
    account: &Account,
) -> Response<Body> {
    match required {
        Required::Dialog(list) => dialog(visit, (way, flow), list, account),
        Required::NeedsAdmin(list) => needs_admin(visit, (way, flow), list, (account, false)),
        Required::Nothing => go_on(visit, way, flow),
    }
}

fn dialog(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    list: &ConsentList,
    account: &Account,
) -> Response<Body> {
    let client = way.client();
    let shown = Shown { client, session: account.sign_in.session, digest: list.digest() };
    let sealed_list = visit.seal(list.tenant, shown).ok();
    let parts =
        sealed(visit, way, flow).zip(sealed_list).zip(elsewhere(visit, way, (flow, Turn::Choose)));
    let Some(((flow_text, list_text), switch)) = parts else { return visit.failed() };
    let home = list.client.home == list.tenant;
    let texts: Vec<_> = list.parts.iter().flat_map(by_kind).collect();
    let permissions: Vec<Vec<Permission<'_>>> = texts.iter().map(Row::permissions).collect();
    let chains: Vec<Chain<'_>> = texts
        .iter()
        .zip(&permissions)
        .map(|(row, permissions)| Chain {
            client: &row.client,
            api: &row.api,
            further: row.caller != list.client.app_id,
            as_itself: row.kind == PermissionKind::Role,
            permissions,
        })
        .collect();
    let adds: Vec<String> = list.creates.iter().map(|party| pages::shown(&party.name)).collect();
    let adds: Vec<&str> = adds.iter().map(String::as_str).collect();
    let page = ConsentPage {
        tenant: &pages::shown(tenant_name(way, account)),
        user: account.user.name.as_str(),
        app: &pages::shown(&list.client.name),
        owner: &if home {
            "this directory".to_owned()
        } else {
            pages::shown(&list.client.home_name)
        },
        foreign: !home,
        chains: &chains,
        adds: &adds,
        may_grant_for_everyone: !list.for_everyone && administers_consent(account),
        for_everyone: list.for_everyone,
        action: &format!("/{}/consent", flow.segment),
        switch: &switch,
        hidden: &[("flow", &flow_text), ("list", &list_text)],
    };
    visit.page(&page, way.leads_to())
}

/// Where somebody else goes on with the same request.
fn elsewhere(visit: &Visit<'_>, way: &Way, (flow, turn): (&Flow, Turn)) -> Option<String> {
    let other = Flow { session: None, fresh: false, turn: Some(turn), ..flow.clone() };
    let sealed = sealed(visit, way, &other)?;
    Some(format!("/{}/continue?flow={sealed}", flow.segment))
}

/// With `common` the user's own tenant is not in the path; his domain stands for it.
fn tenant_name<'a>(way: &'a Way, account: &'a Account) -> &'a str {
    way.tenant.as_ref().map_or(account.user.name.domain(), |facts| &facts.tenant.display_name)
}

/// Whether the tick box is worth showing; whether he may is decided when he accepts.
fn administers_consent(account: &Account) -> bool {
    use behalf_core::directory_role::DirectoryRole::{
        ApplicationAdministrator, CloudApplicationAdministrator, GlobalAdministrator,
        PrivilegedRoleAdministrator,
    };
    [
        GlobalAdministrator,
        PrivilegedRoleAdministrator,
        ApplicationAdministrator,
        CloudApplicationAdministrator,
    ]
    .iter()
    .any(|role| account.user.roles.contains(role))
}

/// One paragraph of the page.
struct Row {
    caller: AppId,
    client: String,
    api: String,
    kind: PermissionKind,
    lines: Vec<(String, String, bool)>,
}

impl Row {
    fn permissions(&self) -> Vec<Permission<'_>> {
        self.lines
            .iter()
            .map(|(text, value, admin)| Permission { text, value, admin: *admin })
            .collect()
    }
}

/// Scopes and app roles of one part apart: one is in the user's name, the other is not.
fn by_kind(part: &Part) -> Vec<Row> {
    [PermissionKind::Scope, PermissionKind::Role]
        .into_iter()
        .map(|kind| Row {
            caller: part.client.app_id,
            client: pages::shown(&part.client.name),
            api: pages::shown(&part.resource.name),
            kind,
            lines: part.permissions.iter().filter(|p| p.kind == kind).map(line).collect(),
        })
        .filter(|row| !row.lines.is_empty())
        .collect()
}

fn line(permission: &ListedPermission) -> (String, String, bool) {
    let text = if permission.text.is_empty() { &permission.value } else { &permission.text };
    (pages::shown(text), pages::shown(&permission.value), permission.admin_only)
}

fn needs_admin(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    list: &ConsentList,
    (account, sent): (&Account, bool),
) -> Response<Body> {
    let parts = sealed(visit, way, flow).zip(elsewhere(visit, way, (flow, Turn::Other)));
    let Some((flow_text, switch)) = parts else { return visit.failed() };
    let rows: Vec<Row> = list.parts.iter().flat_map(by_kind).collect();
    let wanted: Vec<Wanted<'_>> = rows
        .iter()
        .flat_map(|row| {
            row.lines.iter().map(|(text, value, _)| Wanted {
                client: &row.client,
                api: &row.api,
                text,
                value,
            })
        })
        .collect();
    let page = NeedsAdminPage {
        tenant: &pages::shown(tenant_name(way, account)),
        user: account.user.name.as_str(),
        app: &pages::shown(&list.client.name),
        wanted: &wanted,
        sent,
        request: &visit.circumstances.id.to_string(),
        action: &format!("/{}/consent", flow.segment),
        switch: &switch,
        hidden: &[("flow", &flow_text)],
    };
    visit.page(&page, way.leads_to())
}

/// `POST /{tenant}/consent`.
pub(super) async fn answered(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answer_of(Box::pin(answer(&visit, &parts, body)).await)
}

async fn answer(
    visit: &Visit<'_>,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let (sent, way) = Sent::read(visit, parts, body).await?;
    let accounts = visit.accounts(way.tenant_id()).await;
    let accounts = accounts.map_err(|_| Box::new(visit.unavailable()))?;
    let chosen = |session| sent.flow.session == Some(session);
    let found = accounts.into_iter().find(|signed| chosen(signed.account.sign_in.session));
    // Signed out meanwhile: whoever signs in is asked again.
    let Some(signed) = found else { return Ok(go_on(visit, &way, &sent.flow)) };
    let parameters = AuthorizeParameters::parse(&sent.flow.query);
    let parameters = parameters.map_err(|_| Box::new(visit.unreadable()))?;
    let asked = match Asked::read(&parameters, &sent.flow, &way) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(way.refuse(visit, &sent.flow, &refusal).await),
    };
    if sent.form.get("do") == "ask" {
        return Ok(request_approval(visit, (&way, &sent), &asked, &signed.account).await);
    }
    if sent.form.get("do") != "accept" {
        return Ok(visit.unreadable());
    }
    accept(visit, (&way, &sent), &asked, &signed.account).await
}

async fn accept(
    visit: &Visit<'_>,
    (way, sent): (&Way, &Sent),
    asked: &Asked<'_>,
    account: &Account,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let age = visit.now().since(account.sign_in.time);
    if asked.wishes.max_age.is_some_and(|max| age.as_secs() > max.into()) && !sent.flow.fresh {
        return Ok(go_on(visit, way, &sent.flow));
    }
    let opened = visit.server().tickets.open::<Sheet<Shown>>(sent.form.get("list"), visit.now());
    let opened = opened.map_err(|_| Box::new(visit.stale()))?;
    let shown = opened.body(visit.now()).map_err(|_| Box::new(visit.stale()))?;
    let (tenant, client) = (account.user.tenant, way.client());
    if opened.tenant() != tenant
        || shown.client != client
        || shown.session != account.sign_in.session
    {
        return Err(Box::new(visit.foreign()));
    }
    let mut also = WriteSet::new();
    let page = opened.claims();
    used_ticket::record(&mut also, tenant, Used::Page(page.id()), page.expires());
    let acceptance = Acceptance {
        tenant,
        client,
        request: &asked.consent,
        shown: &shown.digest,
        user: account.user.id,
        for_everyone: sent.form.get("everyone") == "yes",
        also: &also,
    };
    let directory = Directory::of(visit.server()).acted_on_by(account.user.name.as_str());
    Ok(match directory.accept_consent(&acceptance).await {
        Ok(Consented::Granted(_) | Consented::Nothing) => {
            go_on(visit, way, &Flow { consented: true, ..sent.flow.clone() })
        }
        // It was answered before, as by a second click, or is not what is so now.
        Ok(Consented::Again(_)) | Err(DirectoryRefusal::Contended) => {
            not_as_shown(visit, (way, sent), account).await
        }
        // The page of those who may not.
        Err(DirectoryRefusal::Denied(_)) => go_on(visit, way, &sent.flow),
        Err(refusal) => {
            let refusal = of_directory(refusal);
            way.refuse(visit, &sent.flow, &refusal).await
        }
    })
}

/// Goes on where the request needs no consent any more; else shows what it needs now.
async fn not_as_shown(
    visit: &Visit<'_>,
    (way, sent): (&Way, &Sent),
    account: &Account,
) -> Response<Body> {
    let consented = Flow { consented: true, ..sent.flow.clone() };
    let Ok(parameters) = AuthorizeParameters::parse(&sent.flow.query) else {
        return visit.unreadable();
    };
    let required = match Asked::read(&parameters, &consented, way) {
        Ok(asked) => required(visit, way, &asked, account).await,
        Err(refusal) => Err(refusal),
    };
    match required {
        Ok(Required::Nothing) => go_on(visit, way, &consented),
        Ok(_) => go_on(visit, way, &sent.flow),
        Err(refusal) => way.refuse(visit, &sent.flow, &refusal).await,
    }
}

async fn request_approval(
    visit: &Visit<'_>,
    (way, sent): (&Way, &Sent),
    asked: &Asked<'_>,
    account: &Account,
) -> Response<Body> {
    let list = match required(visit, way, asked, account).await {
        Ok(Required::NeedsAdmin(list)) => list,
        Ok(_) => return go_on(visit, way, &sent.flow),
        Err(refusal) => return way.refuse(visit, &sent.flow, &refusal).await,
    };
    let directory = Directory::of(visit.server()).acted_on_by(account.user.name.as_str());
    match directory.request_approval(&account.user, &list, sent.form.get("reason")).await {
        Ok(_) => needs_admin(visit, (way, &sent.flow), &list, (account, true)),
        Err(refusal) => way.refuse(visit, &sent.flow, &of_directory(refusal)).await,
    }
}
