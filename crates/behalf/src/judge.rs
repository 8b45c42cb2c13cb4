//! `behalf inspect`: finds out what the API of `--for` accepts, and lets `inspect` judge.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Context as _;
use behalf_core::application::SignInAudience;
use behalf_jose::JwkSet;
use behalf_server::clock::{Clock as _, SystemClock};

use crate::{
    dev::world,
    environment::Environment,
    http_client,
    inspect::{self, ApiFacts, InspectArgs},
    output,
    target::{ServerArgs, Target},
};

/// Explains a token. Exit code 1 when the API would refuse it.
pub(crate) fn run(args: &InspectArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let facts = args.api.as_deref().map(|name| facts(name, environment)).transpose()?;
    let now = u64::try_from(SystemClock::new().now().unix_seconds()).unwrap_or(0);
    let found = inspect::run(args, facts.as_ref(), now, &mut std::io::stdin())?;
    output::result(&found.text)?;
    Ok(match found.accepted {
        Some(false) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// What the API called `name` of the running dev instance accepts.
fn facts(name: &str, environment: &Environment) -> anyhow::Result<ApiFacts> {
    let target = Target::resolve(&ServerArgs::default(), environment)?;
    let (name, api) = target.known_app(name)?;
    let ready = target.instance()?;
    let client = http_client::client(target.ca_file())?;
    let url = format!("{}/common/discovery/v2.0/keys", target.base_url);
    let keys = http_client::block_on(async { Ok(http_client::get(&client, &url).await?) })?;
    let seeded = world::app(name);
    let multi = seeded.is_some_and(|app| app.audience == SignInAudience::Multi);
    let home = ready.tenants.get(&api.tenant).filter(|_| !multi);
    let accepted = home.map(|tenant| tenant.id.clone()).into_iter().collect();
    let apps = ready.apps.iter().map(|(name, app)| (app.app_id.clone(), name.clone()));
    let tenants = ready.tenants.values().map(|one| (one.id.clone(), one.domain.clone()));
    let values = |of: &[&str]| of.iter().map(|value| (*value).to_owned()).collect();
    Ok(ApiFacts {
        name: name.to_owned(),
        issuer_base: ready.base_url.clone(),
        audiences: std::iter::once(api.app_id.clone()).chain(api.app_id_uri.clone()).collect(),
        scopes: seeded.map_or_else(Vec::new, |app| {
            values(&app.scopes.iter().map(|scope| scope.0).collect::<Vec<_>>())
        }),
        roles: seeded.map_or_else(Vec::new, |app| {
            values(&app.roles.iter().map(|role| role.0).collect::<Vec<_>>())
        }),
        tenants: accepted,
        keys: JwkSet::parse(keys.body.as_bytes()).with_context(|| format!("the keys of {url}"))?,
        names: apps.chain(tenants).collect::<BTreeMap<_, _>>(),
    })
}
