use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use behalf_protocol::delegation::UserAssertion;
use http::request::Parts;
use uuid::Uuid;

use crate::challenge::AuthError;
use crate::layer::Authentication;
use crate::permission::{AppPermission, Scope};
use crate::presented::Presented;
use crate::token::{Caller, ValidToken};

/// A valid token that does not carry what a route asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// The scopes or roles of which one would do.
    needed: Vec<&'static str>,
    /// The guard is for the other kind of caller.
    wrong_caller: bool,
}

impl Forbidden {
    fn lacks(needed: Option<&'static str>) -> Self {
        Self { needed: needed.into_iter().collect(), wrong_caller: false }
    }

    fn wrong_caller(needed: Option<&'static str>) -> Self {
        Self { needed: needed.into_iter().collect(), wrong_caller: true }
    }

    /// Of two guards the one for the caller's kind knows what is missing.
    fn or(mut self, other: Self) -> Self {
        match (self.wrong_caller, other.wrong_caller) {
            (true, false) => other,
            (false, true) => self,
            _ => {
                self.needed.extend(other.needed);
                self
            }
        }
    }

    /// The scopes or roles of which one would do.
    pub fn needed(&self) -> &[&'static str] {
        &self.needed
    }
}

/// What a route asks of its caller.
pub trait Guard: Sized {
    /// Passes the token through if it carries what is asked for.
    fn check(presented: Presented) -> Result<Self, Forbidden>;

    /// The token.
    fn token(&self) -> &ValidToken;
}

/// A user, through an application that holds the delegated scope `S`.
#[derive(Debug, Clone)]
pub struct OnBehalf<S> {
    presented: Presented,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope> OnBehalf<S> {
    /// The user's object id in the tenant.
    pub fn oid(&self) -> Uuid {
        let (Caller::User { oid, .. } | Caller::App { oid, .. }) = self.token().caller();
        *oid
    }

    /// The user's tenant.
    pub fn tenant(&self) -> Uuid {
        let (Caller::User { tenant, .. } | Caller::App { tenant, .. }) = self.token().caller();
        *tenant
    }

    /// The token.
    pub fn token(&self) -> &ValidToken {
        self.presented.token()
    }
}

impl<S: Scope> Guard for OnBehalf<S> {
    fn check(presented: Presented) -> Result<Self, Forbidden> {
        let token = presented.token();
        match token.caller() {
            Caller::App { .. } => Err(Forbidden::wrong_caller(Some(S::VALUE))),
            Caller::User { .. } if token.scopes().any(|scope| scope == S::VALUE) => {
                Ok(Self { presented, scope: PhantomData })
            }
            Caller::User { .. } => Err(Forbidden::lacks(Some(S::VALUE))),
        }
    }

    fn token(&self) -> &ValidToken {
        self.presented.token()
    }
}

/// The token is sent onwards as it came.
impl<S: Scope> UserAssertion for OnBehalf<S> {
    fn assertion(&self) -> &str {
        self.presented.bearer()
    }

    fn handles_challenges(&self) -> bool {
        self.token().handles_challenges()
    }

    fn authorization_uri(&self) -> Option<&str> {
        Some(self.presented.authorization_uri())
    }
}

/// An application on its own behalf that was assigned the role `R`, or any one with
/// [`Any`](crate::Any). A user's roles never count.
#[derive(Debug, Clone)]
pub struct AppOnly<R> {
    token: Arc<ValidToken>,
    role: PhantomData<fn() -> R>,
}

impl<R: AppPermission> AppOnly<R> {
    /// The application id of the client.
    pub fn client(&self) -> Uuid {
        let (Caller::User { client, .. } | Caller::App { client, .. }) = self.token.caller();
        *client
    }

    /// The tenant.
    pub fn tenant(&self) -> Uuid {
        let (Caller::User { tenant, .. } | Caller::App { tenant, .. }) = self.token.caller();
        *tenant
    }

    /// The token.
    pub fn token(&self) -> &ValidToken {
        &self.token
    }
}

impl<R: AppPermission> Guard for AppOnly<R> {
    fn check(presented: Presented) -> Result<Self, Forbidden> {
        let token = presented.token;
        let holds = |role: &str| token.roles().iter().any(|held| held == role);
        match token.caller() {
            Caller::User { .. } => Err(Forbidden::wrong_caller(R::ROLE)),
            Caller::App { .. } if R::ROLE.is_none_or(holds) => {
                Ok(Self { token, role: PhantomData })
            }
            Caller::App { .. } => Err(Forbidden::lacks(R::ROLE)),
        }
    }

    fn token(&self) -> &ValidToken {
        &self.token
    }
}

/// One guard or the other.
#[derive(Debug, Clone)]
pub enum Either<A, B> {
    /// The first holds.
    Left(A),
    /// The second holds.
    Right(B),
}

impl<A: Guard, B: Guard> Either<A, B> {
    /// Who calls.
    pub fn caller(&self) -> &Caller {
        Guard::token(self).caller()
    }
}

impl<A: Guard, B: Guard> Guard for Either<A, B> {
    fn check(presented: Presented) -> Result<Self, Forbidden> {
        A::check(presented.clone()).map(Self::Left).or_else(|first| {
            B::check(presented).map(Self::Right).map_err(|second| first.or(second))
        })
    }

    fn token(&self) -> &ValidToken {
        match self {
            Self::Left(guard) => guard.token(),
            Self::Right(guard) => guard.token(),
        }
    }
}

fn extract<G: Guard>(parts: &Parts) -> Result<G, AuthError> {
    parts.extensions.get::<Authentication>().ok_or(AuthError::NoLayer)?.authorize()
}

impl<S: Scope, St: Sync> FromRequestParts<St> for OnBehalf<S> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &St) -> Result<Self, AuthError> {
        extract(parts)
    }
}

impl<R: AppPermission, St: Sync> FromRequestParts<St> for AppOnly<R> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &St) -> Result<Self, AuthError> {
        extract(parts)
    }
}

impl<A: Guard, B: Guard, St: Sync> FromRequestParts<St> for Either<A, B> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &St) -> Result<Self, AuthError> {
        extract(parts)
    }
}
