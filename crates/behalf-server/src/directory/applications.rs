//! Applications: registering, changing, deleting. A service principal is made with each.

use behalf_core::{
    access::GRAPH,
    application::{AppKind, Application, SignInAudience, TokenVersion},
    id::{AppId, ObjectId, TenantId},
    service_principal::ServicePrincipal,
};
use behalf_store::{
    Cursor, Expect, List, Reading, Stored, WriteSet,
    records::{application, service_principal, tenant as tenant_record},
};

use super::{Directory, Refusal, check::check, commit, names::Claimant, tenant};

/// An application of a tenant, as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppRef {
    /// By its unique name.
    Name(String),
    /// By its client id.
    AppId(AppId),
    /// By its object id.
    Object(ObjectId),
}

impl std::fmt::Display for AppRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::AppId(id) => id.fmt(f),
            Self::Object(id) => id.fmt(f),
        }
    }
}

/// An application to be registered.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Its home tenant.
    pub tenant: TenantId,
    /// Its unique name.
    pub name: String,
    /// Its client id, if it is to have a certain one.
    pub app_id: Option<AppId>,
    /// What kind of program it is.
    pub kind: AppKind,
    /// Who may use it.
    pub audience: SignInAudience,
}

/// A change of an application. Its ids, home and time of creation stay whatever it does; it may
/// run several times, so that it decides anew when the application changed meanwhile.
pub type Edit<'a> = &'a (dyn Fn(&mut Application) -> Result<(), Refusal> + Send + Sync);

/// What registering an application made.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The application.
    pub application: Application,
    /// Its service principal in its home tenant.
    pub service_principal: ServicePrincipal,
}

impl Directory {
    /// Registers an application with its service principal; `edit` completes it. Its tokens are
    /// v2.0 unless `edit` says otherwise (decisions.md 6).
    pub async fn create_application(
        &self,
        new: &NewApplication,
        edit: Edit<'_>,
    ) -> Result<Created, Refusal> {
        let blank = self.blank(new);
        commit!(self, self.draft_application(&blank, edit))
    }

    fn blank(&self, new: &NewApplication) -> Application {
        Application {
            audience: new.audience,
            requested_access_token_version: Some(TokenVersion::V2),
            ..Application::new(
                self.object_id(new.tenant, "application", &new.name),
                new.app_id.unwrap_or_else(|| AppId(self.uuid())),
                (new.tenant, new.name.clone()),
                new.kind,
                self.now(),
            )
        }
    }

    async fn draft_application(
        &self,
        blank: &Application,
        edit: Edit<'_>,
    ) -> Result<(WriteSet, Created), Refusal> {
        let reading = self.store.reading();
        let home = tenant(&reading, blank.tenant).await?;
        let application = edited(blank, edit)?;
        check(&application, &home)?;
        let reserved = application.app_id.0.is_nil() || application.app_id == GRAPH;
        if reserved || reading.app_home(blank.app_id).await?.is_some() {
            return Err(Refusal::AppIdTaken(blank.app_id));
        }
        if reading.application_by_name(home.id, &application.name).await?.is_some() {
            return Err(Refusal::NameTaken(application.name));
        }
        let mut set = WriteSet::new();
        // Its URIs rest on the tenant's domains.
        set.expect(tenant_record::key(home.id), Expect::Version(home.version));
        self.claimant(&application).claim(&reading, &mut set, &application.identifier_uris).await?;
        let principal = self.principal_of(&application, home.id);
        application::create(&mut set, &application);
        service_principal::put(&mut set, &principal, Expect::Absent);
        self.audit(&mut set, home.id, "create application", &application.name);
        Ok((set, Created { application, service_principal: principal }))
    }

    /// The service principal that stands for `application` in `tenant`.
    pub(super) fn principal_of(
        &self,
        application: &Application,
        tenant: TenantId,
    ) -> ServicePrincipal {
        ServicePrincipal {
            id: self.object_id(tenant, "servicePrincipal", &application.name),
            tenant,
            app_id: application.app_id,
            home: application.tenant,
            application: application.id,
            disabled: false,
            assignment_required: false,
            revision: 0,
            created: self.now(),
        }
    }

    pub(super) fn claimant(&self, application: &Application) -> Claimant {
        Claimant { tenant: application.tenant, app: application.app_id, now: self.now() }
    }

