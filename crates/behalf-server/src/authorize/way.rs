//! The way back to the client: trusted before anything else is looked at.

use std::sync::Arc;

use axum::body::Body;
use behalf_core::{
    application::{Application, Platform},
    authorize::{Trusted, Untrusted, destination, usable},
    device::Waiting,
    id::{AppId, TenantId},
    tenant::TenantSegment,
};
use behalf_protocol::{
    authorize::{AuthorizeParameters, ResponseMode},
    error::AadSts,
    query::QueryError,
};
use behalf_store::ReadError;
use http::Response;

use super::{
    device,
    flow::{Device, Flow},
    visit::{Problem, Visit},
};
use crate::{device_grants::Place, facts::TenantFacts, state::Unresolved, unserved};

/// A client that is known, and where its answer goes.
pub(super) struct Way {
    /// The tenant that the path names; `None`: the user's.
    pub(super) tenant: Option<Arc<TenantFacts>>,
    /// The client.
    pub(super) application: Application,
    /// Where it waits for the answer.
    pub(super) end: End,
}

/// Where a client waits.
pub(super) enum End {
    /// At its redirect URI.
    Redirect(Redirection),
    /// At the token endpoint, on a device that polls.
    Device(Box<WaitingDevice>),
}

/// A redirect URI, and how an answer gets there.
pub(super) struct Redirection {
    /// The redirect URI.
    pub(super) trusted: Trusted,
    /// How the answer is sent.
    pub(super) mode: ResponseMode,
    /// `state`, echoed.
    pub(super) state: Option<String>,
    /// `iss`, as the metadata of the path's tenant says (RFC 9207).
    pub(super) iss: String,
}

/// A device that waits.
pub(super) struct WaitingDevice {
    /// What it asked for.
    pub(super) waiting: Waiting,
    /// Where that is kept.
    pub(super) place: Place,
}

/// Why there is no way back: the answer is a page.
enum NoWay {
    Query(QueryError),
    TenantMalformed,
    TenantUnknown,
    Throttled(u64),
    Untrusted(Untrusted, Option<Box<Application>>),
    NoDevice,
    Unreadable(ReadError),
}

impl From<ReadError> for NoWay {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}

impl Way {
    /// Finds the client of `flow`, whose parameters these are, and trusts its redirect URI or finds
    /// the device that waits; or answers with a page.
    pub(super) async fn find(
        visit: &Visit<'_>,
        flow: &Flow,
        parameters: &AuthorizeParameters<'_>,
    ) -> Result<Self, Box<Response<Body>>> {
        match Self::look(visit, flow, parameters).await {
            Ok(way) => Ok(way),
            Err(cause) => Err(Box::new(no_way(visit, cause).await)),
        }
    }

    async fn look(
        visit: &Visit<'_>,
        flow: &Flow,
        parameters: &AuthorizeParameters<'_>,
    ) -> Result<Self, NoWay> {
        let tenant = tenant(visit, &flow.segment).await?;
        if let Some(device) = flow.device {
            return Self::to_device(visit, tenant, device).await;
        }
        let asked = parameters.destination(flow.kind.version()).map_err(NoWay::Query)?;
        let client = Untrusted::client(&asked).map_err(|cause| NoWay::Untrusted(cause, None))?;
        let found = visit.server().store.reading().application_by_app_id(client).await?;
        let found = found.map(|stored| stored.value);
        let here = tenant.as_ref().map(|facts| facts.tenant.id);
        let trusted = match destination(&asked, found.as_ref(), here) {
            Ok(trusted) => trusted,
            Err(cause) => return Err(NoWay::Untrusted(cause, found.map(Box::new))),
        };
        let application =
            found.ok_or(NoWay::Untrusted(Untrusted::ClientUnknown { client }, None))?;
        let authority = visit.server().metadata.authority();
        let version = flow.kind.version();
        let iss = here.map_or_else(
            || authority.issuer_template(version),
            |tenant| authority.issuer(version, tenant.0),
        );
        let mode = if flow.kind.is_admin_consent() {
            ResponseMode::Query
        } else {
            parameters.error_response_mode()
        };
        let state = parameters.state().map(str::to_owned);
        let end = End::Redirect(Redirection { trusted, mode, state, iss });
        Ok(Self { tenant, application, end })
    }

