//! A server for tests, in memory.

use std::sync::Arc;

use behalf_core::time::Timestamp;

use crate::{
    boot::{self, Opened, Settings},
    clock::FrozenClock,
    entropy::SeededEntropy,
    keys::MasterKey,
};

/// When it is there.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);

/// A new one at [`NOW`].
pub(crate) async fn opened() -> Opened {
    let entropy = Arc::new(SeededEntropy::new(1));
    let master = Arc::new(MasterKey::ephemeral(&*entropy));
    let edge = (Arc::new(FrozenClock::at(NOW)) as _, entropy as _);
    boot::open(settings(), master, edge, 1).await.unwrap()
}

/// What it is set to.
pub(crate) fn settings() -> Settings {
    Settings::in_memory("https://localhost:8443")
}
