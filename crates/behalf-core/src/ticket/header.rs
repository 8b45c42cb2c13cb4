//! A ticket's header: one spelling, so that it is compared rather than interpreted.

use behalf_jose::base64url;
use uuid::Uuid;

use super::Purpose;
use crate::id::TenantId;

/// Highest epoch: six digits.
pub(super) const EPOCH_MAX: u32 = 999_999;

const BEFORE_TYP: &str = r#"{"alg":"dir","enc":"A256GCM","typ":""#;
const BEFORE_KID: &str = r#"+jwt","kid":""#;
const END: &str = r#""}"#;

/// What a header says besides the fixed words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) epoch: u32,
    pub(super) tenant: TenantId,
    /// What makes the content key the ticket's own.
    pub(super) salt: [u8; 16],
}

impl Header {
    /// The exact bytes: `alg`, `enc`, `typ`, `kid`, in this order (tickets.md 1).
    pub(super) fn to_json(self, purpose: Purpose) -> String {
        let tenant = base64url::encode(self.tenant.bytes());
        let salt = base64url::encode(self.salt);
        let (word, epoch) = (purpose.word(), self.epoch);
        format!("{BEFORE_TYP}{word}{BEFORE_KID}{epoch}.{tenant}.{salt}{END}")
    }

    /// Reads the header of a ticket for `purpose`; `None` when it differs by a byte from what
    /// [`Self::to_json`] writes.
    pub(super) fn parse(json: &[u8], purpose: Purpose) -> Option<Self> {
        let kid = std::str::from_utf8(json)
            .ok()?
            .strip_prefix(BEFORE_TYP)?
            .strip_prefix(purpose.word())?
            .strip_prefix(BEFORE_KID)?
            .strip_suffix(END)?;
        let (epoch, rest) = kid.split_once('.')?;
        let (tenant, salt) = rest.split_once('.')?;
        let canonical = (1..=6).contains(&epoch.len())
            && epoch.bytes().all(|b| b.is_ascii_digit())
            && !epoch.starts_with('0');
        Some(Self {
            epoch: canonical.then(|| epoch.parse().ok()).flatten()?,
            tenant: TenantId(Uuid::from_bytes(sixteen(tenant)?)),
            salt: sixteen(salt)?,
        })
    }
}

/// 22 characters of canonical base64url: sixteen bytes.
fn sixteen(text: &str) -> Option<[u8; 16]> {
    if text.len() != 22 {
        return None;
    }
    base64url::decode(text).ok()?.try_into().ok()
}