    async fn to_device(
        visit: &Visit<'_>,
        tenant: Option<Arc<TenantFacts>>,
        device: Device,
    ) -> Result<Self, NoWay> {
        let server = visit.server();
        let found = server.device_grants.find(device.code).await?.ok_or(NoWay::NoDevice)?;
        let here = tenant.as_ref().map(|facts| facts.tenant.id);
        if found.grant.id != device.grant || found.grant.tenant != here {
            return Err(NoWay::NoDevice);
        }
        let waiting = found.grant.waiting(visit.now()).map_err(|_| NoWay::NoDevice)?;
        let client = waiting.grant().client;
        let application = server.store.reading().application_by_app_id(client).await?;
        let unknown = || NoWay::Untrusted(Untrusted::ClientUnknown { client }, None);
        let application = application.ok_or_else(unknown)?.value;
        usable(&application, here).map_err(|cause| NoWay::Untrusted(cause, None))?;
        let end = End::Device(Box::new(WaitingDevice { waiting, place: found.place }));
        Ok(Self { tenant, application, end })
    }

    /// The client.
    pub(super) fn client(&self) -> AppId {
        self.application.app_id
    }

    /// What waits behind the redirect URI; `None`: a device polls.
    pub(super) fn platform(&self) -> Option<Platform> {
        match &self.end {
            End::Redirect(redirection) => Some(redirection.trusted.platform()),
            End::Device(_) => None,
        }
    }

    /// Where its pages' forms may lead in the end.
    pub(super) fn leads_to(&self) -> Option<&str> {
        match &self.end {
            End::Redirect(redirection) => Some(redirection.trusted.uri()),
            End::Device(_) => None,
        }
    }

    /// The tenant that the path names.
    pub(super) fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.as_ref().map(|facts| facts.tenant.id)
    }

    /// What people call it, or what stands for it while it is not known.
    pub(super) fn tenant_name(&self) -> &str {
        self.tenant.as_ref().map_or("Your organisation", |facts| facts.tenant.display_name.as_str())
    }
}

/// The tenant that `segment` names; `None` for `common` and `organizations`.
async fn tenant(visit: &Visit<'_>, segment: &str) -> Result<Option<Arc<TenantFacts>>, NoWay> {
    match TenantSegment::parse(segment) {
        None => Err(NoWay::TenantMalformed),
        Some(TenantSegment::Any) => Ok(None),
        Some(_) => match visit.core.tenant(segment, &visit.circumstances).await {
            Ok(Some(facts)) => Ok(Some(facts)),
            Ok(None) => Err(NoWay::TenantUnknown),
            Err(Unresolved::Throttled(wait)) => Err(NoWay::Throttled(wait)),
            Err(Unresolved::Unreadable(error)) => Err(NoWay::Unreadable(error)),
        },
    }
}

/// Parameters that nothing can be read of.
pub(super) async fn unreadable(visit: &Visit<'_>, error: QueryError) -> Response<Body> {
    no_way(visit, NoWay::Query(error)).await
}

async fn no_way(visit: &Visit<'_>, cause: NoWay) -> Response<Body> {
    let public = |title, text: String| Problem { title, text, public: true, ..Problem::default() };
    match cause {
        NoWay::Query(error) => {
            let problem = public("This address cannot be answered", error.to_string());
            visit.problem(error.aadsts(), problem).await
        }
        NoWay::TenantMalformed => {
            let kind = AadSts::MalformedTenant;
            visit.problem(kind, public("There is no such directory", kind.cause().to_owned())).await
        }
        NoWay::TenantUnknown => {
            let kind = AadSts::TenantNotFound;
            visit.problem(kind, public("There is no such directory", kind.cause().to_owned())).await
        }
        NoWay::NoDevice => device::over(visit),
        NoWay::Throttled(wait) => visit.throttled(wait),
        NoWay::Unreadable(error) => {
            unserved::tell(&error, "an authorization request could not be looked up");
            visit.unavailable()
        }
        NoWay::Untrusted(cause, application) => untrusted(visit, &cause, application).await,
    }
}

async fn untrusted(
    visit: &Visit<'_>,
    cause: &Untrusted,
    application: Option<Box<Application>>,
) -> Response<Body> {
    let about_redirect =
        matches!(cause, Untrusted::RedirectUnknown { .. } | Untrusted::RedirectMissing);
    let title = if about_redirect {
        "The application sent you here with an address we do not know"
    } else {
        "We do not know the application that sent you here"
    };
    let advice = Some(
        "You did nothing wrong, and nothing was sent there. Whoever runs the application can mend \
         this: tell them what stands here.",
    );
    let mut problem = Problem { title, text: cause.to_string(), advice, ..Problem::default() };
    if let Some(app) = application.filter(|_| about_redirect) {
        let registered = app.redirects.iter().map(|redirect| redirect.uri.as_str());
        let registered: Vec<&str> = registered.collect();
        problem.details.push(format!("{} has registered: {}", app.name, registered.join(", ")));
        // Not the address that was asked for: whoever made this link chose it.
        problem.command = Some(format!(
            "# {}, in its manifest\nredirects: [URI]\n\nbehalf apply -f FILE",
            app.name
        ));
        problem.home = Some(app.tenant);
    }
    visit.problem(cause.aadsts(), problem).await
}
