//! Connections that can break in the middle of a response.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::Shared;

/// Accepts connections that obey [`super::Misbehaviour::cut_after_bytes`].
pub(super) struct CuttingListener {
    listener: TcpListener,
    shared: Shared,
}

impl CuttingListener {
    pub(super) fn new(listener: TcpListener, shared: Shared) -> Self {
        Self { listener, shared }
    }
}

impl Listener for CuttingListener {
    type Io = CuttingStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (CuttingStream { stream, shared: self.shared.clone(), written: 0 }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection, and how much was written to it since the last request.
pub(super) struct CuttingStream {
    stream: TcpStream,
    shared: Shared,
    written: usize,
}

impl AsyncRead for CuttingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.written = 0;
        }
        polled
    }
}

impl AsyncWrite for CuttingStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let max = self.shared.lock().misbehaviour.cut_after_bytes;
        let left = max.map_or(buf.len(), |max| max.saturating_sub(self.written));
        let allowed = buf.get(..left).unwrap_or(buf);
        if allowed.is_empty() && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, allowed);
        if let Poll::Ready(Ok(written)) = polled {
            self.written = self.written.saturating_add(written);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
