//! Claiming and giving up the names resources are asked for by.

use behalf_core::{
    application::IdentifierUri,
    id::{AppId, TenantId},
    time::Timestamp,
};
use behalf_store::{
    Reading, Stored, WriteSet,
    records::resource_name::{self, NameOwner},
};

use super::Refusal;

/// Who may have a name, judged by who has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is his already.
    Held,
    /// He may take it.
    Free,
    /// Another application has it.
    TakenBy(AppId),
    /// It is reserved for its last owner.
    Reserved(Timestamp),
}

/// Judges whether `app` may have a name whose owner is `found`.
pub(super) fn judge(found: Option<&NameOwner>, app: AppId, now: Timestamp) -> Claim {
    match found {
        Some(NameOwner::Application(owner)) if *owner == app => Claim::Held,
        Some(NameOwner::Application(owner)) => Claim::TakenBy(*owner),
        Some(NameOwner::Reserved { last, until }) if *last != app && now < *until => {
            Claim::Reserved(*until)
        }
        Some(NameOwner::Reserved { .. }) | None => Claim::Free,
    }
}

/// Whose names are changed, where and when.
#[derive(Clone, Copy)]
pub(super) struct Claimant {
    pub(super) tenant: TenantId,
    pub(super) app: AppId,
    pub(super) now: Timestamp,
}

impl Claimant {
    /// Claims names of an application in its home tenant. Its own come before provisioned ones
    /// (decisions.md 1): a name that a foreign application holds here is taken from it.
    pub(super) async fn claim(
        self,
        reading: &Reading<'_>,
        set: &mut WriteSet,
        names: impl IntoIterator<Item = &IdentifierUri>,
    ) -> Result<(), Refusal> {
        for name in names {
            let uri = name.as_str();
            let found = reading.resource_name(self.tenant, uri).await?;
            match judge(found.as_deref(), self.app, self.now) {
                Claim::Held => {}
                Claim::Free => self.take(set, uri, found.as_ref()),
                Claim::TakenBy(owner) => {
                    let holder = reading.service_principal_by_app_id(self.tenant, owner).await?;
                    if holder.is_none_or(|holder| holder.home == self.tenant) {
                        return Err(Refusal::UriTaken(uri.to_owned()));
                    }
                    self.take(set, uri, found.as_ref());
                }
                Claim::Reserved(until) => {
                    return Err(Refusal::UriReserved { uri: uri.to_owned(), until });
                }
            }
        }
        Ok(())
    }

    /// Claims names of a foreign application, those that may travel; what is not free is left out.
    pub(super) async fn claim_provisioned(
        self,
        reading: &Reading<'_>,
        set: &mut WriteSet,
        (names, home): (&[IdentifierUri], TenantId),
    ) -> Result<(), Refusal> {
        for name in names.iter().filter(|name| name.may_travel(self.app, home)) {
            let found = reading.resource_name(self.tenant, name.as_str()).await?;
            if judge(found.as_deref(), self.app, self.now) == Claim::Free {
                self.take(set, name.as_str(), found.as_ref());
            }
        }
        Ok(())
    }

    /// Gives up those of `names` that are his.
    pub(super) async fn release(
        self,
        reading: &Reading<'_>,
        set: &mut WriteSet,
        names: impl IntoIterator<Item = &IdentifierUri>,
    ) -> Result<(), Refusal> {
        for name in names {
            let found = reading.resource_name(self.tenant, name.as_str()).await?;
            if judge(found.as_deref(), self.app, self.now) == Claim::Held {
                resource_name::release(set, self.tenant, name.as_str(), self.app, self.now);
            }
        }
        Ok(())
    }

    fn take(self, set: &mut WriteSet, name: &str, found: Option<&Stored<NameOwner>>) {
        resource_name::claim(set, self.tenant, name, self.app, found);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_may_have_a_name() {
        let (mine, other) = (AppId(Uuid::from_u128(1)), AppId(Uuid::from_u128(2)));
        let now = Timestamp(1_000);
        let reserved = |last, until| NameOwner::Reserved { last, until: Timestamp(until) };
        for (found, expected) in [
            (None, Claim::Free),
            (Some(NameOwner::Application(mine)), Claim::Held),
            (Some(NameOwner::Application(other)), Claim::TakenBy(other)),
            (Some(reserved(other, 1_001)), Claim::Reserved(Timestamp(1_001))),
            (Some(reserved(other, 1_000)), Claim::Free),
            (Some(reserved(mine, 9_999)), Claim::Free),
        ] {
            assert_eq!(judge(found.as_ref(), mine, now), expected, "{found:?}");
        }
    }
}
