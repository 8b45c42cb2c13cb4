//! A browser without script, as somebody plays it: it keeps cookies, follows redirects, and sends
//! the forms that it finds in behalf's own pages. It reads no other pages.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use reqwest::header;
use url::{Url, form_urlencoded::Serializer};

/// Redirects and pages of one sign-in.
const STEPS_MAX: usize = 12;

/// The browser.
pub(crate) struct Browser {
    http: reqwest::Client,
    origin: Url,
    cookies: BTreeMap<String, String>,
    /// Requests sent so far.
    pub(crate) requests: u32,
}

/// Where the browser is.
pub(crate) enum Seen {
    /// On a page of behalf.
    Page(Page),
    /// On its way to the application.
    Left(Url),
}

/// A page of behalf.
pub(crate) struct Page {
    /// HTTP status.
    pub(crate) status: u16,
    html: String,
}

/// Where a person's way led, and what he was asked on it.
pub(crate) struct Walk {
    /// The consent page, line by line; empty when there was none.
    pub(crate) asked: Vec<String>,
    /// The address of the application.
    pub(crate) left: Url,
}

impl Browser {
    /// A browser for the pages at `origin`. `http` follows no redirects.
    pub(crate) fn new(http: reqwest::Client, origin: &str) -> anyhow::Result<Self> {
        Ok(Self { http, origin: Url::parse(origin)?, cookies: BTreeMap::new(), requests: 0 })
    }

    /// Opens `url`, signs in where it is asked to, accepts what it is asked for, and stops at the
    /// address of the application.
    pub(crate) async fn walk(&mut self, url: &Url, user: (&str, &str)) -> anyhow::Result<Walk> {
        let mut seen = self.open(url).await?;
        let mut asked = Vec::new();
        for _ in 0..STEPS_MAX {
            let page = match seen {
                Seen::Left(left) => return Ok(Walk { asked, left }),
                Seen::Page(page) => page,
            };
            let heading = page.heading();
            seen = if heading.starts_with("Sign in to") {
                let fields = [("username", user.0), ("password", user.1), ("do", "sign-in")];
                self.submit(&page, &fields).await?
            } else if heading.starts_with("Allow ") {
                asked = page.asked();
                self.submit(&page, &[("do", "accept")]).await?
            } else {
                bail!("the browser is on {heading:?} ({}), where nobody expected it", page.status);
            };
        }
        bail!("the sign-in has no end")
    }

    /// Brings an answer to a listener on this machine, as a browser that follows the redirect does.
    pub(crate) async fn bring(&mut self, to: &Url) -> anyhow::Result<()> {
        self.requests += 1;
        self.http.get(to.clone()).send().await.context("nobody listens for the answer")?;
        Ok(())
    }

    /// Opens an address and follows where it leads.
    pub(crate) async fn open(&mut self, url: &Url) -> anyhow::Result<Seen> {
        let answer = self.send(self.http.get(url.clone())).await?;
        self.follow(answer).await
    }

    /// Sends a page's form with these fields besides its hidden ones, and follows.
    pub(crate) async fn submit(
        &mut self,
        page: &Page,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Seen> {
        let action = page.action().context("the page has no form")?;
        let url = self.origin.join(&action)?;
        let body = Serializer::new(String::new())
            .extend_pairs(page.hidden())
            .extend_pairs(fields)
            .finish();
        let request = self
            .http
            .post(url)
            .header(header::ORIGIN, self.origin.origin().ascii_serialization())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let answer = self.send(request).await?;
        self.follow(answer).await
    }

    async fn send(
        &mut self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<reqwest::Response> {
        self.requests += 1;
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() {
            request
        } else {
            request.header(header::COOKIE, cookies.join("; "))
        };
        let answer = request.send().await.context("no answer to the browser")?;
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap_or_default();
            let Some((name, rest)) = line.split_once('=') else { continue };
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                let value = rest.split(';').next().unwrap_or_default();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }

    async fn follow(&mut self, mut answer: reqwest::Response) -> anyhow::Result<Seen> {
        for _ in 0..STEPS_MAX {
            let Some(location) = answer.headers().get(header::LOCATION) else {
                let status = answer.status().as_u16();
                return Ok(Seen::Page(Page { status, html: answer.text().await? }));
            };
            let to = self.origin.join(location.to_str()?)?;
            if to.origin() != self.origin.origin() {
                return Ok(Seen::Left(to));
            }
            answer = self.send(self.http.get(to)).await?;
        }
        bail!("redirects without end")
    }
}

impl Page {
    /// What it is about.
    pub(crate) fn heading(&self) -> String {
        text(between(&self.html, "<h1>", "</h1>").unwrap_or_default())
    }

    /// What a consent page asks for: who, for what on which API; and what acceptance adds.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for section in self.html.split("<section class=\"chain\">").skip(1) {
            let section = section.split("</section>").next().unwrap_or_default();
            let who = text(between(section, "<p>", "</p>").unwrap_or_default());
            for item in section.split("<li>").skip(1) {
                let item = item.split("</li>").next().unwrap_or_default();
                let (what, place) = item.split_once("<br>").unwrap_or((item, ""));
                lines.push(format!("{who} {} ({})", text(what), text(place)));
            }
        }
        let adds = between(&self.html, "<p>Accepting adds ", "</p>").map(text);
        lines.extend(adds.map(|adds| format!("Accepting adds {adds}")));
        lines
    }

    fn action(&self) -> Option<String> {
        let form = between(&self.html, "<form method=\"post\"", ">")?;
        between(form, "action=\"", "\"").map(unescaped)
    }

    fn hidden(&self) -> Vec<(String, String)> {
        let inputs = self.html.split("<input type=\"hidden\"").skip(1);
        let attribute = |input: &str, name: &str| {
            between(input, &format!("{name}=\""), "\"").map(unescaped).unwrap_or_default()
        };
        inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect()
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// Text without its tags.
fn text(html: &str) -> String {
    let parts = html.split('<').enumerate();
    let bare = parts.map(|(at, part)| match at {
        0 => part,
        _ => part.split_once('>').map_or("", |(_, text)| text),
    });
    unescaped(&bare.collect::<String>())
}

fn unescaped(text: &str) -> String {
    [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}
