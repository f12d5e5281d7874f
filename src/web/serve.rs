//! Serving until told to stop, and letting running requests finish.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::REQUEST_MAX;
use super::limits::{Bounded, CONNECTIONS_MAX};

/// How long a connection may be without an answer: longer than any request takes.
const PATIENCE: Duration = Duration::from_secs(REQUEST_MAX.as_secs() + 10);

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

async fn serve_with(
    listener: TcpListener,
    router: Router,
    stop: watch::Receiver<bool>,
    drain_max: Duration,
) -> Result<Drained, io::Error> {
    let listener = Bounded::new(listener, CONNECTIONS_MAX, PATIENCE);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::routing::get;

    use super::*;

    /// Starts a server with one slow route, asks it, says "stop", and tells how both ended.
    async fn stop_during(request: Duration, drain_max: Duration) -> (Drained, Option<u16>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slow", listener.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        let begun = Arc::new(tokio::sync::Notify::new());
        let tell = begun.clone();
        let slow = get(move || async move {
            tell.notify_one();
            tokio::time::sleep(request).await;
            "done"
        });
        let server = serve_with(listener, Router::new().route("/slow", slow), stopped, drain_max);
        let client = crate::http::client(Duration::from_secs(10)).unwrap();
        let ask = async {
            let asked = client.get(&url).send();
            let (answer, ()) = tokio::join!(asked, async {
                begun.notified().await;
                stop.send(true).unwrap();
            });
            answer.ok().map(|answer| answer.status().as_u16())
        };
        tokio::pin!(ask);
        let mut early = None;
        let drained = tokio::select! {
            drained = server => drained.unwrap(),
            answer = &mut ask => {
                early = Some(answer);
                Drained::Fully
            }
        };
        match early {
            Some(answer) => (drained, answer),
            None if drained == Drained::Fully => (drained, ask.await),
            None => (drained, None),
        }
    }

    #[tokio::test]
    async fn a_running_request_is_answered_before_the_server_ends() {
        let ended = stop_during(Duration::from_millis(100), Duration::from_secs(5)).await;
        assert_eq!(ended, (Drained::Fully, Some(200)));
    }

    #[tokio::test]
    async fn a_request_without_end_does_not_keep_the_server() {
        let ended = stop_during(Duration::from_secs(60), Duration::from_millis(100)).await;
        assert_eq!(ended, (Drained::CutOff, None));
    }

    #[tokio::test]
    async fn a_lost_stop_signal_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (stop, stopped) = watch::channel(false);
        drop(stop);
        assert_eq!(serve(listener, Router::new(), stopped).await.unwrap(), Drained::Fully);
    }
}
