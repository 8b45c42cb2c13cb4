//! The routes about users. Whoever gets at the socket is an operator.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    routing::{get, post},
};
use behalf_core::{
    access::Actor,
    id::TenantId,
    user::{NewPassword, PasswordHash, User, UserPrincipalName},
};

use super::{
    routes::{Answer, Shared, directory, ok, parse},
    wire::users as wire,
};
use crate::{
    directory::{
        Directory, Enrolment, NewUser, Refusal, UserRef, UserRefusal, UserRole,
        apply::manifest::{PasswordSource, PasswordText},
    },
    session::totp::TotpSecret,
    state::Server,
};

const BY: Actor<'static> = Actor::Operator;

/// The routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/tenants/{tenant}/users", get(users).post(create))
        .route("/v1/tenants/{tenant}/users/{user}", get(show).delete(remove))
        .route("/v1/tenants/{tenant}/users/{user}/password", post(set_password))
        .route("/v1/tenants/{tenant}/users/{user}/state", post(set_state))
        .route("/v1/tenants/{tenant}/users/{user}/roles", post(set_roles))
        .route("/v1/tenants/{tenant}/users/{user}/revoke-sessions", post(revoke_sessions))
        .route("/v1/tenants/{tenant}/users/{user}/begin-second-factor", post(begin_factor))
        .route("/v1/tenants/{tenant}/users/{user}/add-second-factor", post(add_factor))
        .route("/v1/tenants/{tenant}/users/{user}/remove-second-factor", post(remove_factor))
        .route("/v1/tenants/{tenant}/users/{user}/assignments", post(assign))
}

/// What the path names.
type Named = Path<(String, String)>;

async fn find(
    server: &Server,
    Path((tenant, user)): Named,
) -> Result<(Directory, TenantId, UserRef), Refusal> {
    let directory = directory(server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    Ok((directory, tenant, user.parse::<UserRef>()?))
}

async fn users(State(server): Shared, Path(tenant): Path<String>) -> Answer {
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = directory.users(tenant, after).await?;
        all.extend(page.items.iter().map(|user| info(user)));
        after = page.next;
        if after.is_none() {
            return Ok(ok(&all));
        }
    }
}

async fn show(State(server): Shared, named: Named) -> Answer {
    let (directory, tenant, user) = find(&server, named).await?;
    Ok(ok(&info(&directory.user(tenant, &user).await?)))
}

async fn create(State(server): Shared, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let (asked, directory) = (parse::<wire::NewUser>(&body)?, directory(&server));
    let tenant = directory.find_tenant(&tenant).await?.id;
    let name = UserPrincipalName::parse(&asked.name)
        .map_err(|_| UserRefusal::NotAUserName(asked.name.chars().take(80).collect()));
    let name = name.map_err(Refusal::from)?;
    let (hash, made) = match asked.password {
        None => (None, None),
        Some(source) => {
            let (hash, made) = password(&directory, source, &name).await?;
            (Some(hash), made)
        }
    };
    let new = NewUser {
        display_name: asked.display_name,
        password: hash,
        roles: asked.roles,
        disabled: asked.disabled,
        ..NewUser::new(tenant, name)
    };
    let user = info(&directory.create_user(BY, &new).await?);
    Ok(ok(&wire::UserMade { user, password: made }))
}

async fn set_password(State(server): Shared, named: Named, body: Bytes) -> Answer {
    let wire::NewPassword { password: source } = parse(&body)?;
    let (directory, tenant, user) = find(&server, named).await?;
    let name = directory.user(tenant, &user).await?.name;
    let (hash, made) = password(&directory, source, &name).await?;
    let user = info(&directory.reset_password(BY, (tenant, &user), &hash).await?);
    Ok(ok(&wire::UserMade { user, password: made }))
}

/// The hash of a password that was given or is made; what was made is shown once.
async fn password(
    directory: &Directory,
    source: PasswordSource,
    name: &UserPrincipalName,
) -> Result<(PasswordHash, Option<PasswordText>), Refusal> {
    let (password, made) = match source {
        PasswordSource::Value(text) => {
            let chosen = NewPassword::chosen(text.expose().to_owned(), name);
            (chosen.map_err(UserRefusal::from)?, None)
        }
        PasswordSource::FromEnv(_) | PasswordSource::FromFile(_) => {
            return Err(UserRefusal::Unread.into());
        }
        PasswordSource::Generate => {
            let password = directory.generate_password();
            let text = PasswordText::new(password.expose());
            (password, Some(text))
        }
    };
    Ok((directory.hash_password(password).await?, made))
}

