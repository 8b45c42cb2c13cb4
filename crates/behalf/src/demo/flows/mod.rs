//! The flows that go well.

pub(super) mod chain;
pub(super) mod daemon;
pub(super) mod refresh;
pub(super) mod tenants;
