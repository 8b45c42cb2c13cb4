//! The forms of our own pages, and the flows that they belong to.

use axum::body::Body;
use behalf_protocol::authorize::AuthorizeParameters;
use http::{HeaderMap, Response, header, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use zeroize::Zeroize;

use super::{endpoint, flow::Flow, visit::Visit, way::Way};
use crate::session::csrf;

/// Longest form, in bytes: a sealed flow, a sealed list and a reason.
const BODY_MAX: usize = 32 * 1024;
/// Most fields.
const FIELDS_MAX: usize = 32;

/// A form's fields. Prints nothing, is wiped when dropped: there are passwords in it.
#[derive(Default)]
pub(super) struct Form(Vec<(String, String)>);

/// A body that is no form of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoForm;

impl Form {
    /// Reads a body, at most 32 KiB of it.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, NoForm> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        {
            return Err(NoForm);
        }
        let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| NoForm)?.to_bytes();
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(&body) {
            if form.0.len() >= FIELDS_MAX {
                return Err(NoForm);
            }
            form.0.push((name.into_owned(), value.into_owned()));
        }
        Ok(form)
    }

    /// What a page of ours sent; refuses other sites' forms.
    pub(super) async fn posted(visit: &Visit<'_>, body: Body) -> Result<Self, Box<Response<Body>>> {
        endpoint::admit(visit)?;
        if csrf::same_origin(visit.headers, &visit.server().public_url).is_err() {
            return Err(Box::new(visit.foreign()));
        }
        Self::read(visit.headers, body).await.map_err(|_| Box::new(visit.unreadable()))
    }

    /// A field that was sent once; empty where it was not.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

/// A form of one of our pages, and the flow that it belongs to.
pub(super) struct Sent {
    pub(super) form: Form,
    pub(super) flow: Flow,
}

impl Sent {
    /// Reads a form and finds the way back of its flow; refuses other sites', other browsers' and
    /// those that waited too long, and goes back where the user cancelled.
    pub(super) async fn read(
        visit: &Visit<'_>,
        parts: &Parts,
        body: Body,
    ) -> Result<(Self, Way), Box<Response<Body>>> {
        let form = Form::posted(visit, body).await?;
        let flow: Flow = visit.open(form.get("flow"))?;
        if flow.segment != endpoint::segment(parts) {
            return Err(Box::new(visit.unreadable()));
        }
        let parameters =
            AuthorizeParameters::parse(&flow.query).map_err(|_| Box::new(visit.unreadable()))?;
        let way = Way::find(visit, &flow, &parameters).await?;
        if form.get("do") == "cancel" {
            return Err(Box::new(way.cancelled(visit, &flow).await));
        }
        Ok((Self { form, flow }, way))
    }
}
