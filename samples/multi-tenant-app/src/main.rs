//! trend-report: a web application for the users of every directory, and trend-api, which it calls for
//! them. Whoever consents first brings both into their directory.

mod api;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use behalf_client::{ConfidentialClient, WebSignIn};
use clap::Parser;
use tokio::net::TcpListener;
use url::Url;

/// Sign-ins that are waited for; of more the browsers start again.
const MOST_SIGN_INS: usize = 1000;
const SCOPE: &str = "api://7e4d0000-0000-4000-8000-000000000006/Trends.Read";
const HOME: &str = "<!doctype html><meta name=viewport content=width=device-width><title>trend-report</title>\
    <h1>trend-report</h1><p><a href=/sign-in>Sign in</a> with the account of your organisation.\
    <p><a href=/connect>Connect your organisation</a>, if you administer it: nobody in it is asked again.";

#[derive(Parser)]
struct Settings {
    #[arg(long, env = "AZURE_AUTHORITY_HOST", help = "Such as https://localhost:8443")]
    authority_host: String,
    #[arg(long, env = "AZURE_CLIENT_ID", help = "This application's id")]
    client_id: String,
    #[arg(long, env = "BEHALF_CA_FILE", help = "The CA to trust, if not the system's (PEM)")]
    ca_file: Option<PathBuf>,
    #[arg(long, env = "PORT", default_value = "3003", help = "0 takes a free one")]
    port: u16,
}

#[derive(Clone)]
struct App {
    /// At `organizations`: the directory is the user's.
    client: ConfidentialClient,
    admin_consent: Url,
    redirect_uri: String,
    trends: String,
    waiting: Arc<Mutex<HashMap<String, WebSignIn>>>,
}

/// What the browser is told instead.
type Refusal = (StatusCode, String);

fn refused(error: impl Into<anyhow::Error>) -> Refusal {
    (StatusCode::FORBIDDEN, error.into().to_string())
}

/// Sends the browser to its own directory; the cookie says that it is this browser's sign-in.
async fn sign_in(State(app): State<App>) -> Result<Response, Refusal> {
    let started = app.client.start_sign_in([SCOPE], &app.redirect_uri).await.map_err(refused)?;
    let cookie = format!("state={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600", started.state());
    let to = Redirect::to(started.url().as_str());
    let mut waiting = app.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.len() >= MOST_SIGN_INS {
        waiting.clear();
    }
    waiting.insert(started.state().to_owned(), started);
    Ok(([(header::SET_COOKIE, cookie)], to).into_response())
}

/// The page; or the end of a sign-in or of an administrator's consent, which come back here.
async fn home(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let Some(query) = query else { return Ok(Html(HOME).into_response()) };
    if query.contains("admin_consent=") {
        return Ok("Your organisation is connected: everybody in it can sign in.".into_response());
    }
    let cookie = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok());
    let state = cookie.and_then(|text| text.split("; ").find_map(|one| one.strip_prefix("state=")));
    let started = state
        .and_then(|state| app.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(state));
    let started =
        started.ok_or_else(|| refused(anyhow!("This is not the browser that signed in here.")))?;
    let token = app.client.finish_sign_in(started, &query).await.map_err(refused)?;
    let account = token.account().ok_or_else(|| refused(anyhow!("The answer names no user.")))?;
    let api = app.client.for_signed_in(&token).reqwest().map_err(refused)?;
    let answer = api.get(&app.trends).send().await.map_err(refused)?;
    let trends = answer.error_for_status().map_err(refused)?.text().await.map_err(refused)?;
    Ok(format!("{account} of {}: {trends}", account.tenant()).into_response())
}

/// Where an administrator consents for everyone (no sign-in: only the consent comes back).
async fn connect(State(app): State<App>) -> Redirect {
    Redirect::to(app.admin_consent.as_str())
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    let redirect_uri = format!("http://localhost:{}/", listener.local_addr()?.port());
    let host = &settings.authority_host;
    let consent = [
        ("client_id", settings.client_id.as_str()),
        ("redirect_uri", &redirect_uri),
        ("scope", SCOPE),
        ("state", "connect"),
    ];
    let app = App {
        client: ConfidentialClient::from_env()?.for_tenant("organizations")?,
        admin_consent: Url::parse_with_params(
            &format!("{host}/organizations/v2.0/adminconsent"),
            consent,
        )?,
        redirect_uri,
        trends: api::start(host, settings.ca_file).await?,
        waiting: Arc::default(),
    };
    println!("trend-report listens on {}", app.redirect_uri);
    let routes = Router::new().route("/", get(home)).route("/sign-in", get(sign_in));
    axum::serve(listener, routes.route("/connect", get(connect)).with_state(app)).await?;
    Ok(())
}
