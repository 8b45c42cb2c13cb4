//! Why something was not done to the directory: what was found, what was expected, what to do.

use behalf_core::{
    access::Denied,
    application::{identifier_uri::UriRefusal, redirect::RedirectRefusal},
    consent::ConsentRefusal,
    id::AppId,
    secret::WeakSecret,
    time::{Timestamp, written},
};
use behalf_store::{CommitError, ReadError};

use super::UserRefusal;

/// What sort of refusal it is, for statuses and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for can never be done.
    Invalid,
    /// What it names does not exist.
    NotFound,
    /// Something else has the name, or is in the way.
    Conflict,
    /// Somebody else may do it.
    Denied,
    /// It may succeed later.
    Unavailable,
}

/// Why something was not done. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such tenant.
    #[error("there is no tenant {0:?}: `behalf tenant create NAME --domain DOMAIN` makes one")]
    NoTenant(String),
    /// No such application in the tenant.
    #[error("there is no application {0:?} in this tenant")]
    NoApplication(String),
    /// The application has no service principal in the tenant.
    #[error("application {0:?} has no service principal in this tenant: create one first")]
    NoServicePrincipal(String),
    /// No such credential.
    #[error("application {application:?} has no credential {credential:?}")]
    NoCredential {
        /// The application.
        application: String,
        /// What was asked for.
        credential: String,
    },
    /// A text that is empty, too long or holds control characters.
    #[error(
        "{what} {found:?}: expected 1 to {most} characters, none of them a control character, no space at either end"
    )]
    Text {
        /// What it is the text of.
        what: &'static str,
        /// Its first characters.
        found: String,
        /// The most it may have.
        most: usize,
    },
    /// More of something than an application may have.
    #[error("{found} {what}, expected at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A domain that is none.
    #[error("{0:?} is no domain name: expected one like acme.example, without a port or a path")]
    NotADomain(String),
    /// A domain that names another tenant, or named one until lately.
    #[error("the domain {0:?} belongs to another tenant, or did within the last 24 hours")]
    DomainTaken(String),
    /// A domain that is not the tenant's.
    #[error("{domain:?} is no domain of {tenant}: `behalf tenant list` shows those it has")]
    NoDomain {
        /// What people call the tenant.
        tenant: String,
        /// The domain.
        domain: String,
    },
    /// The only domain of a tenant.
    #[error("{0:?} is the tenant's only domain, and a tenant has one at least: add another first")]
    LastDomain(String),
    /// A domain that names applications.
    #[error(
        "the App ID URI {uri:?} of {application:?} lies on {domain:?}: give the application another first"
    )]
    DomainInUse {
        /// The domain.
        domain: String,
        /// The application's name.
        application: String,
        /// Its URI.
        uri: String,
    },
    /// A tenant id that is taken.
    #[error("there is a tenant {0} already")]
    TenantExists(String),
    /// A client id that is or was somebody's.
    #[error("the application id {0} is taken, or was once: an id is never given twice")]
    AppIdTaken(AppId),
    /// An application's name that is taken in its tenant.
    #[error("there is an application {0:?} in this tenant already")]
    NameTaken(String),
    /// An App ID URI that is no good for this application.
    #[error(transparent)]
    Uri(#[from] UriRefusal),
    /// A redirect or logout URI that is no good.
    #[error(transparent)]
    Redirect(#[from] RedirectRefusal),
    /// An App ID URI that another application of the tenant has.
    #[error("another application of this tenant has the App ID URI {0:?}")]
    UriTaken(String),
    /// An App ID URI that another application had until lately.
    #[error(
        "the App ID URI {uri:?} was another application's and is reserved until {}",
        written(until.unix_seconds())
    )]
    UriReserved {
        /// The URI.
        uri: String,
        /// When it is free.
        until: Timestamp,
    },
    /// A scope or role whose value or id is no good.
    #[error("{0}")]
    Permission(String),
    /// A public client with something only a confidential one may have.
    #[error(
        "{0:?} is a native application, which everybody can read: it can have no {1}; use type daemon, web or api"
    )]
    Public(String, &'static str),
    /// A secret too weak to be kept as a fast hash.
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
    /// A certificate that cannot be a credential.
    #[error("the certificate {name:?} cannot be used: {cause}")]
    Certificate {
        /// What it was to be called.
        name: String,
        /// Why.
        cause: String,
    },
    /// A credential of that name is there.
    #[error("application {application:?} has a credential {credential:?} already")]
    CredentialExists {
        /// The application.
        application: String,
        /// The name.
        credential: String,
    },
    /// A credential that would be useless at once.
    #[error("the credential {0:?} would expire in the past: give it a later end")]
    Expired(String),
    /// A single-tenant application in somebody else's tenant.
    #[error(
        "application {0} cannot be used in this tenant: it does not exist or is for its home tenant only"
    )]
    NotForThisTenant(AppId),
    /// A permission that the resource does not offer to applications.
    #[error(
        "{resource:?} offers no enabled app role {role} to applications: it must before {client:?} can get it"
    )]
    NoSuchRole {
        /// The client that requires it.
        client: String,
        /// The resource.
        resource: String,
        /// The role's value or id.
        role: String,
    },
    /// Consent cannot be asked for.
    #[error(transparent)]
    Consent(#[from] ConsentRefusal),
    /// Somebody may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No user waits for consent to this client.
    #[error("no such request for consent to {0} waits")]
    NoConsentRequest(AppId),
    /// Something about a user.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// What it rests on changed faster than it could be decided.
    #[error("the directory is changing under this request: try again")]
    Contended,
    /// The store did not take or give what was asked.
    #[error("{0}")]
    Store(String),
    /// Something of ours failed that another try does not mend.
    #[error("{0}")]
    Broken(String),
}

impl Refusal {
    /// What sort of refusal it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoTenant(_)
            | Self::NoApplication(_)
            | Self::NoServicePrincipal(_)
            | Self::NoDomain { .. }
            | Self::NoCredential { .. }
            | Self::NoConsentRequest(_)
            | Self::Consent(ConsentRefusal::ResourceMissing { .. }) => Kind::NotFound,
            Self::Denied(_) => Kind::Denied,
            Self::DomainTaken(_)
            | Self::LastDomain(_)
            | Self::DomainInUse { .. }
            | Self::TenantExists(_)
            | Self::AppIdTaken(_)
            | Self::NameTaken(_)
            | Self::UriTaken(_)
            | Self::UriReserved { .. }
            | Self::CredentialExists { .. } => Kind::Conflict,
            Self::User(refusal) => refusal.kind(),
            Self::Contended | Self::Store(_) | Self::Broken(_) => Kind::Unavailable,
            Self::Text { .. }
            | Self::TooMany { .. }
            | Self::NotADomain(_)
            | Self::Uri(_)
            | Self::Redirect(_)
            | Self::Permission(_)
            | Self::Public(..)
            | Self::WeakSecret(_)
            | Self::Certificate { .. }
            | Self::Expired(_)
            | Self::NotForThisTenant(_)
            | Self::NoSuchRole { .. }
            | Self::Consent(_) => Kind::Invalid,
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        let words = error.to_string();
        if error.is_the_databases() { Self::Store(words) } else { Self::Broken(words) }
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::Contended,
            CommitError::Invalid(_) => Self::Broken(error.to_string()),
            CommitError::Full | CommitError::Unavailable(_) => Self::Store(error.to_string()),
        }
    }
}
