//! Why a token request is refused, in the directory's words, and the one table from there to the
//! wire.
//!
//! `Display` is the text of `error_description`: for the developer who called us. Before
//! authentication it repeats only what the caller sent, and of that only names.

use behalf_protocol::{
    error::AadSts,
    token::{
        UnsupportedGrantType,
        request::{ClientAuthenticationError, FormError, TargetError},
    },
};

use crate::{
    application::credential::Method,
    event::Step,
    id::{AppId, TenantId},
    token::{GrantRefusal, assertion::AssertionRefusal},
};

/// Why a token request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tenant segment is neither a GUID nor a domain.
    #[error(
        "The tenant in the address is neither a GUID nor a domain name. Use /{{tenant}}/oauth2/v2.0/token with the tenant's id or one of its domains."
    )]
    TenantMalformed,
    /// No such tenant, or a disabled one.
    #[error(
        "Tenant {segment} was not found on this server. Check the tenant id or domain in the address."
    )]
    TenantUnknown {
        /// The segment as sent; a GUID or DNS name by its form.
        segment: String,
    },
    /// `common` or `organizations`, without a code or refresh token that tells whose tenant is meant.
    #[error(
        "The address names no particular tenant, and what the request presents does not name one either. Put the tenant's id or domain in place of {segment}."
    )]
    TenantRequired {
        /// `common` or `organizations`.
        segment: String,
    },
    /// The body is no token request.
    #[error("{0}")]
    Form(FormError),
    /// The `Authorization` header is no Basic header.
    #[error(
        "The Authorization header cannot be read. Send Basic base64(urlencode(client_id):urlencode(client_secret)) or put the credential into the body."
    )]
    BasicMalformed,
    /// The request does not say clearly who asks.
    #[error("{0}")]
    ClientAuthentication(ClientAuthenticationError),
    /// A field that every request needs is missing.
    #[error("The request body must contain the parameter {name}, which is missing or empty.")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A grant type behalf does not know.
    #[error("{0}")]
    GrantUnsupported(#[from] UnsupportedGrantType),
    /// `scope` or `resource` names no single resource.
    #[error("{0}")]
    Target(TargetError),
    /// A client id of zeros: a placeholder that was never filled in.
    #[error(
        "The client_id is 00000000-0000-0000-0000-000000000000. Send the application id of a registered application."
    )]
    ClientNil,
    /// The client id is no GUID. It is not repeated: people paste secrets here.
    #[error(
        "The client_id is not a GUID ({length} characters were sent). Send the application (client) id of an application in tenant {tenant}."
    )]
    ClientMalformed {
        /// Length of what was sent.
        length: usize,
        /// Tenant as it was asked.
        tenant: TenantId,
    },
    /// No such application here.
    #[error(
        "Application {client} was not found in tenant {tenant}. Check the client_id, and that the application is registered there or consented to by its administrator."
    )]
    ClientUnknown {
        /// The client id.
        client: AppId,
        /// The tenant asked.
        tenant: TenantId,
    },
    /// No such application anywhere: under `common`, where no tenant is known to miss it in.
    #[error(
        "No application of that client_id was found on this server. Send the application (client) id of a registered application."
    )]
    ClientNowhere,
    /// `common` for an application of one directory (50194).
    #[error(
        "Application {client} is for the users of one directory only. Put that directory's id or domain in place of common, or make the application multi-tenant."
    )]
    SingleTenant {
        /// The client id.
        client: AppId,
    },
    /// A confidential client sent nothing.
    #[error(
        "The request must contain client_secret or client_assertion (with client_assertion_type). An empty value counts as missing."
    )]
    CredentialMissing,
    /// A public client sent a credential.
    #[error(
        "Application {client} is a public client and must not present a credential: it is registered as native. Register a daemon or an API for client_credentials."
    )]
    PublicClient {
        /// The client id.
        client: AppId,
    },
    /// No secret of the application matches.
    #[error("The client secret of application {client} is not valid.{}", hint.text())]
    SecretWrong {
        /// The client id.
        client: AppId,
        /// What it looked like.
        hint: SecretHint,
    },
    /// The secret is right, but too old.
    #[error(
        "The client secret {name:?} of application {client} ({display_name}) expired on {expired}. Make a new one: add a secret to the credentials of {display_name} and run behalf apply."
    )]
    SecretExpired {
        /// The client id.
        client: AppId,
        /// Its name.
        display_name: String,
        /// The secret's name.
        name: String,
        /// `YYYY-MM-DD HH:MM:SSZ`.
        expired: String,
    },
    /// The application's own setting excludes the method.
    #[error(
        "Application {client} may not authenticate with a {}. Use one of the methods it allows.", method_name(*method)
    )]
    MethodNotAllowed {
        /// The client id.
        client: AppId,
        /// The method used.
        method: Method,
    },
    /// The assertion proves nothing.
    #[error("{0}")]
    Assertion(#[from] AssertionRefusal),
    /// The application is disabled, everywhere or here.
    #[error(
        "Application {client} ({display_name}) is disabled{}. An administrator can enable it.", if *here { " in this tenant" } else { "" }
    )]
    ClientDisabled {
        /// The client id.
        client: AppId,
        /// Its name.
        display_name: String,
        /// By its service principal here rather than at home.
        here: bool,
    },
    /// A multi-tenant application nobody has added to this tenant.
    #[error(
        "Application {client} ({display_name}) has no service principal in tenant {tenant}. An administrator of the tenant must add it."
    )]
    ServicePrincipalMissing {
        /// The client id.
        client: AppId,
        /// Its name.
        display_name: String,
        /// The tenant asked.
        tenant: TenantId,
    },
    /// No service principal of the tenant has the name.
    #[error(
        "The resource {} was not found in tenant {tenant}. Check the App ID URI character by character, and that the API is registered or consented to there.", requested.as_deref().unwrap_or("that was asked for")
    )]
    ResourceUnknown {
        /// The name as sent, if it may be repeated.
        requested: Option<String>,
        /// The tenant asked, as people call it.
        tenant: String,
    },
    /// The resource is disabled.
    #[error(
        "The resource {resource} ({display_name}) is disabled in this tenant. An administrator can enable its service principal."
    )]
    ResourceDisabled {
        /// The resource's `appId`.
        resource: AppId,
        /// Its name.
        display_name: String,
    },
    /// The resource wants an assignment and the client has none.
    #[error(
        "Application {client} is not assigned to a role of {resource} ({display_name}), which requires assignment. An administrator can assign one: list the application under grants and run behalf apply."
    )]
    AssignmentRequired {
        /// The client id.
        client: AppId,
        /// The resource's `appId`.
        resource: AppId,
        /// Its name.
        display_name: String,
    },
    /// What would be issued is longer than what carries it allows (decisions.md 19).
    #[error(
        "The token would have {length} bytes, and at most {most} are issued. Ask for fewer scopes, or have an administrator assign fewer roles of this resource."
    )]
    TokenTooLong {
        /// Its bytes.
        length: usize,
        /// The most that are issued.
        most: usize,
    },
    /// For a reason that only requests on behalf of a user have.
    #[error("{0}")]
    Grant(#[from] GrantRefusal),
}

