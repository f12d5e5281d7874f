//! Reading bodies, with a bound on how much of them is held at once over all webhooks.
//!
//! What counts is what has come, not what was announced: whoever sends slowly, or says nothing more, takes room for what he
//! sent. The first [`FREE_BYTES`] of each body need no room at all, because connections are bounded: however many strangers
//! hold large bodies open, the short request of a sender is read.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::WEBHOOK_BODY_MAX_BYTES;
use super::refusal::Refusal;

/// Large bodies held at once, over all webhooks: so many megabytes.
pub const BODIES_AT_ONCE_MAX: usize = 64;

/// What is read of a body without asking for room, and the unit of room, in bytes.
const FREE_BYTES: usize = 16 * 1024;

/// How long a body may take to arrive, in seconds.
const BODY_SECONDS_MAX: u64 = 10;

/// The room for bodies.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Semaphore>);

/// A body, and the room it takes until the request is answered.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Room for [`BODIES_AT_ONCE_MAX`] of the largest bodies.
    pub(super) fn new() -> Self {
        Self::of_units(BODIES_AT_ONCE_MAX.saturating_mul(WEBHOOK_BODY_MAX_BYTES / FREE_BYTES))
    }

    fn of_units(units: usize) -> Self {
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Reads a body to its end.
    pub(super) async fn read(&self, request: Request) -> Result<Body, Refusal> {
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > WEBHOOK_BODY_MAX_BYTES as u64) {
            return Err(Refusal::TooLarge);
        }
        match timeout(Duration::from_secs(BODY_SECONDS_MAX), self.gather(request)).await {
            Ok(body) => body,
            Err(_elapsed) => Err(Refusal::SlowBody),
        }
    }

    async fn gather(&self, request: Request) -> Result<Body, Refusal> {
        let mut parts = request.into_body().into_data_stream();
        let mut body = Body { bytes: Vec::new(), room: None };
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_broken| Refusal::BrokenBody)?;
            let length = body.bytes.len().saturating_add(part.len());
            if length > WEBHOOK_BODY_MAX_BYTES {
                return Err(Refusal::TooLarge);
            }
            self.make_room(&mut body, length)?;
            body.bytes.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn make_room(&self, body: &mut Body, length: usize) -> Result<(), Refusal> {
        let wanted = length.saturating_sub(1) / FREE_BYTES;
        let held = body.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        // Bounded by the largest body: it fits.
        let more = u32::try_from(wanted.saturating_sub(held)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(|_none_free| Refusal::Busy)?;
        match &mut body.room {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: usize) -> Request {
        Request::new(axum::body::Body::from(vec![b' '; length]))
    }

    #[tokio::test]
    async fn a_short_body_is_read_however_many_large_ones_are_held() {
        let places = Places::of_units(3);
        let large = places.read(request(3 * FREE_BYTES)).await.unwrap();
        assert_eq!(places.0.available_permits(), 1, "the first part of it is free");
        assert_eq!(places.read(request(3 * FREE_BYTES)).await.unwrap_err(), Refusal::Busy);
        let short: Vec<_> =
            futures_util::future::join_all((0..100).map(|_| places.read(request(FREE_BYTES)))).await;
        assert!(short.iter().all(|body| body.as_ref().unwrap().bytes.len() == FREE_BYTES));
        drop(large);
        assert_eq!(places.0.available_permits(), 3, "room is given back");
        assert!(places.read(request(3 * FREE_BYTES)).await.is_ok());
    }

    #[tokio::test]
    async fn the_largest_body_fits_and_one_byte_more_does_not() {
        let places = Places::new();
        assert_eq!(
            places.read(request(WEBHOOK_BODY_MAX_BYTES)).await.unwrap().bytes.len(),
            WEBHOOK_BODY_MAX_BYTES
        );
        assert_eq!(places.read(request(WEBHOOK_BODY_MAX_BYTES + 1)).await.unwrap_err(), Refusal::TooLarge);
        let announced =
            Request::builder().header("content-length", "104857600").body(axum::body::Body::empty());
        assert_eq!(places.read(announced.unwrap()).await.unwrap_err(), Refusal::TooLarge);
    }
}