async fn set_state(State(server): Shared, named: Named, body: Bytes) -> Answer {
    let wire::State { disabled } = parse(&body)?;
    let (directory, tenant, user) = find(&server, named).await?;
    Ok(ok(&info(&directory.set_user_disabled(BY, (tenant, &user), disabled).await?)))
}

async fn set_roles(State(server): Shared, named: Named, body: Bytes) -> Answer {
    let wire::Roles { add, remove } = parse(&body)?;
    let (directory, tenant, user) = find(&server, named).await?;
    let change = |roles: &mut std::collections::BTreeSet<_>| {
        roles.extend(&add);
        roles.retain(|role| !remove.contains(role));
    };
    Ok(ok(&info(&directory.set_roles(BY, (tenant, &user), &change).await?)))
}

async fn revoke_sessions(State(server): Shared, named: Named) -> Answer {
    let (directory, tenant, user) = find(&server, named).await?;
    Ok(ok(&info(&directory.revoke_sign_in_sessions(BY, (tenant, &user)).await?)))
}

/// Makes a secret for an authenticator app. It is kept nowhere yet.
async fn begin_factor(State(server): Shared, named: Named) -> Answer {
    let (directory, tenant, user) = find(&server, named).await?;
    let name = directory.user(tenant, &user).await?.name;
    let secret = TotpSecret::generate(&*server.entropy);
    let uri = PasswordText::new(&secret.otpauth_uri("behalf", name.as_str()));
    Ok(ok(&wire::BegunFactor { secret: PasswordText::new(&secret.base32()), uri }))
}

/// Registers it, in place of one that the user has, because his app shows the right code.
async fn add_factor(State(server): Shared, named: Named, body: Bytes) -> Answer {
    let wire::NewFactor { secret, code } = parse(&body)?;
    let (directory, tenant, user) = find(&server, named).await?;
    let id = directory.user(tenant, &user).await?.id;
    let secret = TotpSecret::from_base32(secret.expose());
    let secret = secret.ok_or_else(|| Refusal::from(UserRefusal::WrongCode))?;
    let enrolment = Enrolment { user: (tenant, id), secret: &secret, code: &code };
    directory.enrol_second_factor(enrolment, &server.authentication.master).await?;
    Ok(ok(&info(&directory.user(tenant, &UserRef::Id(id)).await?)))
}

async fn remove_factor(State(server): Shared, named: Named) -> Answer {
    let (directory, tenant, user) = find(&server, named).await?;
    Ok(ok(&info(&directory.remove_second_factor(BY, (tenant, &user)).await?)))
}

/// Deletes a user; answers with him as he was.
async fn remove(State(server): Shared, named: Named) -> Answer {
    let (directory, tenant, user) = find(&server, named).await?;
    let gone = directory.user(tenant, &user).await?;
    directory.delete_user(BY, (tenant, &UserRef::Id(gone.id))).await?;
    Ok(ok(&info(&gone)))
}

async fn assign(State(server): Shared, named: Named, body: Bytes) -> Answer {
    let wire::Assignment { app, role, assigned } = parse(&body)?;
    let (directory, tenant, user) = find(&server, named).await?;
    let wanted = UserRole { app: directory.app_id_of(tenant, &app).await?, role: role.as_deref() };
    if assigned {
        directory.assign_user(BY, (tenant, &user), wanted).await?;
    } else {
        directory.unassign_user(BY, (tenant, &user), wanted).await?;
    }
    Ok(ok(&info(&directory.user(tenant, &user).await?)))
}

fn info(user: &User) -> wire::UserInfo {
    wire::UserInfo {
        id: user.id,
        name: user.name.to_string(),
        display_name: user.display_name.clone(),
        roles: user.roles.clone(),
        disabled: user.disabled,
        password: user.password.is_some(),
        second_factor: user.totp.is_some(),
        created: user.created,
    }
}
