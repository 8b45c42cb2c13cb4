//! The client against a token service that answers as recorded: what is sent, what is kept, what
//! is refused. No waiting: the clock is ours.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answers;
mod apis;
mod cache;
mod client_credentials;
mod credentials;
mod device_code;
mod downstream;
mod interactive;
mod metadata;
mod on_behalf_of;
mod refusals;
mod server;
mod settings;
mod silent;
mod throttling;
mod web;
mod world;
