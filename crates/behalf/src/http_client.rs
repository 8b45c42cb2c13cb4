//! The little HTTP that commands need.

use std::{path::Path, time::Duration};

use reqwest::{Certificate, Client};

use crate::failure::{Exit, Failure};

const ANSWER_MAX: usize = 1 << 20;

/// A client that trusts `ca_file` alone, or what the system trusts.
pub(crate) fn client(ca_file: Option<&Path>) -> anyhow::Result<Client> {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = Client::builder()
        .timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("behalf/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = ca_file {
        let pem =
            std::fs::read(path).map_err(|cause| Failure::path(path, "read the CA", &cause))?;
        builder = builder.tls_certs_only([Certificate::from_pem(&pem)?]).no_proxy();
    }
    Ok(builder.build()?)
}

/// An answer: status and body.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body, as text.
    pub(crate) body: String,
}

/// Gets a document.
pub(crate) async fn get(client: &Client, url: &str) -> Result<Answer, Failure> {
    let answer = answer(url, client.get(url)).await?;
    match answer.status {
        200 => Ok(answer),
        other => Err(Failure::new(Exit::Failed, format!("{url} answered {other}, expected 200"))),
    }
}

async fn answer(url: &str, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
    let unreachable = |cause: reqwest::Error| {
        let mut text = format!("no answer from {url}");
        let mut source = std::error::Error::source(&cause);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Failure::environment(text)
            .fix("check that the server runs and that its certificate is trusted")
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > ANSWER_MAX {
            let text = format!("the answer of {url} is longer than 1 MiB");
            return Err(Failure::new(Exit::Failed, text));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() })
}

/// Runs `work` to its end on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
