//! Rule 1 of the security page, generated: every grant × everything that can be disabled, expired,
//! deleted or revoked. Each cell is asked twice with material of the same kind: before the change it
//! is granted, so that the refusal after it can only be the change's. What a grant does not rest on
//! leaves it unharmed, and that is worked out from what the grant says of itself, not listed.

mod grants;
mod taken;

use std::fmt::Write as _;

use crate::common::TestServer;
use grants::{GRANTS, Grant, Presented, Rests};
use taken::{TAKEN, Taken};

/// What the grants of one client get for one resource after `taken` was taken away, by their place
/// in the list.
async fn after(taken: &Taken, grants: &[(usize, &Grant)]) -> Vec<(usize, String)> {
    let server = TestServer::with_users().await;
    grants::prepare(&server).await;
    taken.prepare(&server, grants[0].1).await;
    let mut presented: Vec<Presented> = Vec::new();
    for (_, grant) in grants {
        let control = (grant.ready)(&server).await;
        let answer = control.send(&server).await;
        assert_eq!(answer.status, 200, "{} before {}: {}", grant.name, taken.name, answer.text);
        presented.push((grant.ready)(&server).await);
    }
    let families: Vec<_> = presented.iter().filter_map(|one| one.family).collect();
    taken.take(&server, grants[0].1, &families).await;
    let mut cells = Vec::new();
    for ((place, grant), one) in grants.iter().zip(presented) {
        let answer = one.send(&server).await;
        let cell = if answer.status == 200 { "-".to_owned() } else { refused(&answer) };
        let harmed = grant.rests.iter().any(|on| taken.ends.contains(on));
        assert_eq!(cell != "-", harmed, "{} × {}: {}", taken.name, grant.name, answer.text);
        cells.push((*place, cell));
    }
    cells
}

/// The number of a refusal that holds what every refusal must (rule 8).
fn refused(answer: &crate::common::Answer) -> String {
    let json = answer.json();
    for secret in ["access_token", "refresh_token", "id_token", "code"] {
        assert!(json.get(secret).is_none(), "{json}");
    }
    assert!(answer.header("cache-control").is_some_and(|kept| kept.contains("no-store")));
    answer.refusal().2.to_string()
}

#[tokio::test]
async fn every_grant_and_everything_that_can_be_taken_away() {
    let mut pairs: Vec<_> = GRANTS.iter().map(|grant| (grant.client, grant.resource)).collect();
    pairs.dedup();
    let mut table = format!("{:<50}", "");
    for grant in GRANTS {
        write!(table, "{:<20}", grant.name).unwrap();
    }
    table.push('\n');
    for taken in TAKEN {
        let mut row = vec![String::new(); GRANTS.len()];
        for pair in &pairs {
            let of_pair = |(_, grant): &(usize, &Grant)| (grant.client, grant.resource) == *pair;
            let grants: Vec<_> = GRANTS.iter().enumerate().filter(of_pair).collect();
            for (place, cell) in after(taken, &grants).await {
                row[place] = cell;
            }
        }
        write!(table, "{:<50}", taken.name).unwrap();
        for cell in row {
            write!(table, "{cell:<20}").unwrap();
        }
        table.push('\n');
    }
    let table: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    insta::assert_snapshot!(table);
}

#[test]
fn everything_a_grant_rests_on_can_be_taken_away() {
    for rest in Rests::ALL {
        assert!(TAKEN.iter().any(|taken| taken.ends.contains(rest)), "{rest:?}");
        assert!(GRANTS.iter().any(|grant| grant.rests.contains(rest)), "{rest:?}");
    }
}
