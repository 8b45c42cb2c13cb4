//! What is issued while the database is away: to clients for themselves, from what was known when it
//! went, for a short time (decisions.md 26).

use std::time::Duration;

use behalf_protocol::token::GrantType;

use super::AuthenticatedClient;

/// The longest life of such a token: whatever is taken away meanwhile ends with it.
pub const LONGEST: Duration = Duration::from_mins(15);

/// Whether a grant can be decided on what is remembered. All others write, or read what must be
/// fresh.
pub fn may_decide(grant: GrantType) -> bool {
    matches!(grant, GrantType::ClientCredentials)
}

/// Whether the client may have one: its tenant and its own settings allow it, and what it proved
/// itself with need not be recorded.
pub fn admits(client: &AuthenticatedClient<'_>) -> bool {
    let facts = client.facts();
    client.single_use().is_none()
        && !facts.settings.no_degraded_service
        && !facts.tenant.no_degraded_service
}
