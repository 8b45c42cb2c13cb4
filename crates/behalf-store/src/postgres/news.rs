//! News: a connection that listens, so that what others commit is read at once. It only wakes:
//! what changed is read from the log, and who misses a call is woken by the clock.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tokio_postgres::{AsyncMessage, Client, Error};

use super::connection::Connector;

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// A connection that listens.
pub(super) struct Listening {
    /// Closes the connection when dropped.
    _client: Client,
    driven: JoinHandle<()>,
}

/// Connects and listens. An error of the database itself: it has no channels.
pub(super) async fn listen(connector: &Connector, news: &Arc<Notify>) -> Result<Listening, Error> {
    let woken = Arc::clone(news);
    let heard = move |message| {
        if matches!(message, AsyncMessage::Notification(_)) {
            woken.notify_one();
        }
    };
    let (client, driven) = connector.connect(heard).await?;
    client.batch_execute(&listening(&connector.schema)).await?;
    Ok(Listening { _client: client, driven })
}

/// What a connection that listens says last.
pub(super) fn listening(schema: &str) -> String {
    format!("LISTEN {schema}")
}

/// Listens for as long as it is polled, on a new connection where one is lost.
pub(super) async fn go_on(connector: Connector, news: Arc<Notify>, mut listening: Listening) {
    loop {
        // It ends with the connection, however that ends.
        let _ended = listening.driven.await;
        listening = loop {
            let again = timeout(connector.patience(), listen(&connector, &news)).await;
            if let Ok(Ok(again)) = again {
                break again;
            }
            tokio::time::sleep(PAUSE).await;
        };
        // What was called out meanwhile was missed.
        news.notify_one();
    }
}
