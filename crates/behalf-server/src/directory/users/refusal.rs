//! Why something was not done to a user.

use behalf_core::{access::users::NotAllowed, user::WeakPassword};

use crate::directory::{Kind, Refusal};

/// Why something was not done to a user. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// No such user.
    #[error("there is no user {0:?} in this tenant")]
    NoUser(String),
    /// A name that is taken.
    #[error("there is a user {0:?} in this tenant already")]
    Exists(String),
    /// A text that is no user name.
    #[error("{0:?} is no user name: expected name@domain, such as bob@acme.example")]
    NotAUserName(String),
    /// A name on a domain that is not the tenant's.
    #[error("{name:?} lies on no domain of {tenant}: `behalf tenant add-domain` gives it another")]
    ForeignDomain {
        /// The name.
        name: String,
        /// What people call the tenant.
        tenant: String,
    },
    /// The domain names users.
    #[error("the user {0:?} has his name on that domain: delete him first")]
    DomainInUse(String),
    /// A password that others would guess.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// A password that was to be read elsewhere.
    #[error("the password was not read: it is read where it is named, before it is sent")]
    Unread,
    /// The password was changed since it was proved.
    #[error("the password was changed meanwhile: sign in again")]
    PasswordChanged,
    /// The code is wrong, was used, or there is no second factor.
    #[error("the code is wrong or was used already: wait for the next one")]
    WrongCode,
    /// His second factor cannot be read.
    #[error("the second factor cannot be read with this master key: remove it and enrol again")]
    SecondFactor,
    /// A role that the application does not offer to users.
    #[error("{application:?} offers no enabled role {role:?} to users")]
    NoSuchRole {
        /// The application.
        application: String,
        /// The role's value.
        role: String,
    },
    /// Somebody may not do it.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

impl UserRefusal {
    /// What sort of refusal it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoUser(_) => Kind::NotFound,
            Self::Exists(_) | Self::DomainInUse(_) | Self::PasswordChanged => Kind::Conflict,
            Self::NotAllowed(_) => Kind::Denied,
            Self::NotAUserName(_)
            | Self::ForeignDomain { .. }
            | Self::WeakPassword(_)
            | Self::Unread
            | Self::WrongCode
            | Self::SecondFactor
            | Self::NoSuchRole { .. } => Kind::Invalid,
        }
    }
}

impl From<NotAllowed> for Refusal {
    fn from(why: NotAllowed) -> Self {
        Self::User(why.into())
    }
}
