use crate::support::{Dev, run, stderr, succeed};

const TREND_REPORT: &str = "7e4d0000-0000-4000-8000-000000000005";

#[test]
fn consent_is_given_listed_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let grant = |arguments: &[&str]| {
        let all: Vec<&str> = [&["grant"], arguments, &["--tenant", "acme.test"]].concat();
        succeed(folder.path(), &all)
    };
    assert_eq!(
        grant(&["desk-app", "--admin"]),
        "granted  desk-app -> orders-api  scope Orders.Read\n\
         granted  orders-api -> ledger-api  scope Entries.Read\n",
        "and what the API needs that knows it"
    );
    assert!(grant(&["desk-app", "--admin"]).starts_with("nothing to do"));
    assert_eq!(
        grant(&[
            "orders-api",
            "--admin",
            "ledger-api:Entries.Post",
            "api://ledger:Entries.Read.All"
        ]),
        "granted  orders-api -> ledger-api  scope Entries.Post\n\
         granted  orders-api -> ledger-api  role Entries.Read.All\n"
    );
    let list = grant(&["list", "orders-api"]);
    assert!(list.contains("orders-api -> ledger-api"), "{list}");
    assert!(
        list.contains("Entries.Read Entries.Post") || list.contains("Entries.Post Entries.Read")
    );
    assert!(grant(&["list"]).lines().count() >= 4, "every client's");
    assert!(grant(&["revoke", "orders-api", "--api", "ledger-api"]).starts_with("3 permissions"));
    assert!(grant(&["revoke", "orders-api"]).starts_with("nothing to do"));
    assert_eq!(grant(&["list", "orders-api"]), "");
    assert_eq!(grant(&["requests"]), "");

    // An application of another tenant becomes known with its API.
    let told = grant(&[TREND_REPORT, "--admin"]);
    assert_eq!(told, "granted  trend-report -> trend-api  scope Trends.Read\n");
}

#[test]
fn what_cannot_be_granted_is_said_with_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    for (arguments, code, expected) in [
        (&["grant", "desk-app", "--admin"][..], 2, "--tenant"),
        (&["grant", "desk-app"], 2, "--admin"),
        (&["grant", "desk-app", "--admin", "ledger-api"], 2, "API:PERMISSION"),
        (&["grant", "nobody", "--admin", "--tenant", "acme.test"], 5, "no application \"nobody\""),
        (
            &["grant", "desk-app", "--admin", "ledger-api:Burn", "--tenant", "acme.test"],
            2,
            "offers no enabled scope",
        ),
        (&["grant", "revoke", "nobody", "--tenant", "acme.test"], 5, "nobody"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}
