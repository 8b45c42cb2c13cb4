//! `/error?code=N`, where `error_uri` leads: the catalogue as a page for people.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_protocol::error::AadSts;
use http::StatusCode;

use crate::pages::STYLE;

/// A rendered page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// 200, or 404 for a number that is not in the catalogue.
    pub status: StatusCode,
    /// The document.
    pub html: String,
}

/// The page's policy: no script, no foreign content; the one style sheet by its hash.
pub(super) fn content_security_policy() -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// The page of one number, or of all when none is asked for. Of `code` only a number of the
/// catalogue is ever repeated.
pub(super) fn render(code: Option<&str>) -> Page {
    let Some(code) = code.filter(|code| !code.is_empty()) else {
        return document(StatusCode::OK, "Error codes", &index());
    };
    let number = code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.parse().ok());
    let kinds: Vec<_> = number.flatten().into_iter().flat_map(AadSts::by_code).collect();
    let Some(first) = kinds.first() else {
        let body = "<p>This version of the server does not answer with this code. Check the \
                    number, or look it up in the list.</p><p><a href=\"/error\">All codes</a></p>";
        return document(StatusCode::NOT_FOUND, "Unknown error code", body);
    };
    let mut body = String::new();
    for kind in &kinds {
        let (error, status) = (escape(kind.oauth().as_str()), kind.status());
        let (cause, fix) = (escape(kind.cause()), escape(kind.fix()));
        let _ = write!(
            body,
            "<section><p><code>{error}</code>, HTTP {status}</p><h2>What happened</h2>\
             <p>{cause}</p><h2>What to do</h2><p>{fix}</p></section>"
        );
    }
    body.push_str("<p><a href=\"/error\">All codes</a></p>");
    document(StatusCode::OK, &format!("AADSTS{}", first.code()), &body)
}

fn index() -> String {
    let mut kinds = AadSts::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.code());
    kinds.dedup_by_key(|kind| kind.code());
    let mut body = String::from("<ul>");
    for kind in kinds {
        let (code, cause) = (kind.code(), escape(kind.cause()));
        let _ = write!(body, "<li><a href=\"/error?code={code}\">AADSTS{code}</a>: {cause}</li>");
    }
    body.push_str("</ul>");
    body
}

fn document(status: StatusCode, title: &str, body: &str) -> Page {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · behalf</title><style>{STYLE}</style></head><body>\
         <main class=\"wide\"><article><h1>{title}</h1>{body}<form action=\"/error\">\
         <label for=\"code\">Another code</label>\
         <input id=\"code\" name=\"code\" inputmode=\"numeric\" maxlength=\"10\" required>\
         <div class=\"actions\"><button>Look up</button></div></form></article></main></body></html>\n"
    );
    Page { status, html }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_page_with_its_texts() {
        for kind in AadSts::ALL {
            let page = render(Some(&kind.code().to_string()));
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.html.contains(&format!("<h1>AADSTS{}</h1>", kind.code())));
            assert!(page.html.contains(&escape(kind.cause())), "{kind:?}");
            assert!(page.html.contains(&escape(kind.fix())), "{kind:?}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        let page = render(Some("1002012"));
        assert!(page.html.contains("scope=&lt;App ID URI&gt;/.default"));
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }

    #[test]
    fn what_was_asked_is_never_repeated() {
        for code in ["<script>alert(1)</script>", "99999999999999999999", "65535", "-1", "+28000"] {
            let page = render(Some(code));
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{code}");
            assert!(!page.html.contains(code), "{code}");
        }
        for none in [None, Some("")] {
            let page = render(none);
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.html.contains("<a href=\"/error?code=7000215\">AADSTS7000215</a>"));
        }
    }

    #[test]
    fn there_is_no_script_and_the_policy_allows_none() {
        assert!(!render(None).html.contains("<script"));
        let policy = content_security_policy();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
    }
}
