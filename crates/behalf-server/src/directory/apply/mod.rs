//! A manifest and the directory become a plan, and the plan is carried out.
//!
//! What a manifest does not mention is not managed; an empty list is managed and empty.
//! Applications that it does not name are left alone. Planning is pure; carrying out goes through
//! the same doors as every other administrator, one commit a step, so that applying twice, or
//! again after a failure, ends in the same place.

mod difference;
mod execute;
pub mod manifest;
mod overlay;
mod people;
mod plan;
mod resolve;
mod state;
#[cfg(test)]
mod tests;

pub use execute::{Applied, GeneratedPassword, GeneratedSecret};
pub use manifest::Manifest;
pub use plan::{Line, Plan, Sign};

use super::{Directory, Refusal};
use state::State;

/// Why a manifest was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The manifest asks for what cannot be; everything found, not only the first. Nothing was
    /// changed.
    #[error("the manifest cannot be applied:\n  {}", .0.join("\n  "))]
    Problems(Vec<String>),
    /// The directory could not be read, or its tenant does not exist.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

impl Directory {
    /// What applying `manifest` would do.
    pub async fn plan(&self, manifest: &Manifest) -> Result<Plan, ApplyError> {
        let tenant = self.find_tenant(&manifest.tenant).await?;
        let state = State::gather(self, tenant.value, manifest).await?;
        let context = plan::Context {
            now: self.now(),
            pepper: &self.pepper,
            fresh: &|kind, name| match self.ids {
                super::ObjectIds::Random => self.uuid(),
                super::ObjectIds::Derived => self.object_id(state.tenant.id, kind, name).0,
            },
        };
        plan::plan(&state, manifest, &context).map_err(ApplyError::Problems)
    }

    /// Applies `manifest`: plans, and carries the plan out.
    pub async fn apply(&self, manifest: &Manifest) -> Result<Applied, ApplyError> {
        let plan = self.plan(manifest).await?;
        Ok(execute::execute(self, plan).await)
    }
}
