//! What one node tells of all: the shared log with what it did not ship yet.

use behalf_store::shared_log::{LogPage, LogQuery};

use super::*;
use crate::journal::merged;

/// Every page of what `node` tells of all nodes.
async fn told(node: &Node, query: LogQuery) -> Vec<RequestId> {
    let (mut told, mut query) = (Vec::new(), query);
    loop {
        let shipped = node.shared.shipped(node.id()).await.unwrap().map_or(0, |mark| mark.seq);
        let own = node.journal().unshipped(shipped, &query).unwrap();
        let page: LogPage = node.shared.query(query).await.unwrap();
        let page = merged(page, (node.id(), own), &query);
        assert!(page.rows.len() <= query.limit as usize);
        told.extend(page.rows.iter().map(|(_, row)| row.request));
        query.below = page.next;
        if query.below.is_none() {
            return told;
        }
    }
}

#[tokio::test]
async fn a_page_of_all_nodes_tells_each_event_once_and_newest_first() {
    let shared = Arc::default();
    let (one, other) = (Node::new(&shared, 1), Node::new(&shared, 2));
    let mut events = Vec::new();
    for round in 0..12_u32 {
        for node in [&one, &other] {
            let logged = node.log(1 + usize::try_from(round % 3).unwrap()).await;
            events.extend(logged.into_iter().map(|event| (event.time, event.id)));
            node.world.clock.advance(Duration::from_hours(5));
        }
        if round % 4 == 0 {
            assert!(other.shipper().finish().await);
        }
        if round == 6 {
            assert!(one.shipper().finish().await);
        }
    }
    assert!(other.shipper().finish().await);
    // What the other did is shipped, what this one did is not, but for its beginning.
    events.sort_unstable();
    let newest_first: Vec<_> = events.iter().rev().map(|(_, id)| *id).collect();
    for limit in [1, 2, 3, 7, 1000] {
        let query = LogQuery { limit, ..LogQuery::default() };
        assert_eq!(told(&one, query).await, newest_first, "{limit} a page");
    }
    let since = Some(events[5].0);
    let until = Some(events[20].0);
    let own =
        one.journal().unshipped(0, &LogQuery { since, until, limit: 100, ..LogQuery::default() });
    assert!(own.unwrap().iter().all(|row| since <= Some(row.time) && Some(row.time) < until));
}
