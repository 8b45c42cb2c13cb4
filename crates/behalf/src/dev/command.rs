//! The command itself: start, say so, wait, stop.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use behalf_server::{
    admin_socket::{AdminSocket, SOCKET},
    clock::{SharedClock, SystemClock},
    entropy::{SharedEntropy, SystemEntropy},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    signal::unix::{SignalKind, signal},
};

use super::{
    Args,
    banner::{Told, banner},
    folder::DevFolder,
    instance::{Instance, Setup},
    instances, port,
};
use crate::{environment::Environment, failure::Failure, output};

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    if !args.bind.is_loopback() && !args.random_secrets {
        return Err(Failure::usage(format!(
            "--bind {} lets others reach this instance, whose secrets everybody knows",
            args.bind
        ))
        .fix(format!("behalf dev --bind {} --random-secrets", args.bind))
        .into());
    }
    let clock: SharedClock = Arc::new(SystemClock::new());
    let entropy: SharedEntropy = Arc::new(SystemEntropy);
    let addresses = port::claim(args.bind, args.port)?;
    let dev_folder = DevFolder::open(environment)?;
    let setup = Setup {
        addresses,
        dev_folder: dev_folder.path(),
        data: args.data.as_deref(),
        random_secrets: args.random_secrets,
        tell: io::stderr().is_terminal() && !args.json,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let instance = Instance::start(&setup, (clock, entropy)).await?;
        let served = until_stopped(args, environment, (&setup, &instance)).await;
        let stopped = instance.stop().await;
        served.and(stopped)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn until_stopped(
    args: &Args,
    environment: &Environment,
    (setup, instance): (&Setup<'_>, &Instance),
) -> anyhow::Result<()> {
    let ready = &instance.ready;
    // Before anything is said: whoever reads it may stop this process at once.
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let port = setup.addresses.first().map_or(0, std::net::SocketAddr::port);
    let admin = admin_socket(setup, port)?;
    answers(&ready.management_url).await.context("the server does not get ready")?;
    let _registered = instances::register(setup.dev_folder, port, ready)
        .context("cannot list this instance in the dev folder")?;
    if let Some(path) = &args.ready_file {
        ready.write(path).map_err(|cause| Failure::path(path, "write the ready file", &cause))?;
    }
    if args.json {
        output::result(&ready.line()?)?;
    } else {
        let data = setup.data.map(std::path::absolute).transpose()?;
        let told = Told {
            ready,
            data: data.as_deref(),
            exposed: !args.bind.is_loopback(),
            home: environment.path("HOME"),
            style: output::Style::of_stdout(environment),
        };
        output::result(&banner(&told))?;
    }
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        () = instance.background() => Ok(()),
        ended = serve_admin(admin, instance) => Ok(ended?),
        () = instance.ended() => Err(anyhow::anyhow!("the server stopped by itself")),
    }
}

/// The socket for `apply`, `tenant`, `key` and `log`: in the data folder, or else beside the
/// instance's entry, where a link leads to it. A path too long for a socket costs these commands
/// and nothing else.
fn admin_socket(setup: &Setup<'_>, port: u16) -> anyhow::Result<Option<AdminSocket>> {
    let folder = instances::make_folder(setup.dev_folder, port)
        .context("cannot make the instance's folder in the dev folder")?;
    let bound = match setup.data {
        None => AdminSocket::bind(&folder),
        Some(data) => {
            let data = std::path::absolute(data)?;
            std::os::unix::fs::symlink(data.join(SOCKET), folder.join(SOCKET))
                .context("cannot link to the admin socket")?;
            AdminSocket::bind(&data)
        }
    };
    match bound {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => {
            output::note(&format!("warning: apply, tenant, key and log will not work: {error}"));
            Ok(None)
        }
    }
}

async fn serve_admin(socket: Option<AdminSocket>, instance: &Instance) -> io::Result<()> {
    match socket {
        Some(socket) => socket.serve(Arc::clone(&instance.server), std::future::pending()).await,
        None => std::future::pending().await,
    }
}

/// Waits until `/readyz` is 200.
async fn answers(management_url: &str) -> anyhow::Result<()> {
    let address = management_url.trim_start_matches("http://");
    let mut last = String::new();
    for _ in 0..100 {
        last = status_line(address).await?;
        if last.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("/readyz answered {last:?}")
}

async fn status_line(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
