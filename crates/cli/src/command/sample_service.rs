//! `sample-service`: one instance of the todo application.

use std::future::Future;

use anyhow::Context;
use equipoise_sample_service::{ServeError, Service};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::args::InstanceArgs;
use crate::failure::{Code, Failure};
use crate::output::to_stdout;

pub(crate) fn run(arguments: &InstanceArgs) -> Result<(), Failure> {
    // An instance stands for a small machine: two threads, whatever this one has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("starting the runtime")?.block_on(serve(arguments))
}

async fn serve(arguments: &InstanceArgs) -> Result<(), Failure> {
    // Before the port is printed: whoever reads it may end us at once.
    let end = end(arguments.until_stdin_ends)?;
    let service = Service::start(arguments.options()).await.map_err(|error| match error {
        ServeError::Bind { .. } => Failure::new(Code::Failed, error).hint("take another with --port, or 0 for any"),
        _ => Failure::new(Code::Failed, error),
    })?;
    to_stdout(&format!("{} listening on http://{}\n", service.name(), service.address()))?;
    service.run(end).await.map_err(|error| Failure::new(Code::Failed, error))
}

/// Completes with the first TERM, INT or QUIT, or the end of standard input when that is the leash.
fn end(with_stdin: bool) -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen = |kind| signal(kind).context("listening for signals");
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let mut quit = listen(SignalKind::quit())?;
    let stdin = with_stdin.then(stdin_end).transpose().context("watching standard input")?;
    Ok(async move {
        let stdin = async {
            match stdin {
                // An error means that the thread is gone, and with it the leash: end as well.
                Some(ended) => ended.await.unwrap_or(()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = quit.recv() => {}
            () = stdin => {}
        }
    })
}

/// A thread of its own: the runtime's standard input would keep the process from ending.
fn stdin_end() -> std::io::Result<oneshot::Receiver<()>> {
    let (sender, ended) = oneshot::channel();
    std::thread::Builder::new().name("leash".to_owned()).spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = sender.send(());
    })?;
    Ok(ended)
}
