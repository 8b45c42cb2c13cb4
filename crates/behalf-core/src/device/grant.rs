//! A device that waits for its user, and what the user decided.

use serde::{Deserialize, Serialize};

use super::{DeviceCodeHash, PresentedDeviceCode};
use crate::{
    id::{AppId, FamilyId, ObjectId, TenantId, TicketId},
    tenant::is_false,
    ticket::{Counters, Requested, SignIn},
    time::Timestamp,
};

/// What a device asked for, and how far it got (tickets.md 7, `dev`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceGrant {
    /// Becomes the family of all that is redeemed for it.
    pub id: TicketId,
    /// What its device must present.
    pub code: DeviceCodeHash,
    /// Who asked.
    pub client: AppId,
    /// The client's home tenant.
    pub home: TenantId,
    /// The tenant whose endpoint was asked; `None`: `common`, so that the user's counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The v1 endpoint was asked, which changes what is understood by no scope at all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub v1: bool,
    /// The client proved who it is when it asked, and must again when it polls.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confidential: bool,
    /// What it asked for.
    pub requested: Requested,
    /// When both codes end.
    pub expires: Timestamp,
    /// What the user decided.
    pub decision: Decision,
}

/// What the user of a device decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Nothing yet.
    Waiting,
    /// He said no.
    Declined,
    /// He signed the device in.
    Approved(Box<Approval>),
}

/// Who signed a device in, as he was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// His tenant.
    pub tenant: TenantId,
    /// His object id.
    pub user: ObjectId,
    /// His and the tenant's counters.
    pub counters: Counters,
    /// The client's service principal there.
    pub service_principal: ObjectId,
    /// Its counter.
    pub revision: u32,
    /// How he signed in.
    pub sign_in: SignIn,
}

/// A grant that nobody has answered and that is not over. Made by [`DeviceGrant::waiting`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting(DeviceGrant);

/// A grant whose own device asks. Made by [`DeviceGrant::presented`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedGrant(DeviceGrant);

/// The user cannot answer any more: it is over, or was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWaiting {
    /// It is over.
    #[error("the code has expired: the device must ask for a new one")]
    Expired,
    /// It was answered before.
    #[error("the code was used already: the device must ask for a new one")]
    Answered,
}

impl DeviceGrant {
    /// Whether the user can still answer.
    pub fn waiting(self, now: Timestamp) -> Result<Waiting, NotWaiting> {
        match self.decision {
            _ if now >= self.expires => Err(NotWaiting::Expired),
            Decision::Waiting => Ok(Waiting(self)),
            Decision::Declined | Decision::Approved(_) => Err(NotWaiting::Answered),
        }
    }

    /// Whether `code` is this grant's: else whoever presents it is not the device.
    pub fn presented(self, code: &PresentedDeviceCode) -> Option<PresentedGrant> {
        (self.code == *code.hash()).then_some(PresentedGrant(self))
    }
}

impl Waiting {
    /// The grant.
    pub fn grant(&self) -> &DeviceGrant {
        &self.0
    }

    /// The same, signed in.
    pub fn approved(self, approval: Approval) -> DeviceGrant {
        DeviceGrant { decision: Decision::Approved(Box::new(approval)), ..self.0 }
    }

    /// The same, declined.
    pub fn declined(self) -> DeviceGrant {
        DeviceGrant { decision: Decision::Declined, ..self.0 }
    }
}

impl PresentedGrant {
    /// The grant.
    pub fn grant(&self) -> &DeviceGrant {
        &self.0
    }

    /// The tenant whose endpoint its polls go to: the user's as soon as he is known, else the one
    /// that was asked, and for `common` the client's home.
    pub fn place(&self) -> TenantId {
        match &self.0.decision {
            Decision::Approved(approval) => approval.tenant,
            Decision::Waiting | Decision::Declined => self.0.tenant.unwrap_or(self.0.home),
        }
    }

    /// The family of all that is redeemed for it.
    pub fn family(&self) -> FamilyId {
        self.0.id.into()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{super::*, *};
    use crate::id::SessionId;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn device_code(entropy: u8) -> DeviceCode {
        DeviceCode::draw(UserCode::draw([1; 16]), &[entropy; 32])
    }

    fn grant(decision: Decision) -> DeviceGrant {
        DeviceGrant {
            id: TicketId(Uuid::from_u128(1)),
            code: device_code(1).hash(),
            client: AppId(Uuid::from_u128(2)),
            home: TenantId(Uuid::from_u128(3)),
            tenant: None,
            v1: false,
            confidential: false,
            requested: Requested::default(),
            expires: NOW.plus(DEVICE_CODE_LIFETIME),
            decision,
        }
    }

    fn approval() -> Approval {
        Approval {
            tenant: TenantId(Uuid::from_u128(4)),
            user: ObjectId(Uuid::from_u128(5)),
            counters: Counters { user: 1, password: 2, tenant: 3 },
            service_principal: ObjectId(Uuid::from_u128(6)),
            revision: 4,
            sign_in: SignIn {
                methods: vec![],
                acr: "1".into(),
                time: NOW,
                address: Some("192.0.2.7".parse().unwrap()),
                session: SessionId(Uuid::from_u128(7)),
            },
        }
    }

    #[test]
    fn a_user_answers_once_and_in_time() {
        let later = NOW.plus(DEVICE_CODE_LIFETIME);
        let waiting = grant(Decision::Waiting);
        assert!(waiting.clone().waiting(NOW).is_ok());
        assert_eq!(waiting.clone().waiting(later), Err(NotWaiting::Expired));
        for answered in [
            waiting.clone().waiting(NOW).unwrap().declined(),
            waiting.waiting(NOW).unwrap().approved(approval()),
        ] {
            assert_eq!(answered.clone().waiting(NOW), Err(NotWaiting::Answered));
            assert_eq!(answered.waiting(later), Err(NotWaiting::Expired));
        }
    }

    #[test]
    fn only_the_device_itself_presents_it() {
        let read = |code: &DeviceCode| PresentedDeviceCode::parse(code.expose()).unwrap();
        let waiting = grant(Decision::Waiting);
        assert_eq!(waiting.clone().presented(&read(&device_code(2))), None);
        let presented = waiting.clone().presented(&read(&device_code(1))).unwrap();
        assert_eq!(presented.place(), waiting.home, "common: nobody is known yet");
        let asked = DeviceGrant { tenant: Some(TenantId(Uuid::from_u128(9))), ..waiting.clone() };
        let presented = asked.clone().presented(&read(&device_code(1))).unwrap();
        assert_eq!(Some(presented.place()), asked.tenant);
        let approved = waiting.waiting(NOW).unwrap().approved(approval());
        let presented = approved.presented(&read(&device_code(1))).unwrap();
        assert_eq!(presented.place(), approval().tenant);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for decision in
            [Decision::Waiting, Decision::Declined, Decision::Approved(Box::new(approval()))]
        {
            let written = grant(decision);
            let json = serde_json::to_vec(&written).unwrap();
            assert_eq!(serde_json::from_slice::<DeviceGrant>(&json).unwrap(), written);
        }
    }
}
