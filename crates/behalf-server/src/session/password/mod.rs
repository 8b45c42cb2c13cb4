//! Passwords: hashed and compared on threads of their own, of which there are few, behind a queue
//! that ends. A flood of passwords costs those threads' time and a few hundred bytes a request,
//! and nothing of what signs tokens.
//!
//! A name that is nobody's, a user without a password and a wrong password cost the same work.

mod hash;
mod pool;

pub use hash::{Parameters, Salt, hash};
pub use pool::{Busy, Options, Passwords};

use behalf_core::{
    id::{ObjectId, TenantId},
    user::PasswordHash,
};

/// Proof that somebody knew a user's password just now. Made by [`Passwords::check`] only.
#[derive(Debug)]
pub struct VerifiedPassword {
    tenant: TenantId,
    user: ObjectId,
    hash: PasswordHash,
    outdated: bool,
}

impl VerifiedPassword {
    /// Whose tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whose.
    pub fn user(&self) -> ObjectId {
        self.user
    }

    /// The hash it was compared with: what is written because of this proof holds only while the
    /// user still has it.
    pub fn hash(&self) -> &PasswordHash {
        &self.hash
    }

    /// The hash was made with other parameters than today's: hash the password again
    /// ([`crate::directory::Directory::rehash_password`]).
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }
}

/// The password is not the user's, or there is no such user, or he has none: nobody is told which
/// (50126).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the user name or the password is wrong")]
pub struct WrongPassword;

#[cfg(test)]
mod tests;
