//! Looks for a new certificate every few seconds and when told to.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{Reloaded, Tls, TlsError};

/// How often the files are looked at: tools that renew certificates only replace files.
pub const POLL: Duration = Duration::from_secs(5);

impl Tls {
    /// Calls [`Tls::reload`] every `period`, and on SIGHUP where there are signals, for as long as
    /// the returned future is polled. Says what it found in the log.
    pub async fn watch(self: Arc<Self>, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hangups = Hangups::new();
        // A file that is missing is missing at each look: said when it begins, not each time.
        let mut unreadable = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = hangups.next() => unreadable = false,
            }
            match self.reload() {
                Ok(Reloaded::Unchanged) => unreadable = false,
                Ok(Reloaded::Changed) => {
                    unreadable = false;
                    tracing::info!("new TLS certificate in use");
                }
                Err(TlsError::Unreadable { .. }) if unreadable => {}
                Err(error) => {
                    unreadable = matches!(error, TlsError::Unreadable { .. });
                    tracing::warn!(%error, "new TLS certificate refused, the old one stays in use");
                }
            }
        }
    }
}

/// SIGHUP, where it exists and can be had.
struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::hangup()).ok() }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
