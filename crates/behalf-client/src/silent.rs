use std::sync::Arc;

use crate::account::Account;
use crate::cache::Freshness;
use crate::error::Error;
use crate::public::{PublicClient, SignIn};
use crate::scopes::Scopes;
use crate::token::AccessToken;

/// A token for a user who has signed in, without asking them: `.await` it. From the cache, or with
/// their refresh token.
#[must_use = "nothing happens until this is awaited"]
pub struct Silent {
    client: PublicClient,
    account: Account,
    scopes: Result<Scopes, Error>,
    claims: Option<String>,
    freshness: Freshness,
}

impl Silent {
    pub(crate) const fn new(
        client: PublicClient,
        account: Account,
        scopes: Result<Scopes, Error>,
    ) -> Self {
        Self { client, account, scopes, claims: None, freshness: Freshness::Cached }
    }

    /// Sends the claims (JSON) of a challenge along; the cache is passed by.
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self.freshness = Freshness::New;
        self
    }

    /// Redeems the refresh token even if a valid access token is there.
    pub const fn force_refresh(mut self) -> Self {
        self.freshness = Freshness::New;
        self
    }

    async fn run(self) -> Result<AccessToken, Error> {
        let Self { client, account, scopes, claims, freshness } = self;
        let scopes = scopes?;
        if !client.knows(&account) {
            return Err(Error::NotSignedIn(account.to_string()));
        }
        let slot = client.slot(&account, &scopes, claims.clone());
        let plain = claims.is_some().then(|| client.slot(&account, &scopes, None));
        let fetch = || {
            let client = client.clone();
            async move {
                let held = client.refresh(&account, &scopes, claims.as_deref()).await.map(Arc::new);
                let now = client.0.engine.clock.now();
                if let (Ok(held), Some(plain)) = (&held, plain) {
                    plain.put(held, now);
                }
                (held, now)
            }
        };
        slot.token(client.0.engine.clock.as_ref(), freshness, fetch).await
    }
}

impl IntoFuture for Silent {
    type Output = Result<AccessToken, Error>;
    type IntoFuture = SignIn;

    fn into_future(self) -> SignIn {
        Box::pin(self.run())
    }
}
