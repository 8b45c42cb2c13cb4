//! Every page as people get it. The snapshots are whole documents: open one in a browser to look.

use askama::Template;

use super::*;

const HIDDEN: &[Hidden<'static>] = &[("flow", "eyJhbGciOiJkaXIi..sealed")];

fn document(page: &impl Template) -> String {
    let html = page.render().unwrap().replace(STYLE, "/* style.css */");
    assert!(!html.contains("<script>") || html.contains(SUBMIT), "the one script and no other");
    assert!(!html.contains(" style=") && !html.contains(" onclick"), "the policy refuses inline");
    assert!(!html.contains("http://") && !html.contains("//cdn"), "nothing is loaded from afar");
    // What a template's branches leave behind is not worth a diff.
    html.lines()
        .filter(|line| !line.trim().is_empty())
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn sign_in() {
    let page = SignInPage {
        tenant: "Acme",
        app: "desk-app",
        user_name: "",
        problem: None,
        action: "/acme.test/login",
        hidden: HIDDEN,
    };
    insta::assert_snapshot!(document(&page));
    let again = SignInPage {
        user_name: "bob@acme.test",
        problem: Some("The user name or the password is wrong."),
        ..page
    };
    insta::assert_snapshot!("sign_in_again", document(&again));
}

#[test]
fn second_factor() {
    let page = SecondFactorPage {
        tenant: "Acme",
        user: "ada@acme.test",
        problem: None,
        action: "/acme.test/login",
        hidden: HIDDEN,
    };
    insta::assert_snapshot!(document(&page));
}

#[test]
fn my_apps() {
    let permission = |text: &str, value: &str| AllowedPermission {
        text: text.to_owned(),
        value: value.to_owned(),
        api: "orders-api".to_owned(),
    };
    let app = AllowedApp {
        client: "desk-app <script>".to_owned(),
        permissions: vec![permission("Read your orders", "Orders.Read")],
        form: "eyJhbGciOiJkaXIi..sealed".to_owned(),
    };
    let accounts = [
        AllowedBy { user: "bob@acme.test".to_owned(), apps: vec![app] },
        AllowedBy { user: "ada@acme.test".to_owned(), apps: Vec::new() },
    ];
    insta::assert_snapshot!(document(&MyAppsPage { accounts: &accounts, action: "/myapps" }));
}

#[test]
fn account_picker() {
    let accounts = [
        Account { session: "s1", user: "bob@acme.test" },
        Account { session: "s2", user: "ada@acme.test" },
    ];
    let page = AccountPickerPage {
        tenant: "Acme",
        app: "desk-app",
        accounts: &accounts,
        action: "/acme.test/login",
        hidden: HIDDEN,
    };
    insta::assert_snapshot!(document(&page));
}

fn consent<'a>(chains: &'a [Chain<'a>]) -> ConsentPage<'a> {
    ConsentPage {
        tenant: "Acme",
        user: "bob@acme.test",
        app: "desk-app",
        owner: "this directory",
        foreign: false,
        chains,
        adds: &[],
        may_grant_for_everyone: false,
        for_everyone: false,
        action: "/acme.test/consent",
        switch: "/acme.test/consent?switch=1",
        hidden: HIDDEN,
    }
}

#[test]
fn consent_of_a_user() {
    let read = [Permission { text: "Read your orders", value: "Orders.Read", admin: false }];
    let entries = [Permission { text: "Read ledger entries", value: "Entries.Read", admin: false }];
    let chains = [
        Chain {
            client: "desk-app",
            api: "orders-api",
            further: false,
            as_itself: false,
            permissions: &read,
        },
        Chain {
            client: "orders-api",
            api: "ledger-api",
            further: true,
            as_itself: false,
            permissions: &entries,
        },
    ];
    insta::assert_snapshot!(document(&consent(&chains)));
}

#[test]
fn consent_of_an_administrator_to_a_foreign_application() {
    let post = [Permission { text: "Post entries", value: "Entries.Post", admin: true }];
    let all = [Permission { text: "Read all", value: "Trends.Read.All", admin: true }];
    let chains = [
        Chain {
            client: "trend-report",
            api: "ledger-api",
            further: false,
            as_itself: false,
            permissions: &post,
        },
        Chain {
            client: "trend-report",
            api: "trend-api",
            further: false,
            as_itself: true,
            permissions: &all,
        },
    ];
    let page = ConsentPage {
        user: "ada@acme.test",
        app: "trend-report",
        owner: "Globex",
        foreign: true,
        adds: &["trend-report", "trend-api"],
        for_everyone: true,
        ..consent(&chains)
    };
    insta::assert_snapshot!(document(&page));
    let tick = ConsentPage { for_everyone: false, may_grant_for_everyone: true, ..page };
    assert!(document(&tick).contains("Allow for everyone in Acme"));
}

#[test]
fn needs_admin() {
    let wanted = [Wanted {
        client: "orders-api",
        api: "ledger-api",
        text: "Post entries",
        value: "Entries.Post",
    }];
    let page = NeedsAdminPage {
        tenant: "Acme",
        user: "bob@acme.test",
        app: "orders-api",
        wanted: &wanted,
        sent: false,
        request: "01a20456-74dd-78dd-8a77-b8e9a4693e4d",
        action: "/acme.test/consent",
        switch: "/acme.test/continue?flow=other",
        hidden: HIDDEN,
    };
    insta::assert_snapshot!(document(&page));
    assert!(document(&NeedsAdminPage { sent: true, ..page }).contains("have your request"));
}

#[test]
fn device() {
    let problem = Some("No device waits for this code. Check it, or start again on the device.");
    let page =
        DevicePage { code: "ABCD1234E", problem, action: "/common/devicelogin", hidden: HIDDEN };
    insta::assert_snapshot!(document(&page));
    let confirm = DeviceConfirmPage {
        tenant: "Acme",
        user: "bob@acme.test",
        app: "desk-app",
        code: "ABCD1234E",
        action: "/common/devicelogin",
        hidden: HIDDEN,
    };
    insta::assert_snapshot!("device_confirm", document(&confirm));
}

#[test]
fn problem() {
    let details = ["Registered: http://localhost (any port), myapp://auth".to_owned()];
    let page = ProblemPage {
        title: "desk-app sent you here with an address that is not registered",
        text: "The redirect_uri of the request is none of the application's redirect URIs.",
        advice: Some("Nothing was sent there. Tell whoever runs the application."),
        details: &details[..0],
        command: None,
        code: 50_011,
        request: "01a20456-74dd-78dd-8a77-b8e9a4693e4d",
        correlation: "68ce7d80-2a3e-4e11-bca9-24fe51bf3125",
        time: "2026-11-22 17:38:24Z",
    };
    insta::assert_snapshot!(document(&page));
}

#[test]
fn the_way_back() {
    let hidden = [("code", "abc"), ("state", "a\"b<c>"), ("iss", "x")];
    let page = FormPostPage { action: "https://app.test/cb", hidden: &hidden };
    insta::assert_snapshot!(document(&page));
    let link = Some(Link { href: "https://app.test/", text: "Back to desk-app" });
    let notice =
        NoticePage { title: "You are signed out", text: "Close the window.", frames: &[], link };
    insta::assert_snapshot!("signed_out", document(&notice));
    let users = ["bob@acme.test"];
    let confirm = ConfirmSignOutPage { users: &users, action: "/acme.test/logout", hidden: HIDDEN };
    insta::assert_snapshot!("confirm_sign_out", document(&confirm));
}

/// CN-07, CN-16, AZ-20: what applications and callers chose is shown as text.
#[test]
fn names_are_text() {
    let page = SignInPage {
        tenant: "<b>Acme</b>",
        app: "<script>alert(1)</script>",
        user_name: "\"><img src=x onerror=alert(1)>",
        problem: None,
        action: "/acme.test/login",
        hidden: HIDDEN,
    };
    let html = page.render().unwrap();
    for hostile in ["<script>alert", "<img", "<b>Acme"] {
        assert!(!html.contains(hostile), "{hostile}");
    }
    assert_eq!(shown("Micro\u{202e}tfos\u{200b}\u{7}"), "Microtfos");
    assert_eq!(shown(&"é".repeat(500)).chars().count(), 120);
}
