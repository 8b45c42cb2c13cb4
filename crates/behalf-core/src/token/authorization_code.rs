//! An authorization code is redeemed (protocol 8.3, RFC 6749 4.1.3, RFC 7636 4.6).

use behalf_protocol::{
    EndpointVersion, pkce::CodeVerifier, token::request::AuthorizationCodeRequest,
};

use crate::{
    event::{Step, Trail},
    id::{TenantId, TicketId},
    ticket::{self, CodeTicket, Opened, Origin, Standing},
    time::{Timestamp, written},
    token::{
        Delegating, Echo, GrantRefusal, IdentifiedClient, Refusal, UserIssuance, VerifierFault,
        root::Root,
    },
};

/// How a code is presented.
#[derive(Debug, Clone, Copy)]
pub struct Presentation<'a> {
    /// The tenant that the path names.
    pub tenant: TenantId,
    /// The endpoint's version.
    pub version: EndpointVersion,
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub verifier: Option<CodeVerifier<'a>>,
    /// The request has the header `Origin`: it comes from a page.
    pub from_page: bool,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Presentation<'a> {
    /// Of a request to the endpoint of `version` in `tenant`.
    pub fn of(
        request: &AuthorizationCodeRequest<'a>,
        (tenant, version): (TenantId, EndpointVersion),
        from_page: bool,
        now: Timestamp,
    ) -> Self {
        let (redirect_uri, verifier) = (request.redirect_uri, request.code_verifier);
        Self { tenant, version, redirect_uri, verifier, from_page, now }
    }
}

/// A code that its own client presents where and as it must. Only [`admit`] makes one.
#[derive(Debug)]
pub struct AdmittedCode(CodeTicket);

impl AdmittedCode {
    /// What it says.
    pub fn ticket(&self) -> &CodeTicket {
        &self.0
    }
}

/// The checks that a code is bound to: client and its authentication, tenant, endpoint version,
/// redirect URI, page, challenge, time. A failed attempt consumes nothing.
pub fn admit(
    opened: Opened<CodeTicket>,
    client: &IdentifiedClient<'_>,
    presented: Presentation<'_>,
    trail: &mut Trail,
) -> Result<AdmittedCode, Refusal> {
    bound(&opened, client, presented).inspect_err(|refusal| trail.failed(refusal.step()))?;
    trail.ok(Step::Presented);
    Ok(AdmittedCode(opened.into_claims()))
}

fn bound(
    opened: &Opened<CodeTicket>,
    client: &IdentifiedClient<'_>,
    presented: Presentation<'_>,
) -> Result<(), Refusal> {
    let code = opened.claims();
    let app_id = client.facts().app_id;
    if code.client.app_id != app_id {
        return Err(GrantRefusal::CodeOfOtherClient { client: app_id }.into());
    }
    if code.client.confidential {
        client.confidential()?;
    }
    if opened.tenant() != presented.tenant || code.endpoint != presented.version {
        return Err(GrantRefusal::CodeOfOtherEndpoint.into());
    }
    if presented.redirect_uri != Some(code.redirect_uri.as_str()) {
        return Err(GrantRefusal::OtherRedirectUri.into());
    }
    of_page(code, client, presented.from_page)?;
    let fault = match (&code.challenge, presented.verifier) {
        (None, None) => None,
        (None, Some(_)) => Some(VerifierFault::Unexpected),
        (Some(_), None) => Some(VerifierFault::Missing),
        (Some(challenge), Some(verifier)) => {
            (!ticket::answers(verifier, challenge)).then_some(VerifierFault::Wrong)
        }
    };
    if let Some(fault) = fault {
        return Err(GrantRefusal::Verifier(fault).into());
    }
    if presented.now >= code.expires {
        let expired = written(code.expires.unix_seconds());
        return Err(GrantRefusal::CodeExpired { expired }.into());
    }
    Ok(())
}

/// A page redeems from the browser, with PKCE and without a credential; nobody else does from
/// there.
fn of_page(
    code: &CodeTicket,
    client: &IdentifiedClient<'_>,
    from_page: bool,
) -> Result<(), GrantRefusal> {
    match (code.client.spa, from_page) {
        (false, true) => Err(GrantRefusal::NotAPage),
        (true, false) => Err(GrantRefusal::PageExpected),
        (true, true) if client.authenticated().is_some() => Err(GrantRefusal::CredentialOfPage),
        (true, true) if code.challenge.is_none() => Err(GrantRefusal::ProofKeyRequired),
        (true, true) | (false, false) => Ok(()),
    }
}

/// Everything but the last step: the code must still be consumed, last before anything is issued.
#[derive(Debug)]
pub struct Redeemable<'f> {
    code: CodeTicket,
    issuance: UserIssuance<'f>,
}

impl<'f> Redeemable<'f> {
    /// What is to be consumed: its id, which is the family's too, and when it ends.
    pub fn code(&self) -> (TicketId, Timestamp) {
        (self.code.id, self.code.expires)
    }

    /// Consumed, by this very request.
    pub fn consumed(self, trail: &mut Trail) -> UserIssuance<'f> {
        trail.ok(Step::SingleUse);
        self.issuance
    }

    /// It had been consumed before: whoever comes second ends the family of both.
    pub fn replayed(self, trail: &mut Trail) -> Refusal {
        trail.failed(Step::SingleUse);
        GrantRefusal::CodeRedeemed.into()
    }
}

/// Decides, up to the consumption. `id` becomes the refresh token's.
pub fn decide<'f>(
    admitted: AdmittedCode,
    on: &Delegating<'f, '_>,
    family: Standing,
    id: TicketId,
    trail: &mut Trail,
) -> Result<Redeemable<'f>, Refusal> {
    check(admitted.0, on, family, id, trail).inspect_err(|refusal| trail.failed(refusal.step()))
}

fn check<'f>(
    code: CodeTicket,
    on: &Delegating<'f, '_>,
    family: Standing,
    id: TicketId,
    trail: &mut Trail,
) -> Result<Redeemable<'f>, Refusal> {
    if family == Standing::Ended {
        return Err(GrantRefusal::CodeRedeemed.into());
    }
    let root = Root {
        user: code.user,
        counters: code.counters,
        client: Some((code.client.service_principal, code.client.revision)),
        spa: code.client.spa,
        sign_in: code.sign_in.clone(),
        echo: Echo { nonce: code.nonce.clone(), auth_time: code.auth_time },
        family: code.family(),
        requested: code.requested.clone(),
        origin: Origin::Code,
    };
    let issuance = on.first(root, id, trail)?;
    Ok(Redeemable { code, issuance })
}
