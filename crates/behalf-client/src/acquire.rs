use std::pin::Pin;
use std::sync::Arc;

use crate::answer::TokenAnswer;
use crate::cache::{Freshness, Held, Key, Owner};
use crate::confidential::ConfidentialClient;
use crate::engine::Engine;
use crate::entropy;
use crate::error::Error;
use crate::request::Grant;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::token::AccessToken;

/// A token to be acquired: `.await` it. From the cache, unless told otherwise.
#[must_use = "nothing happens until this is awaited"]
pub struct Acquire {
    client: ConfidentialClient,
    wanted: Result<Wanted, Error>,
    claims: Option<String>,
    freshness: Freshness,
}

pub(crate) enum Wanted {
    ForClient(Scopes),
    OnBehalfOf { assertion: Secret, scopes: Scopes },
}

impl Wanted {
    fn grant(&self) -> Grant {
        match self {
            Self::ForClient(scopes) => Grant::ClientCredentials { scopes: scopes.clone() },
            Self::OnBehalfOf { assertion, scopes } => {
                Grant::OnBehalfOf { assertion: assertion.clone(), scopes: scopes.clone() }
            }
        }
    }
}

impl Acquire {
    pub(crate) const fn new(client: ConfidentialClient, wanted: Result<Wanted, Error>) -> Self {
        Self { client, wanted, claims: None, freshness: Freshness::Cached }
    }

    /// Sends the claims (JSON) of a challenge along. The cache is passed by, and what comes takes
    /// the place of what was there.
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self.freshness = Freshness::New;
        self
    }

    /// Asks the token service even if a valid token is there: after the roles in it have changed.
    pub const fn force_refresh(mut self) -> Self {
        self.freshness = Freshness::New;
        self
    }

    /// Asks the token service and gives its answer whole. Nothing is taken from the cache and
    /// nothing is kept.
    pub async fn answer(self) -> Result<TokenAnswer, Error> {
        let ConfidentialClient { shared, directory } = &self.client;
        let grant = self.wanted?.grant();
        shared.engine.answered(directory, &grant, self.claims.as_deref()).await
    }

    async fn run(self) -> Result<AccessToken, Error> {
        let ConfidentialClient { shared, directory } = &self.client;
        let engine = &shared.engine;
        let wanted = self.wanted?;
        let grant = wanted.grant();
        let (owner, slots, scopes) = match wanted {
            Wanted::ForClient(scopes) => (Owner::Application, &shared.app_tokens, scopes),
            Wanted::OnBehalfOf { assertion, scopes } => {
                let owner = Owner::Assertion(shared.hasher.hash(assertion.expose()));
                (owner, &shared.user_tokens, scopes)
            }
        };
        let key = Key {
            authority: directory.authority.clone(),
            client_id: engine.client_id.clone(),
            owner,
            scopes: scopes.clone(),
            claims: self.claims.clone(),
        };
        let slot = slots.at(&key);
        // A token with claims is the better one for the next call without.
        let plain = self.claims.is_some().then(|| slots.at(&Key { claims: None, ..key }));
        let fetch = || {
            let (engine, directory) = (Arc::clone(engine), Arc::clone(directory));
            let claims = self.claims;
            async move {
                let outcome = engine.token(&directory, &grant, claims.as_deref()).await;
                let now = engine.clock.now();
                let held = outcome.map(|granted| {
                    Arc::new(Held::new(
                        granted.access_token,
                        scopes.to_string(),
                        now,
                        granted.expires_in,
                        granted.refresh_in,
                        jitter(&engine),
                    ))
                });
                if let (Ok(held), Some(plain)) = (&held, plain) {
                    plain.put(held, now);
                }
                (held, now)
            }
        };
        slot.token(engine.clock.as_ref(), self.freshness, fetch).await
    }
}

fn jitter(engine: &Engine) -> u64 {
    entropy::below(engine.entropy.as_ref(), u64::MAX)
}

impl IntoFuture for Acquire {
    type Output = Result<AccessToken, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
