//! One file a flow: requests over HTTP with their answers beside them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper that cannot go on ends the test"
)]

#[expect(dead_code, reason = "shared with the advisories, which use more of it")]
mod common;

mod flows {
    mod authorization_code;
    mod authorize_code;
    mod authorize_consent;
    mod authorize_errors;
    mod browser;
    mod capable;
    mod client_credentials;
    mod coherence;
    mod correlation;
    mod cors;
    mod degraded;
    mod device_code;
    mod device_pages;
    mod discovery;
    mod enumeration;
    mod error_rows;
    mod former_urls;
    mod forms_at_once;
    mod hostile_requests;
    mod interactive_log;
    mod introspection;
    mod late_clock;
    mod limits;
    mod matrix;
    mod my_apps;
    mod on_behalf_of;
    mod outlives;
    mod password;
    mod races;
    mod redirects;
    mod refresh_token;
    mod revocation;
    mod sign_in_log;
    mod sign_out;
    mod stopping;
    mod strict_clients;
    mod token_http;
    mod token_revocation;
    mod unknown_tenants;
    mod userinfo;
}
