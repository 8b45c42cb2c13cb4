//! What every sign-in with a browser does, whoever redeems its code.

use std::sync::Arc;

use url::Url;

use crate::account::Account;
use crate::answer::Granted;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::error::Error;
use crate::id_token::{self, Expected};
use crate::metadata::Endpoints;
use crate::pkce::{self, Pkce};
use crate::request::SIGN_IN_SCOPES;
use crate::scopes::Scopes;
use crate::secret::Secret;

/// An authorization request (RFC 6749 section 4.1.1), and what binds the answer to it.
pub(crate) struct AuthorizationRequest {
    /// Where the browser is sent.
    pub(crate) url: Url,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Scopes,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: Secret,
}

impl AuthorizationRequest {
    /// A request of `engine`'s client; `wishes` are further parameters.
    pub(crate) fn new(
        engine: &Engine,
        (directory, endpoints): (&Directory, &Endpoints),
        (redirect_uri, scopes): (String, Scopes),
        wishes: &[(&str, Option<&str>)],
    ) -> Result<Self, Error> {
        let endpoint = endpoints.authorization.as_deref().and_then(|text| Url::parse(text).ok());
        let mut url = endpoint.ok_or_else(|| Error::NoEndpoint {
            authority: directory.authority.to_string(),
            endpoint: "authorization_endpoint",
        })?;
        let Pkce { verifier, challenge } = Pkce::new(engine.entropy.as_ref())?;
        let state = pkce::unguessable(engine.entropy.as_ref())?;
        let nonce = pkce::unguessable(engine.entropy.as_ref())?;
        url.query_pairs_mut()
            .append_pair("client_id", &engine.client_id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("client_info", "1")
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &scopes.with(SIGN_IN_SCOPES).to_string())
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(wishes.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        Ok(Self { url, redirect_uri, scopes, state, nonce, verifier })
    }
}

/// Who signed in. An authorization request asked for an ID token, so its answer must have one;
/// `nonce` is that of the request, if there was one.
pub(crate) async fn account(
    (engine, directory): (&Arc<Engine>, &Arc<Directory>),
    granted: &Granted,
    nonce: Option<&str>,
) -> Result<Option<Account>, Error> {
    let Some(id_token) = &granted.id_token else {
        let missing = nonce.map(|_| Error::IdToken("there is none"));
        return missing.map_or(Ok(None), Err);
    };
    let endpoints = directory.endpoints(engine).await?;
    let expected = Expected {
        endpoints: &endpoints,
        client_id: &engine.client_id,
        nonce,
        now: engine.clock.now(),
    };
    let identity = id_token::read(id_token.expose(), &expected).map_err(Error::IdToken)?;
    Ok(Some(Account::new(identity, granted.client_info.as_deref())))
}
