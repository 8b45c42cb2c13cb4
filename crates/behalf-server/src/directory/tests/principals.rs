//! Service principals and what they are granted.

use behalf_core::consent::PermissionKind;

use super::*;

#[tokio::test]
async fn a_multi_tenant_application_is_known_elsewhere_by_names_that_may_travel() {
    let w = World::new().await;
    let d = &w.directory;
    let id = AppId(Uuid::from_u128(0x7e4d));
    let own = format!("api://{id}");
    let names = uris(&[&own, "https://trend.globex.test"]);
    let edit = |app: &mut Application| {
        app.audience = SignInAudience::Multi;
        names(app)
    };
    let new = NewApplication { app_id: Some(id), ..new_app(&w.globex, "trend") };
    d.create_application(&new, &edit).await.unwrap();
    assert_eq!(w.names(&w.acme, &own).await, None);
    let there = d.create_service_principal(w.acme.id, id).await.unwrap();
    assert_eq!((there.tenant, there.home), (w.acme.id, w.globex.id));
    assert_eq!(w.names(&w.acme, &own).await, Some(id));
    assert_eq!(w.names(&w.acme, "https://trend.globex.test").await, Some(id));
    assert_eq!(d.create_service_principal(w.acme.id, id).await.unwrap(), there, "once");
    d.delete_service_principal(w.acme.id, id).await.unwrap();
    assert_eq!(w.names(&w.acme, &own).await, None);
    let again = d.create_service_principal(w.acme.id, id).await.unwrap();
    assert_ne!(again.id, there.id, "another object");
    assert_eq!(w.names(&w.acme, &own).await, Some(id));

    let single = w.app(&w.globex, "inside", &untouched).await.unwrap().application.app_id;
    for unknown in [single, AppId(Uuid::from_u128(1))] {
        let refused = d.create_service_principal(w.acme.id, unknown).await.unwrap_err();
        assert_eq!(refused, Refusal::NotForThisTenant(unknown), "and nothing tells them apart");
    }
}

#[tokio::test]
async fn consent_gives_the_roles_an_application_requires_and_no_more() {
    let w = World::new().await;
    let d = &w.directory;
    let (read, write) = (role(1, "Read.All"), role(2, "Write.All"));
    let offers = |app: &mut Application| {
        app.roles = vec![read.clone(), write.clone()];
        Ok(())
    };
    let ledger = w.app(&w.acme, "ledger", &offers).await.unwrap();
    let requires = |app: &mut Application| {
        let app_id = ledger.application.app_id;
        let roles = [read.id].into();
        app.required_resource_access = vec![RequiredResource { app_id, scopes: [].into(), roles }];
        Ok(())
    };
    let daemon = w.app(&w.acme, "daemon", &requires).await.unwrap();
    let id = daemon.application.app_id;
    let added = d.grant_admin_consent(w.acme.id, id).await.unwrap();
    let expected = Granted {
        client: "daemon".into(),
        resource: "ledger".into(),
        value: "Read.All".into(),
        kind: PermissionKind::Role,
    };
    assert_eq!(added, [expected]);
    assert_eq!(d.grant_admin_consent(w.acme.id, id).await.unwrap(), [], "once");
    let held = async || {
        let pair = (daemon.service_principal.id, ledger.service_principal.id);
        let reading = d.store.reading();
        let found = reading.assignments(w.acme.id, pair.0, pair.1).await.unwrap();
        found.map(|found| found.value).unwrap_or_default()
    };
    assert_eq!(held().await.iter().map(|a| a.role).collect::<Vec<_>>(), [read.id]);
    assert_eq!(held().await[0].granted_by, "test");
    assert_eq!(d.revoke_admin_consent(w.acme.id, id).await.unwrap(), 1);
    assert_eq!(held().await, []);
    assert_eq!(d.revoke_admin_consent(w.acme.id, id).await.unwrap(), 0);

    let disable = |app: &mut Application| {
        app.roles[0].disabled = true;
        Ok(())
    };
    d.edit_application(w.acme.id, &named("ledger"), ("edit", &disable)).await.unwrap();
    let refused = d.grant_admin_consent(w.acme.id, id).await.unwrap_err();
    assert!(matches!(refused, Refusal::NoSuchRole { role, .. } if role == "Read.All"));
    d.delete_application(w.acme.id, &named("ledger")).await.unwrap();
    let refused = d.grant_admin_consent(w.acme.id, id).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound);
}

#[tokio::test]
async fn what_is_deleted_leaves_no_assignment_behind() {
    let w = World::new().await;
    let d = &w.directory;
    let offers = |app: &mut Application| {
        app.roles = vec![role(1, "Read.All")];
        Ok(())
    };
    let ledger = w.app(&w.acme, "ledger", &offers).await.unwrap();
    let requires = |app: &mut Application| {
        app.required_resource_access = vec![RequiredResource {
            app_id: ledger.application.app_id,
            scopes: [].into(),
            roles: [PermissionId(Uuid::from_u128(1))].into(),
        }];
        Ok(())
    };
    let of = async |principal| {
        d.store.reading().assignments_of(w.acme.id, principal, None).await.unwrap().items.len()
    };
    let one = w.app(&w.acme, "one", &requires).await.unwrap();
    let two = w.app(&w.acme, "two", &requires).await.unwrap();
    for app in [&one, &two] {
        d.grant_admin_consent(w.acme.id, app.application.app_id).await.unwrap();
    }
    d.delete_application(w.acme.id, &named("one")).await.unwrap();
    assert_eq!((of(one.service_principal.id).await, of(two.service_principal.id).await), (0, 1));
    d.delete_application(w.acme.id, &named("ledger")).await.unwrap();
    assert_eq!(of(two.service_principal.id).await, 0);
    let gone = d.delete_application(w.acme.id, &named("ledger")).await.unwrap_err();
    assert_eq!(gone, Refusal::NoApplication("ledger".into()));
}

#[tokio::test]
async fn a_service_principal_is_disabled_in_its_tenant_only() {
    let w = World::new().await;
    let d = &w.directory;
    let id = w.app(&w.acme, "ledger", &untouched).await.unwrap().application.app_id;
    assert!(d.set_service_principal_disabled(w.acme.id, id, true).await.unwrap().disabled);
    assert!(!d.application(w.acme.id, &named("ledger")).await.unwrap().disabled);
    assert!(d.set_assignment_required(w.acme.id, id, true).await.unwrap().assignment_required);
    let elsewhere = d.set_assignment_required(w.globex.id, id, true).await.unwrap_err();
    assert_eq!(elsewhere.kind(), Kind::NotFound);
}
