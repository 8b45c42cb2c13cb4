//! Kept-alive TLS connections that send requests as bytes and read answers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context as _;
use rustls::{ClientConfig, RootCertStore, client::Resumption, pki_types::ServerName};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Where to, and whom to trust.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Target {
    /// Trusts every certificate of `ca_pem`.
    pub(crate) fn new(address: SocketAddr, ca_pem: &[u8]) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            roots.add(certificate.context("the CA file")?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: Arc::new(tls) })
    }

    /// Each connection is shown the server's certificate.
    pub(crate) fn without_resumption(mut self) -> Self {
        Arc::make_mut(&mut self.tls).resumption = Resumption::disabled();
        self
    }
}

/// One request as bytes.
pub(crate) fn post(path: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// One request as bytes.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// An answer's status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    pub(crate) body: Vec<u8>,
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> anyhow::Result<Self> {
        Self::over(target, TcpStream::connect(target.address).await?).await
    }

    /// From a loopback address of its own, as another machine's would be.
    pub(crate) async fn open_from(target: &Target, from: Ipv4Addr) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        Self::over(target, socket.connect(target.address).await?).await
    }

    async fn over(target: &Target, tcp: TcpStream) -> anyhow::Result<Self> {
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&target.tls));
        let stream = connector.connect(ServerName::try_from("localhost")?, tcp).await?;
        Ok(Self { stream, buffer: Vec::with_capacity(8192) })
    }

    /// The certificate that the server showed.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        let shown = self.stream.get_ref().1.peer_certificates()?;
        shown.first().map(AsRef::as_ref)
    }

    /// Whether anything of an answer to the last request came.
    pub(crate) fn heard(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Sends `request` and reads one answer with a `Content-Length`.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        Ok(self.ask_with_head(request).await?.0)
    }

    /// The same, with the status line and the headers as they came.
    pub(crate) async fn ask_with_head(&mut self, request: &[u8]) -> anyhow::Result<(Answer, &str)> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            anyhow::ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "closed by the server"
            );
        };
        let text = std::str::from_utf8(&self.buffer[..head])?;
        let status = text.get(9..12).context("no status line")?.parse()?;
        let header = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let length: usize = header("content-length").context("no Content-Length")?.parse()?;
        let retry_after = header("retry-after").is_some();
        while self.buffer.len() < head + length {
            anyhow::ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "cut off by the server"
            );
        }
        let body = self.buffer[head..head + length].to_vec();
        Ok((Answer { status, retry_after, body }, std::str::from_utf8(&self.buffer[..head])?))
    }
}
