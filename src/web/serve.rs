//! Serving until told to stop, and letting running requests finish.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long running requests have to finish once the agent stops.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How serving ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Fully,
    /// Some were still running after [`DRAIN_MAX`] and were cut off.
    CutOff,
}

/// Serves `router` until `stop` holds `true` or its sender is gone, then takes nothing new and waits for what is
/// running.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: watch::Receiver<bool>,
) -> Result<Drained, io::Error> {
    serve_with(listener, router, stop, DRAIN_MAX).await
}

pub(super) async fn serve_with(
    listener: TcpListener,
    router: Router,
    stop: watch::Receiver<bool>,
    drain_max: Duration,
) -> Result<Drained, io::Error> {
    let server = axum::serve(listener, router).with_graceful_shutdown(stopped(stop.clone()));
    let deadline = async {
        stopped(stop).await;
        tokio::time::sleep(drain_max).await;
    };
    tokio::select! {
        served = server => served.map(|()| Drained::Fully),
        () = deadline => Ok(Drained::CutOff),
    }
}

/// A sender that is gone cannot say "stop" any more: that is one, too.
async fn stopped(mut stop: watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
}
