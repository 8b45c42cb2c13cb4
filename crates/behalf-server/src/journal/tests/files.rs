//! The files: seals, days, clocks that jump, who may read them.

use super::*;

#[tokio::test]
async fn a_changed_or_removed_row_is_noticed() {
    for tamper in [
        "UPDATE event SET record = x'01' WHERE seq = 3",
        "UPDATE event SET record = zeroblob(length(record)) WHERE seq = 3",
        "UPDATE event SET record = (SELECT record FROM event WHERE seq = 2) WHERE seq = 3",
        "DELETE FROM event WHERE seq = 3",
        "DELETE FROM event WHERE seq = 1",
        "UPDATE event SET at = at + 1 WHERE seq = 3",
        "UPDATE event SET seal = NULL WHERE seq = 5",
        "UPDATE start SET first_seq = 2",
    ] {
        let world = World::new();
        let journal = world.open();
        let lane = journal.lane();
        for _ in 0..5 {
            log(&lane, &world.event(1, 2)).await;
        }
        assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 5 });
        rusqlite::Connection::open(world.file()).unwrap().execute(tamper, []).unwrap();
        let found = journal.verify().unwrap();
        assert!(matches!(found, Verification::Altered { .. }), "{tamper}: {found:?}");
    }
}

#[tokio::test]
async fn a_missing_day_is_noticed_but_not_one_that_retention_took() {
    let world = World::new();
    let options = Options { retention: None, ..Options::default() };
    let journal = world.open_with(&options).unwrap();
    let lane = journal.lane();
    let mut files = Vec::new();
    for _ in 0..3 {
        log(&lane, &world.event(1, 2)).await;
        files.push(world.file());
        world.clock.advance(Duration::from_hours(24));
    }
    let day = Duration::from_hours(24);
    let limits = keeper::Limits::at(Timestamp(NOON.0 + 43_200_000).plus(day), day, i64::MAX);
    keeper::sweep(&world.folder.path().join("journal"), &limits).unwrap();
    assert!(!files[0].exists() && files[1].exists());
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 2 });
    let journal_query = journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    assert_eq!(journal_query.entries.len(), 2);
}

#[tokio::test]
async fn a_clock_that_jumps_back_keeps_the_order() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    log(&lane, &world.event(1, 2)).await;
    world.clock.advance(Duration::from_hours(1));
    log(&lane, &world.event(1, 2)).await;
    world.clock.jump_to(NOON.plus(Duration::from_secs(1)));
    let mut early = world.event(1, 2);
    let ids_after = RequestIds::new(Arc::new(SeededEntropy::new(2)));
    early.id = ids_after.next(world.clock.now());
    log(&lane, &early).await;
    assert!(journal.find(early.id).unwrap().is_some());
    let page = journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    assert_eq!(page.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 });
}

/// What a node leaves behind that was started while the clock was ahead.
#[tokio::test]
async fn a_file_of_a_day_to_come_without_a_row_stops_nothing() {
    let world = World::new();
    let ahead = Duration::from_hours(48);
    let leave: [&dyn Fn(); 2] = [
        &|| {
            world.clock.jump_to(world.clock.now().plus(ahead));
            drop(world.open());
            world.clock.jump_to(world.clock.now().minus(ahead));
        },
        &|| {
            let day = day::Day::of(world.clock.now().plus(ahead));
            std::fs::write(day.file(&world.folder.path().join("journal")), "").unwrap();
        },
    ];
    for (leave, rows) in leave.into_iter().zip(1..) {
        let journal = world.open();
        log(&journal.lane(), &world.event(1, 2)).await;
        let newest = world.clock.now();
        drop(journal);
        leave();
        let journal = world.open();
        assert_eq!(journal.newest_at_start(), Some(newest));
        log(&journal.lane(), &world.event(1, 2)).await;
        assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 * rows - 1 });
        world.clock.advance(ahead);
        log(&journal.lane(), &world.event(1, 2)).await;
        assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 * rows });
        world.clock.advance(ahead);
    }
}

#[tokio::test]
async fn a_clock_put_right_while_the_node_runs_breaks_no_chain() {
    let world = World::new();
    let ahead = Duration::from_hours(48);
    world.clock.advance(ahead);
    let journal = world.open();
    world.clock.jump_to(world.clock.now().minus(ahead));
    for _ in 0..3 {
        log(&journal.lane(), &world.event(1, 2)).await;
        world.clock.advance(ahead / 2);
    }
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 });
}

/// Its rows are events: the clock is told to be wrong instead (decisions.md 4).
#[tokio::test]
async fn a_file_of_a_day_to_come_with_a_row_is_kept() {
    let world = World::new();
    let ahead = Duration::from_hours(48);
    world.clock.advance(ahead);
    let journal = world.open();
    log(&journal.lane(), &world.event(1, 2)).await;
    drop(journal);
    let (file, newest) = (world.file(), world.clock.now());
    world.clock.jump_to(newest.minus(ahead));
    assert_eq!(world.open().newest_at_start(), Some(newest));
    assert!(file.exists());
}

#[test]
fn a_newer_file_is_refused_with_the_remedy() {
    let world = World::new();
    drop(world.open());
    std::fs::create_dir_all(world.folder.path().join("journal")).unwrap();
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    let refused = world.open_with(&Options::default()).unwrap_err();
    assert!(refused.to_string().contains("upgrade behalf"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let journal = world.open();
    log(&journal.lane(), &world.event(1, 2)).await;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&world.folder.path().join("journal")), 0o700);
    for file in std::fs::read_dir(world.folder.path().join("journal")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_full_disk_asks_for_space_and_a_damaged_file_for_its_backup() {
    let told = |code| {
        let cause = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        OpenError::File { path: "j".into(), cause }.to_string()
    };
    assert!(told(rusqlite::ffi::SQLITE_FULL).ends_with("; free some space on its disk"));
    assert!(told(rusqlite::ffi::SQLITE_IOERR).contains("full, read-only or broken"));
    for code in [rusqlite::ffi::SQLITE_CORRUPT, rusqlite::ffi::SQLITE_NOTADB] {
        assert!(told(code).ends_with("; restore it or move it away"));
    }
}
