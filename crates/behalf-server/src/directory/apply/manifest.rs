//! The manifest's words, as they are written in a file and sent over the admin socket
//! (implementation.md 4). Unknown keys are errors.

mod sign_in;
mod user;

pub use sign_in::{Claims, Demand, OnPlatform, RedirectTo};
pub use user::{PasswordSource, PasswordText, User};

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Duration,
};

use behalf_core::{
    application::{
        AppKind, Consent, MemberType, SignInAudience, TokenAlg, TokenVersion, credential::Method,
    },
    id::{AppId, PermissionId},
    secret::SecretText,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What a tenant should hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The manifest's own version.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// Domain or GUID of a tenant that exists.
    pub tenant: String,
    /// Applications registered there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<App>,
    /// People of the tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// What applications are granted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
}

/// Versions of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiVersion {
    /// `behalf/v1`.
    #[serde(rename = "behalf/v1")]
    V1,
}

/// One application.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct App {
    /// Unique in the tenant: by it the application is recognised.
    pub name: String,
    /// What people see; the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// Its client id; counts when it is created and must agree afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<AppId>,
    /// What kind of program it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<AppKind>,
    /// Who may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Its App ID URI or URIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<OneOrMany>,
    /// The tokens it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// Whether its client assertions must name the issuer alone, and count once each (RFC 7523bis).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_assertions: Option<bool>,
    /// What it may authenticate with; empty: with every credential it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_methods: Option<BTreeSet<Method>>,
    /// Whether only assigned clients get tokens for it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment_required: Option<bool>,
    /// Whether it is disabled in every tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What it offers to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offers: Option<Offers>,
    /// What it needs of others: by name here, application id or App ID URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<BTreeMap<String, Call>>,
    /// What it authenticates with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Vec<Credential>>,
    /// Where its users may be sent back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirects: Option<Vec<RedirectTo>>,
    /// What a browser loads when the user signs out elsewhere; empty for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout: Option<String>,
    /// Whether it is a public client where no redirect URI says what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_public_client: Option<bool>,
    /// Whether it may use the password grant where the tenant allows that too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_grant: Option<bool>,
    /// Whether it gets tokens for itself while the database is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded_service: Option<bool>,
    /// Claims that tokens carry because it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional_claims: Option<Claims>,
    /// What it demands of the sign-in behind a user's token for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<Demand>,
    /// Clients whose consent covers this application too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combined_consent_for: Option<Vec<String>>,
    /// Clients that need no consent, with the scopes they need none for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_authorized: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// `audience` of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Its home tenant only.
    Single,
    /// Every tenant that accepts it.
    Multi,
}

impl From<Audience> for SignInAudience {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Single => Self::Single,
            Audience::Multi => Self::Multi,
        }
    }
}

/// A text or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "an App ID URI or a list of them")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Any number.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// `token` of an application: the tokens for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// 1 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TokenVersion>,
    /// How they are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<TokenAlg>,
    /// How long they live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Span>,
}

/// `offers` of an application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offers {
    /// Delegated permissions by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeMap<String, Scope>>,
    /// Application permissions and users' roles by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeMap<String, Role>>,
}

/// A scope that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Who may consent.
    pub consent: Consent,
    /// What the consent page says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether it is issued.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its id; one is made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PermissionId>,
    /// What it demands of the sign-in, besides what its application demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<Demand>,
}

/// A role that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Who may have it.
    #[serde(rename = "for")]
    pub members: BTreeSet<MemberType>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether it is issued.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its id; one is made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PermissionId>,
}

fn yes() -> bool {
    true
}

/// What is needed of one resource, by value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Call {
    /// Scopes, on behalf of users.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub as_user: BTreeSet<String>,
    /// App roles, as itself.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub as_app: BTreeSet<String>,
}

/// A secret or a certificate: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// A secret, and where its value comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretSource>,
    /// A certificate: in a file the path of a PEM file, over the socket its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// By it the credential is recognised; `initial` when absent.
    #[serde(default = "initial")]
    pub name: String,
    /// How long a secret is good for from the day it is added; 180 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Span>,
}

fn initial() -> String {
    "initial".to_owned()
}

/// Where a secret's value comes from. A value itself never stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// It is made when the secret is added, and shown once.
    Generate,
    /// An environment variable of whoever applies the manifest.
    FromEnv(String),
    /// A file of whoever applies the manifest.
    FromFile(String),
    /// The value, in place of one of the two above: over the socket only.
    Value(#[serde(with = "supplied")] SecretText),
}

mod supplied {
    use super::{Deserialize, Deserializer, SecretText, Serializer};

    pub(super) fn serialize<S: Serializer>(
        secret: &SecretText,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SecretText, D::Error> {
        use serde::de::Error as _;
        SecretText::supplied(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What is granted in the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// Applications that get every app role they require. An application of this manifest that is
    /// not listed has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_consent: Option<Vec<String>>,
}

/// A length of time as people write it: a whole number and `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// What is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number and a unit, such as 30s, 15m, 1h or 180d")]
pub struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let (number, seconds) = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
            .ok_or(NotASpan)?;
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| digits).ok_or(NotASpan)?;
        Ok(Self(Duration::from_secs(u64::from(number) * seconds)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            days if days > 0 && days % 86_400 == 0 => write!(f, "{}d", days / 86_400),
            hours if hours > 0 && hours % 3_600 == 0 => write!(f, "{}h", hours / 3_600),
            minutes if minutes > 0 && minutes % 60 == 0 => write!(f, "{}m", minutes / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let seconds = |text: &str| text.parse::<Span>().map(|span| span.0.as_secs());
        assert_eq!(seconds("180d"), Ok(180 * 86_400));
        assert_eq!(seconds("1h"), Ok(3_600));
        assert_eq!(seconds("90m"), Ok(5_400));
        assert_eq!(seconds("0s"), Ok(0));
        for bad in ["", "d", "1", "1w", "-1h", "+1h", "1.5h", "1 h", "99999999999d", "١h"] {
            assert_eq!(seconds(bad), Err(NotASpan), "{bad}");
        }
        for text in ["180d", "25h", "90m", "61s", "0s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
