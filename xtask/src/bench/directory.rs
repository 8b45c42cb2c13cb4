//! Fills a store with applications that nobody uses, so that those in use have company.

use std::path::Path;

use anyhow::Context as _;
use behalf_core::{
    application::{AppKind, Application, TokenVersion},
    id::{AppId, ObjectId, TenantId},
    service_principal::ServicePrincipal,
    time::Timestamp,
};
use behalf_store::{Expect, Store, WriteSet, records, sqlite::Sqlite};
use uuid::Uuid;

use super::server::TENANT;

/// Write sets in flight at once; the store commits them together.
const IN_FLIGHT: usize = 256;

/// Adds `count` applications with their service principals to the database at `path`.
pub(crate) fn fill(path: &Path, count: usize) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let store = Store::open(std::sync::Arc::new(Sqlite::open(path)?)).await?;
        let domain = behalf_core::tenant::DomainName::parse(TENANT)?;
        let tenant =
            store.reading().tenant_by_domain(&domain).await?.context("no tenant")?.value.id;
        let mut tasks = tokio::task::JoinSet::new();
        for first in (0..count).step_by(IN_FLIGHT) {
            if tasks.len() >= 8 {
                tasks.join_next().await.context("no task")???;
            }
            let store = store.clone();
            let set = filler(tenant, first..count.min(first + IN_FLIGHT));
            tasks.spawn(async move { store.commit(set).await });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        anyhow::Ok(())
    })
}

fn filler(tenant: TenantId, indexes: std::ops::Range<usize>) -> WriteSet {
    let mut set = WriteSet::new();
    for index in indexes {
        let id = |kind: u128| Uuid::from_u128(kind << 96 | 0x4000_8000 << 48 | index as u128);
        let application = Application {
            requested_access_token_version: Some(TokenVersion::V2),
            ..Application::new(
                ObjectId(id(0xf111_0001)),
                AppId(id(0xf111_0002)),
                (tenant, format!("filler-{index}")),
                AppKind::Daemon,
                Timestamp(0),
            )
        };
        let principal = ServicePrincipal {
            id: ObjectId(id(0xf111_0003)),
            tenant,
            app_id: application.app_id,
            home: tenant,
            application: application.id,
            disabled: false,
            assignment_required: false,
            revision: 0,
            created: Timestamp(0),
        };
        records::application::create(&mut set, &application);
        records::service_principal::put(&mut set, &principal, Expect::Absent);
    }
    set
}
