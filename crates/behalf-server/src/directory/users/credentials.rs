//! What users sign in with: passwords and second factors.

use behalf_core::{
    access::{Actor, users::UserDeed},
    id::{ObjectId, TenantId},
    user::{NewPassword, PasswordHash, Totp, User, UserEvent},
};
use behalf_store::WriteSet;

use super::{UserRef, UserRefusal, find};
use crate::{
    directory::{Directory, Refusal, commit},
    entropy::random,
    keys::MasterKey,
    session::{
        password::{self, Parameters, VerifiedPassword},
        totp::TotpSecret,
    },
};

/// Proof that somebody gave a code of a user's authenticator app that was never given before.
/// Made by [`Directory::use_second_factor`] and [`Directory::enrol_second_factor`] only.
#[derive(Debug)]
pub struct SecondFactor {
    tenant: TenantId,
    user: ObjectId,
}

impl SecondFactor {
    /// Whose: tenant and user.
    pub fn of(&self) -> (TenantId, ObjectId) {
        (self.tenant, self.user)
    }
}

/// A second factor to be registered.
#[derive(Debug, Clone, Copy)]
pub struct Enrolment<'a> {
    /// Whose: he proved his password in this sign-in, or an operator vouches for him.
    pub user: (TenantId, ObjectId),
    /// What his app shares.
    pub secret: &'a TotpSecret,
    /// A code his app shows, which proves that it does.
    pub code: &'a str,
}

impl Directory {
    /// A password made by chance.
    pub fn generate_password(&self) -> NewPassword {
        NewPassword::generate(&random(&*self.entropy))
    }

    /// The hash of a password, made on a thread that may be busy: tens of milliseconds. For
    /// administrators' deeds and for users who change theirs, which are few.
    pub async fn hash_password(&self, password: NewPassword) -> Result<PasswordHash, Refusal> {
        let salt = random(&*self.entropy);
        let made = tokio::task::spawn_blocking(move || {
            password::hash(&password, salt, Parameters::default())
        });
        let failed = || Refusal::Broken("the password could not be hashed".to_owned());
        made.await.ok().flatten().ok_or_else(failed)
    }

    /// Gives a user another password, as an administrator: it ends everything of his.
    pub async fn reset_password(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
        password: &PasswordHash,
    ) -> Result<User, Refusal> {
        let edit = |user: &mut User| {
            user.password = Some(password.clone());
            Ok(UserEvent::PasswordReset)
        };
        let deed = (UserDeed::ResetPassword, "reset password of user");
        self.edit_user(by, (tenant, user), deed, &edit).await
    }

    /// Gives a user the password he chose, having proved the old one: what rests on that ends.
    pub async fn change_password(
        &self,
        proof: &VerifiedPassword,
        password: &PasswordHash,
    ) -> Result<User, Refusal> {
        let event = UserEvent::PasswordChanged;
        commit!(self, self.draft_password(proof, password, (event, "change password")))
    }

    /// Keeps the same password under today's parameters ([`VerifiedPassword::is_outdated`]).
    pub async fn rehash_password(
        &self,
        proof: &VerifiedPassword,
        password: &PasswordHash,
    ) -> Result<User, Refusal> {
        let event = UserEvent::PasswordRehashed;
        commit!(self, self.draft_password(proof, password, (event, "rehash password")))
    }

    async fn draft_password(
        &self,
        proof: &VerifiedPassword,
        password: &PasswordHash,
        (event, action): (UserEvent, &str),
    ) -> Result<(WriteSet, User), Refusal> {
        let id = UserRef::Id(proof.user());
        let before = find(&self.store.reading(), proof.tenant(), &id).await?;
        if before.password.as_ref() != Some(proof.hash()) {
            return Err(UserRefusal::PasswordChanged.into());
        }
        let edit = |user: &mut User| {
            user.password = Some(password.clone());
            Ok(event)
        };
        self.edited(&before, action, &edit)
    }

    /// Registers a user's authenticator app, in place of one he had.
    pub async fn enrol_second_factor(
        &self,
        enrolment: Enrolment<'_>,
        master: &MasterKey,
    ) -> Result<SecondFactor, Refusal> {
        let Enrolment { user: (tenant, user), secret, code } = enrolment;
        let step = secret.step_of(code, 0, self.now()).ok_or(UserRefusal::WrongCode)?;
        let sealed_secret = secret
            .seal((tenant, user), master, &*self.entropy)
            .map_err(|error| Refusal::Broken(error.to_string()))?;
        let totp = Totp { sealed_secret, last_step: step };
        commit!(self, async {
            let before = find(&self.store.reading(), tenant, &UserRef::Id(user)).await?;
            let edit = |user: &mut User| {
                user.totp = Some(totp.clone());
                Ok(UserEvent::SecondFactorEnrolled)
            };
            let (set, _) = self.edited(&before, "enrol second factor of user", &edit)?;
            Ok::<_, Refusal>((set, SecondFactor { tenant, user }))
        })
    }

    /// Uses a code of a user's authenticator app: each counts once, on every node.
    pub async fn use_second_factor(
        &self,
        (tenant, user): (TenantId, ObjectId),
        code: &str,
        master: &MasterKey,
    ) -> Result<SecondFactor, Refusal> {
        commit!(self, async {
            let before = find(&self.store.reading(), tenant, &UserRef::Id(user)).await?;
            let totp = before.totp.as_ref().ok_or(UserRefusal::WrongCode)?;
            let secret = TotpSecret::open((tenant, user), totp, master)
                .map_err(|_| UserRefusal::SecondFactor)?;
            let step = secret.step_of(code, totp.last_step, self.now());
            let step = step.ok_or(UserRefusal::WrongCode)?;
            let mut after = before.value.clone();
            if let Some(totp) = &mut after.totp {
                totp.last_step = step;
            }
            let mut set = WriteSet::new();
            behalf_store::records::user::update(&mut set, &before, &after);
            Ok::<_, Refusal>((set, SecondFactor { tenant, user }))
        })
    }

    /// Takes a user's second factor away: what claims to rest on it ends.
    pub async fn remove_second_factor(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
    ) -> Result<User, Refusal> {
        let edit = |user: &mut User| {
            user.totp = None;
            Ok(UserEvent::SecondFactorRemoved)
        };
        let deed = (UserDeed::RemoveSecondFactor, "remove second factor of user");
        self.edit_user(by, (tenant, user), deed, &edit).await
    }
}
