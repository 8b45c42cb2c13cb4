//! Clients of a server under test: a TLS connection, and a browser without a browser.

pub(crate) mod browser;
pub(crate) mod https;
