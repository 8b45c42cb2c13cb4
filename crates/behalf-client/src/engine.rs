use std::sync::Arc;
use std::time::Duration;

use crate::answer::{self, Granted, TokenAnswer};
use crate::claims;
use crate::clock::Clock;
use crate::credential::{AssertionRequest, Credential};
use crate::directory::Directory;
use crate::entropy::{self, Entropy};
use crate::error::Error;
use crate::metadata::Endpoints;
use crate::request::{Form, Grant};
use crate::retry::{self, Attempts, Repeat};
use crate::transport::{HttpAnswer, Transport};
use behalf_protocol::EndpointVersion;
use behalf_protocol::authority::Authority;

/// Makes token requests for one client. Knows nothing of caches.
pub(crate) struct Engine {
    pub(crate) client_id: String,
    /// None for a public client.
    pub(crate) credential: Option<Credential>,
    /// `xms_cc`: what this client can do, such as `cp1`.
    pub(crate) capabilities: Vec<String>,
    pub(crate) transport: Transport,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) entropy: Box<dyn Entropy>,
}

impl Engine {
    /// As [`answered`](Self::answered), for the cache.
    pub(crate) async fn token(
        self: &Arc<Self>,
        directory: &Arc<Directory>,
        grant: &Grant,
        claims: Option<&str>,
    ) -> Result<Granted, Error> {
        self.answered(directory, grant, claims).await.map(|answer| answer.granted)
    }

    /// Sends a grant to the authority's token endpoint; repeats what may be repeated.
    pub(crate) async fn answered(
        self: &Arc<Self>,
        directory: &Arc<Directory>,
        grant: &Grant,
        claims: Option<&str>,
    ) -> Result<TokenAnswer, Error> {
        let endpoints = directory.endpoints(self).await?;
        let claims = claims::merge(&self.capabilities, claims).map_err(Error::Claims)?;
        let mut attempts = self.attempts(grant.repeat());
        let v1 = grant.is_v1().then(|| directory.authority.v1_token_url());
        let url = v1.as_deref().unwrap_or(&endpoints.token);
        loop {
            let outcome = self.attempt(url, grant, claims.as_deref()).await;
            attempts.after(outcome.as_ref().err()).await;
            if attempts.over {
                return outcome;
            }
        }
    }

    async fn attempt(
        &self,
        url: &str,
        grant: &Grant,
        claims: Option<&str>,
    ) -> Result<TokenAnswer, Error> {
        let mut form = Form::default();
        form.add("client_id", &self.client_id);
        grant.write(&mut form);
        if let Some(claims) = claims {
            form.add("claims", claims);
        }
        let now = self.clock.now();
        if let Some(credential) = &self.credential {
            let request = AssertionRequest {
                client_id: self.client_id.clone(),
                token_endpoint: url.to_owned(),
            };
            let id = entropy::uuid(self.entropy.as_ref())?;
            credential.authenticate(request, &mut form, now, id).await?;
        }
        let correlation_id = entropy::uuid(self.entropy.as_ref())?.to_string();
        let answer = self.transport.post(url, &form.encode(), &correlation_id, now).await?;
        answer::read(url, answer, &form.secrets(), &correlation_id)
    }

    /// Sends a form to another endpoint of the authority, once.
    pub(crate) async fn post(&self, url: &str, form: &Form) -> Result<HttpAnswer, Error> {
        let correlation_id = entropy::uuid(self.entropy.as_ref())?.to_string();
        self.transport.post(url, &form.encode(), &correlation_id, self.clock.now()).await
    }

    /// Fetches and checks the metadata of an authority.
    pub(crate) async fn metadata(&self, authority: &Authority) -> Result<Endpoints, Error> {
        let url = authority.metadata_url(EndpointVersion::V2);
        let mut attempts = self.attempts(Repeat::Safe);
        loop {
            let outcome = match self.transport.get(&url, self.clock.now()).await {
                Ok(HttpAnswer { status: 200, body, .. }) => {
                    Endpoints::parse(authority, &body).map_err(Error::from)
                }
                // An unknown tenant is told in the envelope of the token endpoint.
                Ok(answer) => Err(answer::refused(&url, &answer, &[], None)),
                Err(error) => Err(error),
            };
            attempts.after(outcome.as_ref().err()).await;
            if attempts.over {
                return outcome;
            }
        }
    }

    fn attempts(&self, repeat: Repeat) -> Repeating<'_> {
        Repeating { engine: self, repeat, made: 0, started: self.clock.now(), over: false }
    }
}

/// The attempts at one request.
struct Repeating<'e> {
    engine: &'e Engine,
    repeat: Repeat,
    made: u32,
    started: u64,
    over: bool,
}

impl Repeating<'_> {
    /// Counts an attempt; waits if another one is to be made.
    async fn after(&mut self, error: Option<&Error>) {
        self.made += 1;
        let elapsed = self.engine.clock.now().saturating_sub(self.started);
        let attempts = Attempts { made: self.made, elapsed: Duration::from_secs(elapsed) };
        let jitter = entropy::below(self.engine.entropy.as_ref(), 1000);
        let pause = error.and_then(|error| retry::pause(error, self.repeat, attempts, jitter));
        match pause {
            Some(pause) => self.engine.clock.sleep(pause).await,
            None => self.over = true,
        }
    }
}