/// What a wrong secret looked like, as far as it helps the one who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretHint {
    /// It is the id of a secret.
    Id,
    /// It begins like a secret of ours but is cut or mistyped.
    Damaged,
    /// Nothing to say.
    None,
}

impl SecretHint {
    fn text(self) -> &'static str {
        match self {
            Self::Id => {
                " What was sent is the secret's id; send its value, which was shown once when it was made."
            }
            Self::Damaged => {
                " What was sent is incomplete or mistyped: its checksum does not hold."
            }
            Self::None => " Send the value of the secret, not its id.",
        }
    }
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Secret => "client secret",
        Method::Certificate => "certificate",
    }
}

impl Refusal {
    /// The catalogue's row: the one table from the directory's words to the wire's.
    pub fn aadsts(&self) -> AadSts {
        match self {
            Self::TenantMalformed => AadSts::MalformedTenant,
            Self::TenantUnknown { .. } => AadSts::TenantNotFound,
            Self::TenantRequired { .. } => AadSts::TenantRequired,
            Self::Form(error) => error.aadsts(),
            Self::BasicMalformed => AadSts::MalformedRequest,
            Self::ClientAuthentication(error) => error.aadsts(),
            Self::Missing { .. } => AadSts::MissingParameter,
            Self::GrantUnsupported(_) => AadSts::UnsupportedGrantType,
            Self::Target(error) => error.aadsts(),
            Self::ClientNil => AadSts::NilClientId,
            Self::ClientMalformed { .. } | Self::ClientUnknown { .. } | Self::ClientNowhere => {
                AadSts::ApplicationNotFound
            }
            Self::SingleTenant { .. } => AadSts::SingleTenantApplication,
            Self::CredentialMissing => AadSts::NoCredentialForClientCredentials,
            Self::PublicClient { .. } => AadSts::CredentialFromPublicClient,
            Self::SecretWrong { .. } | Self::MethodNotAllowed { method: Method::Secret, .. } => {
                AadSts::InvalidSecret
            }
            Self::SecretExpired { .. } => AadSts::ExpiredSecret,
            Self::MethodNotAllowed { method: Method::Certificate, .. } => AadSts::InvalidAssertion,
            Self::Assertion(refusal) => refusal.aadsts(),
            Self::ClientDisabled { .. } => AadSts::ApplicationDisabled,
            Self::ServicePrincipalMissing { .. } => AadSts::ServicePrincipalMissing,
            Self::ResourceUnknown { .. } => AadSts::ResourceNotFound,
            Self::ResourceDisabled { .. } => AadSts::ResourceDisabled,
            Self::AssignmentRequired { .. } => AadSts::AssignmentRequired,
            Self::TokenTooLong { .. } => AadSts::InvalidScope,
            Self::Grant(refusal) => refusal.aadsts(),
        }
    }

