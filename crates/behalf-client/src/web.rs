use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::api::{ForResource, TokenSource};
use crate::cache::Held;
use crate::confidential::ConfidentialClient;
use crate::entropy;
use crate::error::Error;
use crate::redirect::{Pending, Verdict};
use crate::request::Grant;
use crate::scopes::Scopes;
use crate::sign_in::{self, AuthorizationRequest};
use crate::token::{AccessToken, Source};

/// A user's sign-in to a web application, from the redirect to the answer. Belongs to the browser
/// that was sent away: keep it where only that browser's next request finds it.
#[must_use = "the answer of the browser can be redeemed with this alone"]
pub struct WebSignIn(AuthorizationRequest);

impl WebSignIn {
    /// Where to send the browser.
    pub const fn url(&self) -> &Url {
        &self.0.url
    }

    /// The `state` that the answer will carry; 43 characters that nobody can guess.
    pub fn state(&self) -> &str {
        &self.0.state
    }
}

impl ConfidentialClient {
    /// Starts a user's sign-in to this web application: authorization code with PKCE, even though
    /// there is a credential (RFC 9700 section 2.1.1). `redirect_uri` as it is registered; where
    /// the authority is `organizations`, users of every tenant can sign in.
    pub async fn start_sign_in<S: Into<String>>(
        &self,
        scopes: impl IntoIterator<Item = S>,
        redirect_uri: impl Into<String>,
    ) -> Result<WebSignIn, Error> {
        let scopes = Scopes::parse(scopes)?;
        let (engine, directory) = (&self.shared.engine, &self.directory);
        let endpoints = directory.endpoints(engine).await?;
        let wanted = (redirect_uri.into(), scopes);
        AuthorizationRequest::new(engine, (directory, &endpoints), wanted, &[]).map(WebSignIn)
    }

    /// Redeems the answer that the browser brought: `query` as it arrived at the redirect URI.
    /// [`AccessToken::account`] is who signed in, with the tenant. The refresh token is not kept.
    pub async fn finish_sign_in(
        &self,
        started: WebSignIn,
        query: &str,
    ) -> Result<AccessToken, Error> {
        let (engine, directory) = (&self.shared.engine, &self.directory);
        let WebSignIn(AuthorizationRequest {
            redirect_uri, scopes, state, nonce, verifier, ..
        }) = started;
        let endpoints = directory.endpoints(engine).await?;
        let code = match (Pending { state, endpoints }).judge(&format!("/?{query}")) {
            Verdict::Answer(code) => code?,
            Verdict::Stray => return Err(Error::SignIn("the answer is another sign-in's (state)")),
        };
        let asked = scopes.to_string();
        let grant = Grant::AuthorizationCode { code, redirect_uri, verifier, scopes };
        let granted = engine.token(directory, &grant, None).await?;
        let account = sign_in::account((engine, directory), &granted, Some(&nonce)).await?;
        let now = engine.clock.now();
        let jitter = entropy::below(engine.entropy.as_ref(), u64::MAX);
        let (life, refresh_in) = (granted.expires_in, granted.refresh_in);
        let held = Held::new(granted.access_token, asked, now, life, refresh_in, jitter);
        Ok(AccessToken::new(Arc::new(held.of_account(account)), Source::Network, now))
    }

    /// An API that is called for the user who has just signed in, with this token and as long as it
    /// lives.
    pub fn for_signed_in(&self, token: &AccessToken) -> ForResource {
        ForResource::new(TokenSource::Given(token.clone()), self.shared.api.clone())
    }
}

impl fmt::Debug for WebSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSignIn").field("scopes", &self.0.scopes).finish_non_exhaustive()
    }
}
