//! What all nodes of a deployment agree on, kept in the store.

use behalf_store::{
    CommitError, Expect, Key, Kind, ReadError, Store, Stored, WriteSet, records::deployment,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The setting that says what `public_url` is.
const PUBLIC_URL: &str = "public-url";

/// Where it lies. It does not outlive a restore: what is tried elsewhere has another one.
pub(crate) fn public_url_place() -> Key {
    deployment::setting_key(PUBLIC_URL)
}

/// A setting as it is stored.
pub(crate) async fn setting<T: DeserializeOwned>(
    store: &Store,
    name: &str,
) -> Result<Option<Stored<T>>, ReadError> {
    let Some(stored) = store.reading().setting(name).await? else { return Ok(None) };
    let value = serde_json::from_slice(&stored.value)
        .map_err(|error| ReadError::Damaged { kind: Kind::Deployment, cause: error.to_string() })?;
    Ok(Some(Stored { value, version: stored.version }))
}

/// Why a node does not serve under its public URL.
#[derive(Debug, thiserror::Error)]
pub enum PublicUrlError {
    /// Tokens of two nodes would have two issuers, and each API would refuse those of one.
    #[error(
        "public_url is {ours}, but this deployment is served as {theirs}: give all nodes the same, or where it is to change name {theirs} in previous_public_urls"
    )]
    Another {
        /// This node's.
        ours: String,
        /// The deployment's.
        theirs: String,
    },
    /// The store.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublicUrl {
    public_url: String,
}

/// Sees that `ours` is what the deployment is served as, and makes it that where nothing was noted yet
/// or `previous` has what was.
pub(crate) async fn agree(
    store: &Store,
    ours: &str,
    previous: &[String],
) -> Result<(), PublicUrlError> {
    match try_to_agree(store, ours, previous).await {
        // Of several that start at once one writes, and the others read it.
        Err(PublicUrlError::Commit(CommitError::Conflict { .. })) => {
            try_to_agree(store, ours, previous).await
        }
        agreed => agreed,
    }
}

async fn try_to_agree(
    store: &Store,
    ours: &str,
    previous: &[String],
) -> Result<(), PublicUrlError> {
    let stored = setting::<PublicUrl>(store, PUBLIC_URL).await?;
    if let Some(stored) = &stored {
        let theirs = &stored.value.public_url;
        if theirs == ours {
            return Ok(());
        }
        if !previous.contains(theirs) {
            let (ours, theirs) = (ours.to_owned(), theirs.clone());
            return Err(PublicUrlError::Another { ours, theirs });
        }
        tracing::warn!(from = %theirs, to = %ours, "the deployment's public_url changes");
    }
    let document = PublicUrl { public_url: ours.to_owned() };
    // A struct of one string always serialises.
    let document = serde_json::to_vec(&document).unwrap_or_default();
    let mut set = WriteSet::new();
    deployment::put_setting(&mut set, PUBLIC_URL, document, Expect::as_found(stored.as_ref()));
    store.commit(set).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use behalf_store::sqlite::Sqlite;

    use super::*;

    const ONE: &str = "https://one.example";
    const TWO: &str = "https://two.example";

    async fn refused(store: &Store, ours: &str) -> String {
        agree(store, ours, &[]).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn nodes_agree_on_one_public_url_and_on_its_change() {
        let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
        agree(&store, ONE, &[]).await.unwrap();
        agree(&store, ONE, &[]).await.unwrap();
        assert_eq!(
            refused(&store, TWO).await,
            "public_url is https://two.example, but this deployment is served as https://one.example: \
             give all nodes the same, or where it is to change name https://one.example in \
             previous_public_urls"
        );
        agree(&store, TWO, &[ONE.to_owned()]).await.unwrap();
        // Who was left behind starts no more.
        assert!(refused(&store, ONE).await.contains("is served as https://two.example"));
        agree(&store, TWO, &[]).await.unwrap();
    }

    #[tokio::test]
    async fn of_nodes_that_start_at_once_one_decides() {
        let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
        let (one, two) = tokio::join!(agree(&store, ONE, &[]), agree(&store, TWO, &[]));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    }
}
