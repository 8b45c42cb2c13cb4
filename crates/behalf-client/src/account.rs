use std::fmt;
use std::sync::{Arc, Mutex};

use behalf_jose::base64url;
use serde::Deserialize;
use uuid::Uuid;

use crate::id_token::Identity;
use crate::secret::Secret;

/// A user who has signed in to this client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    home_account_id: String,
    tenant: Uuid,
    oid: Uuid,
    username: Option<String>,
    name: Option<String>,
}

impl Account {
    /// The user's name across tenants, `{object id}.{tenant id}` of the home tenant.
    pub fn home_account_id(&self) -> &str {
        &self.home_account_id
    }

    /// The tenant they signed in to.
    pub const fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// Their object id there.
    pub const fn oid(&self) -> Uuid {
        self.oid
    }

    /// The sign-in name, for display: it can change hands.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The display name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Of an ID token, and `client_info` where the answer has it.
    pub(crate) fn new(identity: Identity, client_info: Option<&str>) -> Self {
        let Identity { tenant, oid, username, name } = identity;
        let home = client_info.and_then(home_account_id);
        let home_account_id = home.unwrap_or_else(|| format!("{oid}.{tenant}"));
        Self { home_account_id, tenant, oid, username, name }
    }
}

#[derive(Deserialize)]
struct ClientInfo {
    uid: Uuid,
    utid: Uuid,
}

/// `{uid}.{utid}` of `client_info`: base64url of a JSON object.
fn home_account_id(client_info: &str) -> Option<String> {
    let json = base64url::decode_padding_optional(client_info).ok()?;
    let ClientInfo { uid, utid } = serde_json::from_slice(&json).ok()?;
    Some(format!("{uid}.{utid}"))
}

/// How many signed-in users are kept.
const MAX_ACCOUNTS: usize = 1000;

/// The accounts that have signed in, the latest last, each with its refresh token.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<Vec<Arc<SignedIn>>>);

/// An account's refresh token, good for every resource. Whoever redeems it holds the lock: it may
/// be rotated, and two redemptions of one token look like theft.
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    pub(crate) refresh_token: tokio::sync::Mutex<Secret>,
}

impl Accounts {
    pub(crate) fn all(&self) -> Vec<Account> {
        crate::lock(&self.0).iter().map(|signed_in| signed_in.account.clone()).collect()
    }

    pub(crate) fn find(&self, account: &Account) -> Option<Arc<SignedIn>> {
        let accounts = crate::lock(&self.0);
        accounts.iter().find(|own| own.account.is_same(account)).map(Arc::clone)
    }

    /// Keeps a sign-in in the place of an earlier one; the oldest makes room.
    pub(crate) fn keep(&self, account: Account, refresh_token: Secret) {
        let mut accounts = crate::lock(&self.0);
        accounts.retain(|own| !own.account.is_same(&account));
        if accounts.len() >= MAX_ACCOUNTS {
            accounts.remove(0);
        }
        let refresh_token = tokio::sync::Mutex::new(refresh_token);
        accounts.push(Arc::new(SignedIn { account, refresh_token }));
    }

    pub(crate) fn remove(&self, account: &Account) {
        crate::lock(&self.0).retain(|own| !own.account.is_same(account));
    }
}

impl Account {
    /// The same user in the same tenant, whatever their names are by now.
    fn is_same(&self, other: &Self) -> bool {
        (&self.home_account_id, self.tenant) == (&other.home_account_id, other.tenant)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.username().unwrap_or(&self.home_account_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_info_names_the_home_account() {
        let text = base64url::encode(
            r#"{"uid":"A11CE000-0000-4000-8000-000000000001","utid":"ac3e0000-0000-4000-8000-000000000001"}"#,
        );
        assert_eq!(
            home_account_id(&text).as_deref(),
            Some("a11ce000-0000-4000-8000-000000000001.ac3e0000-0000-4000-8000-000000000001")
        );
        for odd in ["", "e30", "%%", &base64url::encode(r#"{"uid":"a","utid":"b"}"#)] {
            assert_eq!(home_account_id(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_oldest_sign_in_makes_room() {
        let accounts = Accounts::default();
        let account = |number: usize| {
            let oid = Uuid::from_u128(number as u128);
            let identity = Identity { tenant: Uuid::nil(), oid, username: None, name: None };
            Account::new(identity, None)
        };
        for number in 0..=MAX_ACCOUNTS {
            accounts.keep(account(number), "token".into());
            accounts.keep(account(number), "newer".into());
        }
        let all = accounts.all();
        assert_eq!((all.len(), &all[0]), (MAX_ACCOUNTS, &account(1)));
        accounts.remove(&account(7));
        assert!(accounts.find(&account(7)).is_none() && accounts.find(&account(8)).is_some());
    }
}
