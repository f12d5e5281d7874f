//! How many connections there are, and how long one may be without an answer.
//!
//! Every request is answered within `REQUEST_MAX` by the layers above. A connection to which nothing was written for
//! longer than that sends its headers a byte at a time, does not read what it asked for, or has nothing to say: it is
//! closed. Without this a few hundred clients that say nothing would keep out everybody else.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at once; whoever comes then waits to be let in.
pub const CONNECTIONS_MAX: usize = 512;

/// A listener that lets in so many at once, none of them for ever.
#[derive(Debug)]
pub(super) struct Bounded<L> {
    listener: L,
    places: Arc<Semaphore>,
    patience: Duration,
}

impl<L> Bounded<L> {
    pub(super) fn new(listener: L, connections: usize, patience: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections)), patience }
    }
}

impl<L: Listener> Listener for Bounded<L> {
    type Io = Patient<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The semaphore is never closed; were it, nobody would be counted any more.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (io, address) = self.listener.accept().await;
        (
            Patient { io, late: Box::pin(sleep(self.patience)), patience: self.patience, _place: place },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that fails when nothing was written to it for too long.
#[derive(Debug)]
pub(super) struct Patient<S> {
    io: S,
    late: Pin<Box<Sleep>>,
    patience: Duration,
    _place: Option<OwnedSemaphorePermit>,
}

impl<S: Unpin> Patient<S> {
    /// What to answer instead of "not yet".
    fn not_yet<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        match self.late.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }

    fn written(&mut self) {
        let deadline = Instant::now().checked_add(self.patience);
        if let Some(deadline) = deadline {
            self.late.as_mut().reset(deadline);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Also before what came: a byte now and then is no excuse.
        if let Poll::Ready(Err(late)) = self.not_yet::<()>(context) {
            return Poll::Ready(Err(late));
        }
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.io).poll_write(context, bytes) {
            Poll::Ready(Ok(count)) => {
                self.written();
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.not_yet(context),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(600);

    /// Serves "here" beside the test, two connections at once.
    async fn served(test: impl AsyncFnOnce(std::net::SocketAddr)) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let server = axum::serve(Bounded::new(listener, 2, PATIENCE), router);
        tokio::select! {
            ended = async { server.await } => panic!("the server ended: {ended:?}"),
            () = test(address) => {}
        }
    }

    async fn ask(stream: &mut TcpStream) -> Option<String> {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.ok()?;
        let mut answer = vec![0; 4096];
        let count = stream.read(&mut answer).await.ok()?;
        answer.truncate(count);
        (count > 0).then(|| String::from_utf8(answer).unwrap())
    }

    #[tokio::test]
    async fn headers_that_come_a_byte_at_a_time_do_not_keep_a_connection() {
        served(async |address| {
            let mut slow = TcpStream::connect(address).await.unwrap();
            let trickle = async {
                for byte in b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ".iter().chain(std::iter::repeat(&b'x'))
                {
                    if slow.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), trickle).await.expect("it was let go on");
        })
        .await;
    }

    #[tokio::test]
    async fn who_comes_when_it_is_full_is_let_in_when_a_place_is_free() {
        served(async |address| {
            let first = TcpStream::connect(address).await.unwrap();
            let mut second = TcpStream::connect(address).await.unwrap();
            assert!(ask(&mut second).await.unwrap().contains("here"));
            let mut third = TcpStream::connect(address).await.unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(30), ask(&mut third)).await;
            assert!(answer.expect("never let in").unwrap().contains("here"), "the silent ones were closed");
            drop(first);
        })
        .await;
    }

    #[tokio::test]
    async fn a_connection_that_is_answered_stays() {
        served(async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for _ in 0..4 {
                tokio::time::sleep(PATIENCE / 2).await;
                assert!(ask(&mut stream).await.unwrap().contains("here"));
            }
        })
        .await;
    }
}
