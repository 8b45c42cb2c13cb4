//! A browser without script, as far as signing in needs one: cookies, redirects, forms.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use url::{Url, form_urlencoded};

use super::https::{Connection, Target};

/// A browser with a connection of its own.
pub(crate) struct Browser {
    connection: Connection,
    origin: Url,
    cookies: BTreeMap<String, String>,
}

/// A page with a form.
pub(crate) struct Form {
    action: String,
    hidden: Vec<(String, String)>,
}

/// Where a browser is.
pub(crate) enum Seen {
    /// On a page with a form.
    Form(Form),
    /// On its way to the application, at this address.
    Left(Url),
}

impl Seen {
    /// The code that the application gets.
    pub(crate) fn code(self) -> anyhow::Result<String> {
        match self {
            Self::Left(to) => {
                let code = to.query_pairs().find(|(name, _)| name == "code");
                Ok(code.with_context(|| format!("no code in {to}"))?.1.into_owned())
            }
            Self::Form(form) => bail!("still on the form for {}", form.action),
        }
    }

    /// The form.
    pub(crate) fn form(self) -> anyhow::Result<Form> {
        match self {
            Self::Form(form) => Ok(form),
            Self::Left(to) => bail!("no form, but left for {to}"),
        }
    }
}

impl Browser {
    pub(crate) async fn new(target: &Target, origin: &str) -> anyhow::Result<Self> {
        let connection = Connection::open(target).await?;
        Ok(Self { connection, origin: Url::parse(origin)?, cookies: BTreeMap::new() })
    }

    /// Goes on with its cookies on a new connection.
    pub(crate) async fn reconnect(&mut self, target: &Target) -> anyhow::Result<()> {
        self.connection = Connection::open(target).await?;
        Ok(())
    }

    /// The same cookies at another place.
    pub(crate) async fn beside(&self, target: &Target) -> anyhow::Result<Self> {
        let connection = Connection::open(target).await?;
        Ok(Self { connection, origin: self.origin.clone(), cookies: self.cookies.clone() })
    }

    /// Opens an address and follows where it leads.
    pub(crate) async fn open(&mut self, path: &str) -> anyhow::Result<Seen> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", self.cookie());
        self.follow(request).await
    }

    /// Sends a form with these fields besides its own, and follows.
    pub(crate) async fn submit(
        &mut self,
        form: &Form,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Seen> {
        let request = self.request_of(form, fields);
        self.follow(request).await
    }

    /// The request that sends a form.
    pub(crate) fn request_of(&self, form: &Form, fields: &[(&str, &str)]) -> String {
        let own = form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = encode(own.chain(fields.iter().copied()));
        format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\norigin: {}\r\n{}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            form.action,
            self.origin.origin().ascii_serialization(),
            self.cookie(),
            body.len()
        )
    }

    fn cookie(&self) -> String {
        if self.cookies.is_empty() {
            return String::new();
        }
        let all: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        format!("cookie: {}\r\n", all.join("; "))
    }

    async fn follow(&mut self, mut request: String) -> anyhow::Result<Seen> {
        for _ in 0..8 {
            let (answer, head) = self.connection.ask_with_head(request.as_bytes()).await?;
            let mut location = None;
            for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
                let value = value.trim();
                if name.eq_ignore_ascii_case("location") {
                    location = Some(value.to_owned());
                } else if name.eq_ignore_ascii_case("set-cookie") {
                    let (pair, rest) = value.split_once(';').unwrap_or((value, ""));
                    let (name, value) = pair.split_once('=').context("a cookie without a value")?;
                    if rest.contains("Max-Age=0") {
                        self.cookies.remove(name);
                    } else {
                        self.cookies.insert(name.to_owned(), value.to_owned());
                    }
                }
            }
            let Some(location) = location else {
                return form_of(&String::from_utf8(answer.body)?).map(Seen::Form);
            };
            let next = self.origin.join(&location)?;
            if next.origin() != self.origin.origin() {
                return Ok(Seen::Left(next));
            }
            let path = &next[url::Position::BeforePath..url::Position::AfterQuery];
            request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", self.cookie());
        }
        bail!("redirects without end")
    }
}

/// Fields as a form sends them.
pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn form_of(page: &str) -> anyhow::Result<Form> {
    let (_, form) = page.split_once("<form method=\"post\"").with_context(|| {
        let title = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
        let code = page.split("/error?code=").nth(1).and_then(|rest| rest.split('"').next());
        format!("no form on the page {title:?}, code {code:?}")
    })?;
    let inputs = form.split("<input type=\"hidden\"").skip(1);
    Ok(Form {
        action: attribute(form, "action")?,
        hidden: inputs
            .map(|input| Ok((attribute(input, "name")?, attribute(input, "value")?)))
            .collect::<anyhow::Result<_>>()?,
    })
}

fn attribute(tag: &str, name: &str) -> anyhow::Result<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).with_context(|| format!("no {name}"))?;
    let (value, _) = rest.split_once('"').context("an open attribute")?;
    // What the pages' template escapes.
    let plain = value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<");
    Ok(plain.replace("&#62;", ">").replace("&#38;", "&"))
}
