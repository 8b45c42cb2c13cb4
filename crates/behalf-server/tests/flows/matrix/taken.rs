//! What can be taken away.

use std::time::Duration;

use behalf_core::{
    application::TokenAlg,
    grant::GrantedFor,
    id::{AppId, FamilyId, ObjectId, PermissionId},
    service_principal::AppRoleAssignment,
    user::UserEvent,
};
use behalf_server::directory::Directory;
use behalf_store::{Expect, WriteSet, records};
use uuid::Uuid;

use super::grants::{
    Grant,
    Rests::{
        self, Consent, Counters, Credential, Family, OwnAssignment, Parties, Password, Presented,
        PrincipalRevision, SamePrincipal, Seal, Signature, User,
    },
};
use crate::common::{
    ACME, TestServer, principal_id,
    users::{ADA, grant},
};

/// Something that is taken away, and what it ends.
pub(super) struct Taken {
    pub(super) name: &'static str,
    pub(super) ends: &'static [Rests],
    deed: Deed,
}

enum Deed {
    TenantDisabled,
    TenantRevoked,
    ClientDisabled,
    ClientDeleted,
    CredentialRemoved,
    CredentialExpired,
    ClientPrincipal(Principal),
    ResourceDisabled,
    ResourceDeleted,
    ResourcePrincipal(Principal),
    ScopesDisabled,
    NameRemoved,
    AssignmentToResource,
    AssignmentToClient,
    User(UserEvent),
    UserDeleted,
    GrantRemoved,
    FamilyEnded,
    Time,
    SigningKey,
    SealingEpoch,
}

enum Principal {
    Disabled,
    DisabledAndEnabled,
    Deleted,
    MadeAnew,
    Revoked,
}

const fn taken(name: &'static str, ends: &'static [Rests], deed: Deed) -> Taken {
    Taken { name, ends, deed }
}

pub(super) const TAKEN: &[Taken] = &[
    taken("tenant disabled", &[Parties], Deed::TenantDisabled),
    taken("all sessions of the tenant revoked", &[Counters], Deed::TenantRevoked),
    taken("client disabled", &[Parties], Deed::ClientDisabled),
    taken("client deleted", &[Parties], Deed::ClientDeleted),
    taken("client's credential removed", &[Credential], Deed::CredentialRemoved),
    taken("client's credential expired", &[Credential], Deed::CredentialExpired),
    taken(
        "client's service principal disabled",
        &[Parties],
        Deed::ClientPrincipal(Principal::Disabled),
    ),
    taken(
        "client's service principal disabled for a while",
        &[PrincipalRevision],
        Deed::ClientPrincipal(Principal::DisabledAndEnabled),
    ),
    taken(
        "client's service principal deleted",
        &[Parties],
        Deed::ClientPrincipal(Principal::Deleted),
    ),
    taken(
        "client's service principal made anew",
        &[SamePrincipal, Consent],
        Deed::ClientPrincipal(Principal::MadeAnew),
    ),
    taken(
        "what the client was given revoked",
        &[PrincipalRevision],
        Deed::ClientPrincipal(Principal::Revoked),
    ),
    taken("resource disabled", &[Parties], Deed::ResourceDisabled),
    taken("resource deleted", &[Parties], Deed::ResourceDeleted),
    taken(
        "resource's service principal disabled",
        &[Parties],
        Deed::ResourcePrincipal(Principal::Disabled),
    ),
    taken(
        "resource's service principal deleted",
        &[Parties],
        Deed::ResourcePrincipal(Principal::Deleted),
    ),
    taken("resource's name removed", &[Parties], Deed::NameRemoved),
    taken("scopes disabled", &[Consent], Deed::ScopesDisabled),
    taken("assignment to the resource", &[OwnAssignment, User], Deed::AssignmentToResource),
    taken("assignment to the client", &[User], Deed::AssignmentToClient),
    taken("user disabled", &[User], Deed::User(UserEvent::Disabled)),
    taken("user deleted", &[User], Deed::UserDeleted),
    taken("user's sessions revoked", &[Counters], Deed::User(UserEvent::SessionsRevoked)),
    taken("user's password reset", &[Counters], Deed::User(UserEvent::PasswordReset)),
    taken("user's second factor removed", &[Counters], Deed::User(UserEvent::SecondFactorRemoved)),
    taken("user's password changed", &[Password], Deed::User(UserEvent::PasswordChanged)),
    taken("grant removed", &[Consent], Deed::GrantRemoved),
    taken("family ended", &[Family], Deed::FamilyEnded),
    taken("time", &[Presented], Deed::Time),
    taken("signing key revoked", &[Signature], Deed::SigningKey),
    taken("sealing epoch revoked", &[Seal], Deed::SealingEpoch),
];

impl Taken {
    /// What must be there to be taken away.
    pub(super) async fn prepare(&self, server: &TestServer, of: &Grant) {
        let required = match self.deed {
            Deed::AssignmentToResource => of.resource,
            Deed::AssignmentToClient => of.client,
            _ => return,
        };
        server.edit_principal(required, |principal| principal.assignment_required = true).await;
        assign(server, ADA, required, true).await;
        assign(server, principal_id(ACME, of.client), required, true).await;
    }

