//! What every backend promises, run against each of them: a backend is one line at the end.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail a test so")]

mod conformance {
    pub(crate) mod bed;
    pub(crate) mod changes;
    pub(crate) mod commits;
    pub(crate) mod limits;
    pub(crate) mod model;
    pub(crate) mod reads;
    pub(crate) mod snapshots;
    pub(crate) mod stamps;
    pub(crate) mod tickets;
}
#[cfg(feature = "postgres")]
#[path = "support/postgres.rs"]
mod database;
mod support;

/// Runs every case against the backend that `$make` gives, a fresh one a case.
macro_rules! backend {
    ($(#[$attribute:meta])* $name:ident, $make:expr) => {
        backend!(@cases [$(#[$attribute])*] $name, $make,
            reads: [
                absent_and_present_keys_come_in_the_order_asked
                tenants_do_not_see_each_other
                several_keys_are_of_one_snapshot
                scans_are_ordered_paged_and_of_one_kind
                finds_follow_the_newest_entries
                finds_are_paged
                page_limits_are_kept
            ]
            commits: [
                a_put_replaces_and_gives_a_new_version
                a_version_never_comes_back
                absent_wins_exactly_once
                a_version_wins_exactly_once
                a_conflict_stores_nothing_of_its_set_and_harms_no_other
                a_conflict_says_what_it_found
                what_was_only_read_counts
                write_skew_is_refused
                deletes_take_entries_along
                appends_come_in_order
                many_writers_are_all_answered
                a_dropped_commit_still_happens
            ]
            changes: [
                directory_commits_are_numbered_without_gaps
                other_kinds_take_no_number
                the_log_names_records_and_lists
                the_log_is_handed_out_in_whole_commits
                large_commits_are_logged_as_everything
                what_changes_nothing_takes_no_number
                the_watcher_hears_of_a_commit_before_its_writer
                an_old_log_is_forgotten
            ]
            limits: [
                sets_that_break_a_limit_are_refused
                sets_at_the_limit_are_stored
            ]
            snapshots: [
                a_snapshot_of_nothing_is_empty
                a_snapshot_is_ordered_by_tenant_kind_and_id
                a_snapshot_has_records_whole
                a_snapshot_is_of_one_moment_while_others_commit
                a_snapshot_keeps_what_was_changed_after_it
            ]
            stamps: [
                a_stamp_is_never_current_after_a_commit_it_depends_on
                a_stamp_outlives_other_commits
                another_process_is_followed
                typed_records_round_trip
                usage_is_written_at_most_once_a_minute
            ]
            tickets: [
                of_a_thousand_redemptions_of_one_generation_one_writes
                an_ended_family_does_not_rotate
                what_was_ended_is_found_in_its_bucket
                a_ticket_is_used_once
                of_many_polls_one_takes_the_grant
                what_is_forgotten_in_time_says_when
                epochs_and_signing_keys_are_two_rings
            ]
            model: [
                random_programs_agree_with_a_map
            ]
        );
    };
    (@cases $attributes:tt $name:ident, $make:expr, $($file:ident: $cases:tt)*) => {
        mod $name {
            use super::*;
            $(backend!(@file $attributes $make, $file $cases);)*
        }
    };
    (@file $attributes:tt $make:expr, $file:ident [$($case:ident)*]) => {
        $(backend!(@test $attributes $make, $file $case);)*
    };
    (@test [$(#[$attribute:meta])*] $make:expr, $file:ident $case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])*
        async fn $case() {
            let bed = $make;
            conformance::$file::$case(bed.backend()).await;
        }
    };
}

backend!(sqlite_file, conformance::bed::SqliteFile::new());
backend!(sqlite_memory, conformance::bed::SqliteMemory);
#[cfg(feature = "postgres")]
backend!(
    #[ignore = "needs PostgreSQL: ./test postgres"]
    postgres,
    conformance::bed::PostgresSchema::new().await
);
