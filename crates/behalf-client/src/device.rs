use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::answer::{self, TokenAnswer, clean};
use crate::error::Error;
use crate::public::PublicClient;
use crate::request::{Form, Grant, SIGN_IN_SCOPES};
use crate::scopes::Scopes;
use crate::secret::Secret;

/// The pause between polls where the answer names none (RFC 8628 section 3.2), in seconds.
const INTERVAL: u64 = 5;
/// What `slow_down` adds to it (section 3.5).
const SLOWER: u64 = 5;
/// The longest pause and the longest life of a code that are believed.
const LONGEST_INTERVAL: u64 = 60;
const LONGEST_LIFE: u64 = 3600;

/// What the user is shown: where to go, and the code to enter there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DevicePrompt {
    /// The address: https.
    pub verification_uri: Url,
    /// The code.
    pub user_code: String,
    /// The server's sentence with both; without control characters.
    pub message: String,
    /// How long the code is good for.
    pub expires_in: Duration,
}

#[derive(Deserialize)]
struct Answer {
    device_code: Secret,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    expires_in: u64,
    #[serde(default = "interval")]
    interval: u64,
    #[serde(default)]
    message: String,
}

const fn interval() -> u64 {
    INTERVAL
}

pub(crate) async fn sign_in_by_device_code(
    client: &PublicClient,
    scopes: &Scopes,
    prompt: impl FnOnce(&DevicePrompt),
) -> Result<TokenAnswer, Error> {
    let engine = &client.0.engine;
    let answer = ask(client, scopes).await?;
    let life = answer.expires_in.min(LONGEST_LIFE);
    let expires = engine.clock.now() + life;
    prompt(&shown(&answer, life)?);
    let grant = Grant::DeviceCode { device_code: answer.device_code };
    let mut pause = answer.interval.clamp(1, LONGEST_INTERVAL);
    loop {
        engine.clock.sleep(Duration::from_secs(pause)).await;
        if engine.clock.now() >= expires {
            return Err(Error::TimedOut);
        }
        let error = match engine.answered(&client.0.directory, &grant, None).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match error.refusal().map(|refusal| refusal.error.as_str()) {
            Some("authorization_pending") => {}
            Some("slow_down") => pause += SLOWER,
            // A poll that was lost is made again, later each time (section 3.5).
            _ if error.is_retryable() => {
                let told = error.retry_after().map_or(0, |wait| wait.as_secs());
                pause = (pause * 2).min(LONGEST_INTERVAL).max(told);
            }
            _ => return Err(error),
        }
    }
}

/// Asks for a code (RFC 8628 section 3.1).
async fn ask(client: &PublicClient, scopes: &Scopes) -> Result<Answer, Error> {
    let (engine, directory) = (&client.0.engine, &client.0.directory);
    let endpoints = directory.endpoints(engine).await?;
    let url = endpoints.device_authorization.as_deref().ok_or_else(|| Error::NoEndpoint {
        authority: directory.authority.to_string(),
        endpoint: "device_authorization_endpoint",
    })?;
    let mut form = Form::default();
    form.add("client_id", &engine.client_id);
    form.add("scope", scopes.with(SIGN_IN_SCOPES).to_string());
    let answer = engine.post(url, &form).await?;
    // Some services answer refusals with 200 here.
    serde_json::from_slice(&answer.body).map_err(|_| answer::refused(url, &answer, &[], None))
}

fn shown(answer: &Answer, life: u64) -> Result<DevicePrompt, Error> {
    let text = |text: &str| clean(text, &[]);
    let verification_uri = Url::parse(&answer.verification_uri)
        .ok()
        .filter(|url| url.scheme() == "https")
        .ok_or(Error::SignIn("the address for the code is not https"))?;
    let user_code = text(&answer.user_code);
    let message = if answer.message.is_empty() {
        format!("To sign in, open {verification_uri} and enter the code {user_code}.")
    } else {
        text(&answer.message)
    };
    Ok(DevicePrompt { verification_uri, user_code, message, expires_in: Duration::from_secs(life) })
}
