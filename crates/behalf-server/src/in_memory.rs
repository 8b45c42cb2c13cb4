//! A server for tests, in memory.

use std::{sync::Arc, time::Duration};

use behalf_core::time::Timestamp;

use crate::{
    boot::{self, Data, Opened, Settings},
    clock::FrozenClock,
    entropy::SeededEntropy,
    journal,
    keys::{MasterKey, Times},
    limits::LimitSettings,
    state::{ErrorPages, Lifetimes},
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
    Settings {
        public_url: "https://localhost:8443".to_owned(),
        previous_public_urls: Vec::new(),
        default_tenant: None,
        lifetimes: Lifetimes { base: Duration::from_hours(1), jitter: Duration::ZERO },
        degraded_window: Duration::from_mins(15),
        limits: LimitSettings::UNLIMITED,
        key_times: Times::default(),
        sign_queue: Duration::from_millis(50),
        journal: journal::Options::default(),
        data: Data::Memory,
        error_pages: ErrorPages::default(),
    }
}