    /// The check that failed.
    pub fn step(&self) -> Step {
        match self {
            Self::TenantMalformed | Self::TenantUnknown { .. } | Self::TenantRequired { .. } => {
                Step::Tenant
            }
            Self::Form(_)
            | Self::BasicMalformed
            | Self::ClientAuthentication(_)
            | Self::Missing { .. } => Step::Form,
            Self::GrantUnsupported(_) => Step::Grant,
            Self::Target(_) => Step::Target,
            Self::ClientNil
            | Self::ClientMalformed { .. }
            | Self::ClientUnknown { .. }
            | Self::ClientNowhere
            | Self::SingleTenant { .. } => Step::Client,
            Self::CredentialMissing
            | Self::PublicClient { .. }
            | Self::SecretWrong { .. }
            | Self::SecretExpired { .. }
            | Self::MethodNotAllowed { .. }
            | Self::Assertion(_) => Step::Credential,
            Self::ClientDisabled { .. } | Self::ServicePrincipalMissing { .. } => {
                Step::ServicePrincipal
            }
            Self::ResourceUnknown { .. } | Self::ResourceDisabled { .. } => Step::Resource,
            Self::AssignmentRequired { .. } | Self::TokenTooLong { .. } => Step::Assignment,
            Self::Grant(refusal) => refusal.step(),
        }
    }

    /// What the client must bring back to the authorization endpoint: the answer's `claims`.
    pub fn claims(&self) -> Option<String> {
        match self {
            Self::Grant(refusal) => refusal.claims(),
            _ => None,
        }
    }

    /// Whether the caller had not proved who it is: such refusals are charged to its address.
    pub fn is_unauthenticated(&self) -> bool {
        self.step() <= Step::Credential
    }
}
