//! Why consent cannot even be asked for.

use behalf_protocol::error::AadSts;

use crate::id::AppId;

/// Why no consent page can be shown. `Display` is for whoever builds the client; it names nothing
/// but what the caller sent and what his own tenant knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    /// The client is for its home tenant only, which is another one (700016).
    #[error("The application {client} was not found in this directory.")]
    ClientUnknown {
        /// The client.
        client: AppId,
    },
    /// The client is disabled, here or at home (7000112).
    #[error("The application {client} is disabled.")]
    ClientDisabled {
        /// The client.
        client: AppId,
    },
    /// A resource has no service principal here and does not get one with this client: its owner
    /// must offer it, or an administrator create it (650052).
    #[error(
        "The application needs access to {resource}, which {tenant} has no service principal for. An administrator of {tenant} can create it, or the application's publisher lists the client in knownClientApplications of {resource}."
    )]
    ResourceMissing {
        /// As it was asked for or is called.
        resource: String,
        /// What people call the tenant.
        tenant: String,
    },
    /// The resource is disabled, here or at home (500014).
    #[error("The resource {resource} is disabled.")]
    ResourceDisabled {
        /// What people call it.
        resource: String,
    },
    /// `.default` or v1 for a resource that the registration requires nothing of (650057).
    #[error(
        "The application asks for {resource}, which its registration does not list under required permissions. Add a permission of {resource} there."
    )]
    NotRequired {
        /// As it was asked for.
        resource: String,
    },
    /// A named scope that the resource does not offer, or not any more (70011).
    #[error("The scope {scope} is not valid: {resource} offers no enabled scope of that name.")]
    ScopeUnknown {
        /// The scope's value, as it was asked for.
        scope: String,
        /// What people call the resource.
        resource: String,
    },
    /// `.default` with other scopes (70011).
    #[error(
        "The scope is not valid: <resource>/.default stands alone, without named scopes and for one resource."
    )]
    DefaultMixed,
}

impl ConsentRefusal {
    /// Its row of the one error catalogue.
    pub fn aadsts(&self) -> AadSts {
        match self {
            Self::ClientUnknown { .. } => AadSts::ApplicationNotFound,
            Self::ClientDisabled { .. } => AadSts::ApplicationDisabled,
            Self::ResourceMissing { .. } => AadSts::ResourceNotProvisioned,
            Self::ResourceDisabled { .. } => AadSts::ResourceDisabled,
            Self::NotRequired { .. } => AadSts::ResourceNotRequired,
            Self::ScopeUnknown { .. } | Self::DefaultMixed => AadSts::InvalidScope,
        }
    }
}
