use uuid::Uuid;

/// Who calls. Users and applications are never mixed up: a user's roles are no application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A user, through an application (`scp` in the token).
    #[non_exhaustive]
    User {
        /// The tenant of the token.
        tenant: Uuid,
        /// The user's object id in that tenant: the key for the user's data. Names and addresses
        /// are not offered as keys, for they can change hands.
        oid: Uuid,
        /// The application id of the client that acts for the user.
        client: Uuid,
    },
    /// An application on its own behalf.
    #[non_exhaustive]
    App {
        /// The tenant of the token.
        tenant: Uuid,
        /// The object id of the client's service principal in that tenant.
        oid: Uuid,
        /// The application id of the client.
        client: Uuid,
    },
}

/// An access token that passed every check. Only
/// [`ResourceServer::validate`](crate::ResourceServer::validate) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidToken {
    pub(crate) caller: Caller,
    pub(crate) scopes: String,
    pub(crate) roles: Vec<String>,
    pub(crate) audience: String,
    pub(crate) expires: u64,
    pub(crate) not_before: u64,
    pub(crate) token_id: Option<String>,
    pub(crate) handles_challenges: bool,
}

impl ValidToken {
    /// Who calls.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The delegated scopes; none for an application.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.split(' ').filter(|scope| !scope.is_empty())
    }

    /// The roles, of the user or of the application.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The audience the token names: one of the API's own.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// `exp`: seconds since 1970.
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// `uti`, for logs: it leads to the issuer's sign-in log.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// Whether the client handles claims challenges: `xms_cc` has `cp1`. The claim is in the token
    /// only if the API's registration asks for it.
    pub const fn handles_challenges(&self) -> bool {
        self.handles_challenges
    }
}