    /// Changes an application. Names it no longer has are reserved for it for a day. Answers with
    /// the application as it is now; an edit that changes nothing writes nothing.
    pub async fn edit_application(
        &self,
        tenant: TenantId,
        app: &AppRef,
        (action, edit): (&str, Edit<'_>),
    ) -> Result<Application, Refusal> {
        commit!(self, self.draft_edit(tenant, app, action, edit))
    }

    async fn draft_edit(
        &self,
        id: TenantId,
        app: &AppRef,
        action: &str,
        edit: Edit<'_>,
    ) -> Result<(WriteSet, Application), Refusal> {
        let reading = self.store.reading();
        let before = find(&reading, id, app).await?;
        let after = edited(&before.value, edit)?;
        let mut set = WriteSet::new();
        if after == before.value {
            return Ok((set, after));
        }
        let home = tenant(&reading, id).await?;
        check(&after, &home)?;
        if after.name != before.name {
            let holder = reading.application_by_name(id, &after.name).await?;
            if holder.is_some() {
                return Err(Refusal::NameTaken(after.name));
            }
        }
        let claimant = self.claimant(&after);
        if after.identifier_uris != before.identifier_uris {
            set.expect(tenant_record::key(id), Expect::Version(home.version));
            let (gone, come) = renamed(&before, &after);
            claimant.release(&reading, &mut set, gone).await?;
            claimant.claim(&reading, &mut set, come).await?;
        }
        application::update(&mut set, &before, &after);
        self.audit(&mut set, id, action, &after.name);
        Ok((set, after))
    }

    /// Deletes an application with its service principal in its home tenant and the assignments
    /// of both. Service principals elsewhere stand for nothing from then on.
    pub async fn delete_application(&self, tenant: TenantId, app: &AppRef) -> Result<(), Refusal> {
        commit!(self, self.draft_delete(tenant, app))
    }

    async fn draft_delete(
        &self,
        tenant: TenantId,
        app: &AppRef,
    ) -> Result<(WriteSet, ()), Refusal> {
        let reading = self.store.reading();
        let found = find(&reading, tenant, app).await?;
        let mut set = WriteSet::new();
        self.claimant(&found).release(&reading, &mut set, &found.identifier_uris).await?;
        if let Some(principal) = reading.service_principal_by_app_id(tenant, found.app_id).await? {
            super::service_principals::remove(&reading, &mut set, &principal).await?;
        }
        application::delete(&mut set, &found);
        self.audit(&mut set, tenant, "delete application", &found.name);
        Ok((set, ()))
    }

    /// A tenant's applications, ordered by object id, a page at a time.
    pub async fn applications(
        &self,
        id: TenantId,
        after: Option<Cursor>,
    ) -> Result<List<Stored<Application>>, Refusal> {
        Ok(self.store.reading().applications(id, after, 1_000).await?)
    }

    /// An application of a tenant.
    pub async fn application(
        &self,
        tenant: TenantId,
        app: &AppRef,
    ) -> Result<Application, Refusal> {
        Ok(find(&self.store.reading(), tenant, app).await?.value)
    }
}

/// An application whose home is `tenant`.
pub(super) async fn find(
    reading: &Reading<'_>,
    tenant: TenantId,
    app: &AppRef,
) -> Result<Stored<Application>, Refusal> {
    let found = match app {
        AppRef::Name(name) => reading.application_by_name(tenant, name).await?,
        AppRef::AppId(id) => reading.application_by_app_id(*id).await?,
        AppRef::Object(id) => reading.application(tenant, *id).await?,
    };
    found
        .filter(|found| found.tenant == tenant)
        .ok_or_else(|| Refusal::NoApplication(app.to_string().chars().take(80).collect()))
}

/// `before` after `edit`, with what no edit changes as it was.
fn edited(before: &Application, edit: Edit<'_>) -> Result<Application, Refusal> {
    let mut after = before.clone();
    edit(&mut after)?;
    after.id = before.id;
    after.app_id = before.app_id;
    after.tenant = before.tenant;
    after.created = before.created;
    Ok(after)
}

type Uris<'a> = Vec<&'a behalf_core::application::IdentifierUri>;

/// The App ID URIs that went and those that came; another spelling of the same name is neither.
fn renamed<'a>(before: &'a Application, after: &'a Application) -> (Uris<'a>, Uris<'a>) {
    use behalf_core::application::identifier_uri::name_key;
    let missing_in = |others: &'a Application| {
        move |uri: &&behalf_core::application::IdentifierUri| {
            let same = |other: &behalf_core::application::IdentifierUri| {
                name_key(other.as_str()) == name_key(uri.as_str())
            };
            !others.identifier_uris.iter().any(same)
        }
    };
    let gone = before.identifier_uris.iter().filter(missing_in(after)).collect();
    let come = after.identifier_uris.iter().filter(missing_in(before)).collect();
    (gone, come)
}