    /// Takes it away from `of`'s client and resource.
    pub(super) async fn take(&self, server: &TestServer, of: &Grant, families: &[FamilyId]) {
        let directory = Directory::of(&server.server);
        match &self.deed {
            Deed::TenantDisabled => {
                directory.set_tenant_disabled(ACME, true).await.unwrap();
            }
            Deed::TenantRevoked => server.edit_tenant(ACME, |acme| acme.revision += 1).await,
            Deed::ClientDisabled => server.edit(of.client, |app| app.disabled = true).await,
            Deed::ClientDeleted => delete_application(server, of.client).await,
            Deed::CredentialRemoved => server.edit(of.client, |app| app.secrets.clear()).await,
            Deed::CredentialExpired => {
                let now = server.server.clock.now();
                let expire = |app: &mut behalf_core::application::Application| {
                    app.secrets.iter_mut().for_each(|secret| secret.expires = now);
                };
                server.edit(of.client, expire).await;
            }
            Deed::ClientPrincipal(what) => principal(server, of.client, what).await,
            Deed::ResourceDisabled => server.edit(of.resource, |app| app.disabled = true).await,
            Deed::ResourceDeleted => delete_application(server, of.resource).await,
            Deed::ResourcePrincipal(what) => principal(server, of.resource, what).await,
            Deed::ScopesDisabled => {
                let disable = |app: &mut behalf_core::application::Application| {
                    app.scopes.iter_mut().for_each(|scope| scope.disabled = true);
                };
                server.edit(of.resource, disable).await;
            }
            Deed::NameRemoved => remove_names(&directory, of.resource).await,
            Deed::AssignmentToResource => {
                assign(server, ADA, of.resource, false).await;
                assign(server, principal_id(ACME, of.client), of.resource, false).await;
            }
            Deed::AssignmentToClient => assign(server, ADA, of.client, false).await,
            Deed::User(event) => {
                let undergo = |ada: &mut behalf_core::user::User| {
                    ada.disabled = *event == UserEvent::Disabled;
                    ada.undergo(*event);
                };
                server.edit_ada(undergo).await;
            }
            Deed::UserDeleted => {
                let ada = server.server.store.reading().user(ACME, ADA).await.unwrap().unwrap();
                commit(server, |set| records::user::delete(set, &ada)).await;
            }
            Deed::GrantRemoved => {
                server.put_grant(&grant(of.client, of.resource, GrantedFor::User(ADA), &[])).await;
            }
            Deed::FamilyEnded => {
                for family in families {
                    let now = server.server.clock.now();
                    server.server.tickets.end_family(ACME, *family, now).await.unwrap();
                }
            }
            Deed::Time => server.clock.advance(Duration::from_hours(91 * 24)),
            Deed::SigningKey => {
                server.server.keys.maintain().await.unwrap();
                let now = server.server.clock.now();
                let kid =
                    server.server.keys.current().active(TokenAlg::Rs256, now).kid().to_owned();
                server.server.keys.revoke(&kid).await.unwrap();
            }
            Deed::SealingEpoch => {
                let keys = server.server.tickets.keys();
                let epoch = keys.current().sealing_epoch(server.server.clock.now()).unwrap();
                keys.revoke(epoch).await.unwrap();
                server.everybody_heard();
            }
        }
    }
}

async fn commit(server: &TestServer, write: impl FnOnce(&mut WriteSet)) {
    let mut set = WriteSet::new();
    write(&mut set);
    server.server.store.commit(set).await.unwrap();
}

/// Assigns somebody, or takes it away.
async fn assign(server: &TestServer, who: ObjectId, resource: AppId, assigned: bool) {
    let on = principal_id(ACME, resource);
    let assignment = AppRoleAssignment {
        id: ObjectId(Uuid::new_v5(&who.0, on.0.as_bytes())),
        tenant: ACME,
        principal: who,
        resource: on,
        role: PermissionId(Uuid::nil()),
        granted_by: String::new(),
        created: server.server.clock.now(),
    };
    let list = if assigned { vec![assignment] } else { Vec::new() };
    commit(server, |set| records::assignment::put(set, ACME, (who, on), &list, Expect::Any)).await;
}

async fn delete_application(server: &TestServer, app: AppId) {
    let found = server.server.store.reading().application_by_app_id(app).await.unwrap().unwrap();
    let reference = behalf_server::directory::AppRef::Name(found.name.clone());
    Directory::of(&server.server).delete_application(ACME, &reference).await.unwrap();
}

async fn remove_names(directory: &Directory, app: AppId) {
    let reference = behalf_server::directory::AppRef::AppId(app);
    let edit = |app: &mut behalf_core::application::Application| {
        app.identifier_uris.clear();
        Ok(())
    };
    directory.edit_application(ACME, &reference, ("remove names", &edit)).await.unwrap();
}

async fn principal(server: &TestServer, app: AppId, what: &Principal) {
    let directory = Directory::of(&server.server);
    let disable = async |disabled| {
        directory.set_service_principal_disabled(ACME, app, disabled).await.unwrap();
    };
    match what {
        Principal::Disabled => disable(true).await,
        Principal::DisabledAndEnabled => {
            disable(true).await;
            disable(false).await;
        }
        Principal::Deleted => directory.delete_service_principal(ACME, app).await.unwrap(),
        Principal::MadeAnew => {
            let reading = server.server.store.reading();
            let old = reading.service_principal_by_app_id(ACME, app).await.unwrap().unwrap();
            let new = ObjectId(Uuid::new_v5(&old.id.0, b"made anew"));
            server.edit_principal(app, |principal| principal.id = new).await;
        }
        Principal::Revoked => server.edit_principal(app, |principal| principal.revision += 1).await,
    }
}
