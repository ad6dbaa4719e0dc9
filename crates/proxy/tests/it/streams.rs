//! Targets that speak HTTP/2, and do on each stream what a test says.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};

/// One request on one stream.
pub(crate) struct Call {
    pub(crate) request: Request<RecvStream>,
    pub(crate) reply: SendResponse<Bytes>,
    /// Which of the target's connections it came on, from 0.
    pub(crate) connection: usize,
}

impl Call {
    pub(crate) fn path(&self) -> String {
        self.request.uri().path().to_owned()
    }

    /// Reads the body to its end: the data and the trailers.
    pub(crate) async fn read(&mut self) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
        read(self.request.body_mut()).await
    }

    /// Answers with the head alone, and gives what the rest is sent by.
    pub(crate) fn begin(&mut self) -> SendStream<Bytes> {
        self.reply.send_response(Response::new(()), false).unwrap()
    }

    /// Answers with a whole message.
    pub(crate) fn answer(&mut self, body: impl Into<Bytes>) {
        let mut stream = self.begin();
        let _ = stream.send_data(body.into(), true); // the other side may be gone
    }
}

pub(crate) async fn read(body: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok((all, body.trailers().await?))
}

/// A target that speaks HTTP/2.
pub(crate) struct StreamOrigin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl StreamOrigin {
    pub(crate) async fn new<F, S>(serve: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Call) -> F + Clone + Send + Sync + 'static,
    {
        Self::with(&Builder::new(), serve).await
    }

    /// With settings of its own.
    pub(crate) async fn with<F, S>(builder: &Builder, serve: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Call) -> F + Clone + Send + Sync + 'static,
    {
        let builder = builder.clone();
        Self::driving(move |stream, number| {
            let (builder, serve) = (builder.clone(), serve.clone());
            async move {
                if let Ok(mut connection) = builder.handshake(stream).await {
                    serve_all(&mut connection, number, serve).await;
                }
            }
        })
        .await
    }

    /// Runs `drive` for every connection, with its number.
    pub(crate) async fn driving<F, S>(drive: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(TcpStream, usize) -> F + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(drive(stream, count.fetch_add(1, SeqCst)));
            }
        });
        Self { address, connections, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

/// Runs `serve` for every stream until the connection ends.
pub(crate) async fn serve_all<F>(
    connection: &mut Connection<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, Bytes>,
    number: usize,
    serve: impl Fn(Call) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Some(Ok((request, reply))) = connection.accept().await {
        tokio::spawn(serve(Call { request, reply, connection: number }));
    }
}

impl Drop for StreamOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}
