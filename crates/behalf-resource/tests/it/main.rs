//! The middleware against recorded documents in the shape of Entra's: no network, no waiting.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answers;
mod away;
mod building;
mod https;
mod keys;
mod onward;
mod properties;
mod resource_metadata;
mod routing;
mod tokens;
mod verdicts;
mod world;
