//! A request under way: what the client asked, and how far the user got with it.

use behalf_core::{
    device::UserCode,
    id::{ObjectId, SessionId, TenantId, TicketId},
    ticket::{Body, Purpose},
    time::Timestamp,
};
use behalf_protocol::EndpointVersion;
use serde::{Deserialize, Serialize};

use super::visit::Bound;

/// A pending request, as it is sealed between two pages. The query is kept with the meaning that it
/// was sent with and read again each time: what was read once is not believed for longer than the
/// page takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    /// What the client asked for.
    #[serde(rename = "k")]
    pub(super) kind: Kind,
    /// The tenant as the path named it.
    #[serde(rename = "t")]
    pub(super) segment: String,
    /// The request's parameters, encoded.
    #[serde(rename = "q")]
    pub(super) query: String,
    /// The browser that sent it.
    #[serde(rename = "b")]
    pub(super) browser: String,
    /// The session that was chosen or made for it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<SessionId>,
    /// That session was made for it.
    #[serde(rename = "f", default)]
    pub(super) fresh: bool,
    /// What the user wants instead of the account that would be taken.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(super) turn: Option<Turn>,
    /// The user accepted what was asked for.
    #[serde(rename = "c", default)]
    pub(super) consented: bool,
    /// The device that the user signs in, instead of a client with a redirect URI.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<Device>,
    /// Half a sign-in: the password was right, the second factor is missing.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) half: Option<Half>,
}

/// Which endpoint was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// `/oauth2/authorize`.
    #[serde(rename = "1")]
    AuthorizeV1,
    /// `/oauth2/v2.0/authorize`.
    #[serde(rename = "2")]
    AuthorizeV2,
    /// `/adminconsent`.
    #[serde(rename = "a1")]
    AdminConsentV1,
    /// `/v2.0/adminconsent`.
    #[serde(rename = "a2")]
    AdminConsentV2,
    /// `/devicelogin`, for a device that asked at v1.
    #[serde(rename = "d1")]
    DeviceV1,
    /// The same of v2.0.
    #[serde(rename = "d2")]
    DeviceV2,
}

impl Kind {
    /// Its version.
    pub(super) fn version(self) -> EndpointVersion {
        match self {
            Self::AuthorizeV1 | Self::AdminConsentV1 | Self::DeviceV1 => EndpointVersion::V1,
            Self::AuthorizeV2 | Self::AdminConsentV2 | Self::DeviceV2 => EndpointVersion::V2,
        }
    }

    /// An administrator's consent and no code.
    pub(super) fn is_admin_consent(self) -> bool {
        matches!(self, Self::AdminConsentV1 | Self::AdminConsentV2)
    }
}

/// A device grant, and the session in which the user said that it is his device's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Device {
    /// What finds the grant.
    #[serde(rename = "c")]
    pub(super) code: UserCode,
    /// The grant itself: codes are drawn again when they are over.
    #[serde(rename = "g")]
    pub(super) grant: TicketId,
    /// Who confirmed, by his session.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) confirmed: Option<SessionId>,
}

/// What a user wants instead of the account that would be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Turn {
    /// To choose.
    #[serde(rename = "c")]
    Choose,
    /// To sign in with one that is not signed in.
    #[serde(rename = "o")]
    Other,
}

/// Whose password was right, and when. It counts only while his counters are what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Half {
    /// His tenant.
    #[serde(rename = "t")]
    pub(super) tenant: TenantId,
    /// His object id.
    #[serde(rename = "u")]
    pub(super) user: ObjectId,
    /// `urev` and `prev`.
    #[serde(rename = "r")]
    pub(super) revisions: (u32, u32),
    /// When his password was right.
    #[serde(rename = "w")]
    pub(super) time: Timestamp,
}

/// Longest query that fits into a ticket with everything else of a flow.
const QUERY_MAX: usize = 14 * 1024;

impl Flow {
    /// Whether it can be kept while the user signs in, whatever he does meanwhile.
    pub(super) fn fits(&self) -> bool {
        self.query.len() <= QUERY_MAX
    }
}

impl Body for Flow {
    const PURPOSE: Purpose = Purpose::Flow;
}

impl Bound for Flow {
    fn browser(&self) -> &str {
        &self.browser
    }
}
