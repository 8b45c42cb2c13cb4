//! Ada signs a device in, or gives an application her password.

use behalf_core::{
    device::{
        Approval, DEVICE_CODE_LIFETIME, Decision, DeviceCode, DeviceGrant, PresentedDeviceCode,
        PresentedGrant, UserCode,
    },
    event::Trail,
    id::TenantId,
    ticket::{Counters, Requested},
    token::{
        Delegating, Refusal, Target,
        client_auth::{Judge, Presented, identify_without_redirect},
        device_code,
        password::{self, PasswordSignIn},
    },
};

use super::{
    ACME, Addressees, Answer, BASE, SECRET, World, ada, id, pairwise, pepper, sign_in, sp,
    ticket_id,
};

/// How a device polls.
#[derive(Debug, Clone)]
pub(crate) struct Poll {
    pub(crate) client: String,
    pub(crate) secret: Option<String>,
    pub(crate) tenant: TenantId,
    pub(crate) code: u8,
    pub(crate) too_fast: bool,
    pub(crate) msal: bool,
    pub(crate) late: bool,
}

fn device_code(entropy: u8) -> DeviceCode {
    DeviceCode::draw(UserCode::draw([1; 16]), &[entropy; 32])
}

impl World {
    /// A grant that `client` asked for and Ada approved.
    pub(crate) fn device_grant(&self, client: &str, scopes: &str) -> DeviceGrant {
        let ada = self.ada.clone().unwrap_or_else(ada);
        let oidc = ["openid", "profile", "email", "offline_access"];
        let (openid, scopes): (Vec<&str>, Vec<&str>) =
            scopes.split(' ').partition(|scope| oidc.contains(scope));
        let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        DeviceGrant {
            id: ticket_id(0),
            code: device_code(1).hash(),
            client: id(client),
            home: id(ACME),
            tenant: Some(id(ACME)),
            v1: false,
            confidential: false,
            requested: Requested { resource: None, scopes: texts(scopes), openid: texts(openid) },
            expires: self.now().plus(DEVICE_CODE_LIFETIME),
            decision: Decision::Approved(Box::new(Approval {
                tenant: id(ACME),
                user: ada.id,
                counters: Counters::of(&ada, &self.tenant),
                service_principal: sp(client),
                revision: 0,
                sign_in: sign_in(),
            })),
        }
    }

    /// Polls for `grant`, with everything as it should be but what `how` changes.
    pub(crate) fn poll(
        &self,
        grant: &DeviceGrant,
        how: impl FnOnce(&mut Poll),
    ) -> Result<Answer, Refusal> {
        let mut poll = Poll {
            client: grant.client.to_string(),
            secret: grant.confidential.then(|| SECRET.to_owned()),
            tenant: id(ACME),
            code: 1,
            too_fast: false,
            msal: false,
            late: false,
        };
        how(&mut poll);
        let mut trail = Trail::default();
        let facts = self.facts(&poll.client);
        let (pepper, bases) = (pepper(), [BASE.to_owned()]);
        let addressees = Addressees { bases: &bases, segment: ACME };
        let judge = Judge { pepper: &pepper, addressees, now: self.now() };
        let credential = poll.secret.as_deref().map_or(Presented::None, Presented::Secret);
        let client = identify_without_redirect(&credential, &facts, judge, &mut trail)?;
        let presented = device_code::Presentation {
            tenant: poll.tenant,
            version: self.version,
            too_fast: poll.too_fast,
            msal: poll.msal,
            now: self.now(),
        };
        let code = PresentedDeviceCode::parse(device_code(poll.code).expose()).unwrap();
        let found: Option<PresentedGrant> = grant.clone().presented(&code);
        let approved = device_code::admit(found, &client, presented, &mut trail)?;
        let target = Target::remembered(approved.requested()).unwrap();
        let resource = self.resource(&facts, &target.resource);
        let (claims, pairwise) = (self.claims_request(), pairwise());
        let on = Delegating {
            client: &client,
            user: self.ada.as_ref(),
            resource: resource.as_ref(),
            target: &target,
            claims: &claims,
            version: self.version,
            pairwise: &pairwise,
            now: self.now(),
        };
        let redeemable = device_code::decide(approved, &on, self.family, ticket_id(1), &mut trail)?;
        if poll.late {
            return Err(redeemable.gone(&mut trail));
        }
        let issuance = redeemable.taken(&mut trail);
        Ok(self.answer(&issuance, &trail))
    }

    /// `client` presents Ada's password, which was right, and asks for `scope`.
    pub(crate) fn password(
        &self,
        (client, secret): (&str, Option<&str>),
        scope: &str,
    ) -> Result<Answer, Refusal> {
        let mut trail = Trail::default();
        password::offered(&self.tenant, &mut trail)?;
        let facts = self.facts(client);
        let (pepper, bases) = (pepper(), [BASE.to_owned()]);
        let addressees = Addressees { bases: &bases, segment: ACME };
        let judge = Judge { pepper: &pepper, addressees, now: self.now() };
        let credential = secret.map_or(Presented::None, Presented::Secret);
        let client = identify_without_redirect(&credential, &facts, judge, &mut trail)?;
        password::permitted(&client, &mut trail)?;
        let target = Target::sole(&self.scopes(scope)).unwrap();
        let resource = self.resource(&facts, &target.resource);
        let (claims, pairwise) = (self.claims_request(), pairwise());
        let on = Delegating {
            client: &client,
            user: self.ada.as_ref(),
            resource: resource.as_ref(),
            target: &target,
            claims: &claims,
            version: self.version,
            pairwise: &pairwise,
            now: self.now(),
        };
        let compared = ada();
        let signed = PasswordSignIn {
            user: compared.id,
            counters: Counters::of(&compared, &self.tenant),
            sign_in: sign_in(),
            family: ticket_id(0).into(),
        };
        let issuance = password::decide(signed, &on, ticket_id(1), &mut trail)?;
        Ok(self.answer(&issuance, &trail))
    }
}
