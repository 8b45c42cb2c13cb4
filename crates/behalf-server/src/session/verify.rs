//! A factor is counted, looked at, and counted back when it was right: in one place, so that no way
//! to sign in can forget one of the three.

use behalf_core::{
    id::{ObjectId, TenantId},
    time::Timestamp,
    user::{PresentedPassword, User},
};

use super::{
    Authentication,
    lockout::{Attempt, Factor, Locked},
    password::{Busy, Salt, VerifiedPassword, WrongPassword},
};
use crate::directory::{Directory, Refusal, SecondFactor, UserRefusal};

/// Why somebody is not who he says, or may not try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// The name or the password is wrong (50126).
    #[error(transparent)]
    Wrong(#[from] WrongPassword),
    /// The code is wrong, or was used.
    #[error("the code is wrong or was used already: wait for the next one")]
    WrongCode,
    /// Too many were wrong (50053).
    #[error(transparent)]
    Locked(#[from] Locked),
    /// Nothing was looked at (503).
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The directory could not be read or written (503).
    #[error(transparent)]
    Directory(#[from] Refusal),
}

impl Authentication {
    /// Whether `password` is that of `user`, who is `None` where the attempt's name is nobody's:
    /// it costs the same, counts the same and is refused the same. Whether he is disabled is to be
    /// looked at after this.
    pub async fn password(
        &self,
        attempt: &Attempt<'_>,
        user: Option<&User>,
        password: &PresentedPassword,
        now: Timestamp,
    ) -> Result<VerifiedPassword, NotVerified> {
        let attempt = Attempt { factor: Factor::Password, ..*attempt };
        self.lockout.admit(&attempt, now)?;
        match self.passwords.check(user, password).await {
            Ok(Ok(verified)) => {
                self.lockout.succeeded(&attempt, now);
                Ok(verified)
            }
            Ok(Err(wrong)) => Err(wrong.into()),
            Err(busy) => {
                self.lockout.withdrawn(&attempt, now);
                Err(busy.into())
            }
        }
    }

    /// Keeps a password that was right under today's parameters, where its hash was made with
    /// others. It is no part of the sign-in: what fails here is made up for at the next.
    pub(crate) async fn rehash(
        &self,
        directory: &Directory,
        (proof, password): (&VerifiedPassword, &PresentedPassword),
        salt: Salt,
    ) {
        if !proof.is_outdated() {
            return;
        }
        let Ok(Some(hash)) = self.passwords.hash(password.clone(), salt).await else { return };
        if let Err(error) = directory.rehash_password(proof, &hash).await {
            tracing::debug!(%error, "an outdated hash is kept for now");
        }
    }

    /// Whether `code` is one of `user`'s authenticator app that was never given before; it is used
    /// up by this.
    pub async fn code(
        &self,
        directory: &Directory,
        attempt: &Attempt<'_>,
        user: (TenantId, ObjectId),
        (code, now): (&str, Timestamp),
    ) -> Result<SecondFactor, NotVerified> {
        let attempt = Attempt { factor: Factor::Code, ..*attempt };
        self.lockout.admit(&attempt, now)?;
        match directory.use_second_factor(user, code, &self.master).await {
            Ok(factor) => {
                self.lockout.succeeded(&attempt, now);
                Ok(factor)
            }
            Err(Refusal::User(UserRefusal::WrongCode)) => Err(NotVerified::WrongCode),
            Err(refusal) => {
                self.lockout.withdrawn(&attempt, now);
                Err(refusal.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use behalf_core::{access::Actor, user::NewPassword, user::UserPrincipalName};
    use behalf_store::{Store, sqlite::Sqlite};

    use super::*;
    use crate::{
        clock::{Clock as _, FrozenClock},
        directory::{Enrolment, NewTenant, NewUser},
        entropy::SeededEntropy,
        keys::MasterKey,
        session::{
            device::FamiliarDevices,
            lockout::Lockout,
            password::{Options, Parameters, Passwords, hash},
            totp::TotpSecret,
        },
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const CHEAP: Parameters = Parameters { memory: 16, passes: 1 };

    fn authentication(threads: usize, queue: usize) -> Authentication {
        let entropy = SeededEntropy::new(1);
        let options = Options { threads, queue, parameters: CHEAP };
        Authentication {
            passwords: Passwords::start(options, &entropy).unwrap(),
            lockout: Lockout::new(&entropy),
            devices: FamiliarDevices::new(&[1; 32]),
            master: Arc::new(MasterKey::ephemeral(&entropy)),
        }
    }

    fn attempt(name: &str) -> Attempt<'_> {
        let address = Some("192.0.2.1".parse().unwrap());
        Attempt { tenant: TenantId::NIL, name, address, device: None, factor: Factor::Password }
    }

    fn presented(text: &str) -> PresentedPassword {
        PresentedPassword::new(text.to_owned()).unwrap()
    }

    fn bob() -> User {
        let name = UserPrincipalName::parse("bob@acme.test").unwrap();
        let password = NewPassword::chosen("correct horse".into(), &name).unwrap();
        let password = hash(&password, [1; 16], CHEAP);
        User { password, ..User::new(ObjectId::NIL, TenantId::NIL, name, NOW) }
    }

    #[tokio::test]
    async fn cn_12_somebody_and_nobody_are_refused_alike_until_the_end() {
        let desk = authentication(1, 8);
        let bob = bob();
        let mut told = Vec::new();
        for (name, user) in [("bob@acme.test", Some(&bob)), ("nobody@acme.test", None)] {
            let mut answers = Vec::new();
            for _ in 0..12 {
                let tried = desk.password(&attempt(name), user, &presented("wrong"), NOW).await;
                answers.push(tried.unwrap_err());
            }
            told.push(answers);
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0][9], NotVerified::Wrong(WrongPassword));
        assert!(matches!(told[0][10], NotVerified::Locked(_)));
        // Locked is locked: the right password is not looked at either, so it cannot be found.
        let (name, password) = (attempt("bob@acme.test"), presented("correct horse"));
        let right = desk.password(&name, Some(&bob), &password, NOW).await;
        assert!(matches!(right, Err(NotVerified::Locked(_))));
    }

    #[tokio::test]
    async fn a_right_password_ends_the_count_and_one_not_looked_at_does_not_count() {
        let desk = authentication(1, 8);
        let (bob, name) = (bob(), attempt("bob@acme.test"));
        for _ in 0..5 {
            for _ in 0..9 {
                desk.password(&name, Some(&bob), &presented("wrong"), NOW).await.unwrap_err();
            }
            let right = desk.password(&name, Some(&bob), &presented("correct horse"), NOW).await;
            assert_eq!(right.unwrap().user(), bob.id);
        }
        let full = authentication(0, 0);
        for _ in 0..1_000 {
            let tried = full.password(&name, Some(&bob), &presented("wrong"), NOW).await;
            assert_eq!(tried.unwrap_err(), NotVerified::Busy(Busy));
        }
    }

    #[tokio::test]
    async fn ten_wrong_codes_and_the_eleventh_is_not_looked_at() {
        let desk = authentication(0, 0);
        let (clock, entropy) = (Arc::new(FrozenClock::at(NOW)), Arc::new(SeededEntropy::new(2)));
        let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
        let pepper = Arc::new(behalf_core::secret::Pepper::new(1, &[7; 32]));
        let (time, chance) = (Arc::clone(&clock) as _, Arc::clone(&entropy) as _);
        let directory = Directory::new(store, time, chance, pepper);
        let domains = vec!["acme.test".to_owned()];
        let new = NewTenant { display_name: "Acme".into(), domains, id: None };
        let tenant = directory.create_tenant(&new).await.unwrap().id;
        let new = NewUser::new(tenant, UserPrincipalName::parse("bob@acme.test").unwrap());
        let who = (tenant, directory.create_user(Actor::Operator, &new).await.unwrap().id);
        let secret = TotpSecret::generate(&*entropy);
        let code = secret.code_at(NOW);
        let enrolment = Enrolment { user: who, secret: &secret, code: &code };
        directory.enrol_second_factor(enrolment, &desk.master).await.unwrap();
        clock.advance(std::time::Duration::from_mins(1));
        let (now, name) = (clock.now(), attempt("bob@acme.test"));
        let next = secret.code_at(now);
        let good = desk.code(&directory, &name, who, (&next, now)).await.unwrap();
        assert_eq!(good.of(), who);
        for _ in 0..10 {
            let again = desk.code(&directory, &name, who, (&next, now)).await.unwrap_err();
            assert_eq!(again, NotVerified::WrongCode, "it was used");
        }
        let locked = desk.code(&directory, &name, who, (&next, now)).await.unwrap_err();
        assert!(matches!(locked, NotVerified::Locked(_)), "{locked:?}");
    }
}
