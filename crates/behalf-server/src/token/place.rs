//! Which tenant a request is for: the one that its path names or, under `common`, the one that what
//! it presents leads to.

use std::sync::Arc;

use behalf_core::{
    event::{ClientRef, Step},
    id::TenantId,
    tenant::TenantSegment,
    ticket::{CodeTicket, RefreshTicket},
    token::{GrantRefusal, Refusal},
    user::UserPrincipalName,
};
use behalf_protocol::{
    device::PollRefusal,
    token::{GrantType, SecretText, request::TokenForm},
};

use http::HeaderMap;

use super::inquiry::{Denied, Inquiry, content_type};
use crate::facts::TenantFacts;

impl Inquiry<'_> {
    /// The tenant that the path names; under `common`, the one that a code or refresh token was
    /// sealed for (tickets.md 1), that a device's user belongs to, or that a user name's domain is
    /// of.
    pub(super) async fn tenant(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Arc<TenantFacts>, Denied> {
        if let Some(named) = self.named_tenant(headers).await? {
            return Ok(named);
        }
        let found = match self.home(content_type(headers), body).await? {
            Some(home) => self.core.tenant(&home, &self.circumstances).await?,
            None => None,
        };
        self.placed(found)
    }

    /// The tenant that the path names; `None`: it is `common`, which names none.
    pub(super) async fn named_tenant(
        &mut self,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<TenantFacts>>, Denied> {
        self.note_origin(headers);
        let found = self.core.tenant(self.segment, &self.circumstances).await?;
        self.anywhere =
            found.is_none() && TenantSegment::parse(self.segment) == Some(TenantSegment::Any);
        if self.anywhere { Ok(None) } else { self.placed(found).map(Some) }
    }

    /// The tenant of that id, which stands in for `common`.
    pub(super) async fn tenant_of(&mut self, id: TenantId) -> Result<Arc<TenantFacts>, Denied> {
        let found = self.core.tenant(&id.to_string(), &self.circumstances).await?;
        self.placed(found)
    }

    fn placed(&mut self, found: Option<Arc<TenantFacts>>) -> Result<Arc<TenantFacts>, Denied> {
        let found = found.ok_or_else(|| unknown_tenant(self.segment));
        let tenant = self.step(Step::Tenant, found)?;
        self.event.tenant = tenant.tenant.id;
        Ok(tenant)
    }

    /// The name of the tenant that what is presented leads to.
    async fn home(
        &mut self,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Option<String>, Denied> {
        let Ok(form) = TokenForm::parse(content_type, body) else { return Ok(None) };
        let grant = form.grant_type.as_deref().and_then(|name| name.parse().ok());
        Ok(match grant {
            Some(GrantType::RefreshToken | GrantType::AuthorizationCode) => {
                self.home_of_ticket(&form).map(|home| home.to_string())
            }
            Some(GrantType::DeviceCode) => Some(self.home_of_device(&form).await?.to_string()),
            Some(GrantType::Password) => self.home_of_user(&form)?,
            _ => None,
        })
    }

    fn home_of_ticket(&self, form: &TokenForm<'_>) -> Option<TenantId> {
        let (tickets, now) = (&self.core.server.tickets, self.circumstances.now);
        if let Some(token) = &form.refresh_token {
            return Some(tickets.open::<RefreshTicket>(token.expose(), now).ok()?.tenant());
        }
        let code = form.code.as_ref()?;
        Some(tickets.open::<CodeTicket>(code.expose(), now).ok()?.tenant())
    }

    /// Asks the store, so whoever fails too often is sent away first.
    async fn home_of_device(&mut self, form: &TokenForm<'_>) -> Result<TenantId, Denied> {
        let named = form.client_id.as_deref().and_then(|id| id.parse().ok());
        self.event.client = named.map_or(ClientRef::Absent, ClientRef::Id);
        let (address, now) = (self.circumstances.address, self.circumstances.now);
        if let Some(wait) = self.core.server.limits.failing(address, self.event.client, now) {
            return Err(Denied::Throttled(wait));
        }
        let text = form.device_code.as_ref().or(form.code.as_ref());
        let text = text.map(SecretText::expose).unwrap_or_default();
        let found = self.core.server.device_grants.presented(text).await?;
        let unknown =
            || GrantRefusal::Device { cause: PollRefusal::Unknown, version: self.version };
        let found = found.ok_or_else(|| Refusal::from(unknown()));
        Ok(self.inspect(Step::Presented, found)?.grant.place())
    }

    fn home_of_user(&mut self, form: &TokenForm<'_>) -> Result<Option<String>, Refusal> {
        if self.segment.eq_ignore_ascii_case("common") {
            return self.inspect(Step::Tenant, Err(GrantRefusal::PasswordNeedsTenant.into()));
        }
        let typed = form.username.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        let name = UserPrincipalName::parse(&typed).ok();
        Ok(name.map(|name| name.domain().to_owned()))
    }
}

fn unknown_tenant(segment: &str) -> Refusal {
    match TenantSegment::parse(segment) {
        None => Refusal::TenantMalformed,
        Some(TenantSegment::Any) => {
            Refusal::TenantRequired { segment: segment.to_ascii_lowercase() }
        }
        Some(_) => Refusal::TenantUnknown { segment: segment.to_ascii_lowercase() },
    }
}
