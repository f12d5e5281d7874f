//! Where what all instances said comes together: read, counted, delivered, acknowledged.
//!
//! A message is acknowledged when everything in it was committed: as an alert, as part of one that others claim too,
//! or as a rejected item. It is handed back when anything of it was refused.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use axum::body::Bytes;
use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::NatsSettings;
use super::tally::{Counted, HandleId, Replaced, Settled, Tally};
use crate::clock::SharedClock;
use crate::domain::alert::Alert;
use crate::feeds::delivery::{Outcome, Rejected};
use crate::feeds::health::Brought;
use crate::feeds::outbox::{FeedEnd, Outbox};

/// Messages of one delivery.
const BATCH_MESSAGES_MAX: usize = 200;

/// How often claims that wait are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest pause before a message that was refused comes again, in seconds.
const HAND_BACK_SECONDS_MAX: u64 = 30;

/// The desk's part in the feed's health.
const PART: &str = "deliveries";

/// What an instance tells the desk.
pub(super) enum Heard {
    /// Somebody published something.
    Message {
        instance: usize,
        payload: Bytes,
        /// How to acknowledge it; none on a plain subscription.
        acker: Option<Box<Acker>>,
        /// Its number in the stream.
        sequence: Option<u64>,
        /// How often it was delivered, this time included.
        delivered: u64,
    },
    /// Something was said that we did not hear, or may have been.
    Gap {
        /// What to tell people.
        reason: String,
    },
}

/// A message that is not acknowledged yet.
struct Handle {
    acker: Option<Box<Acker>>,
    delivered: u64,
    /// Parts of it that are not settled.
    open: usize,
    refused: bool,
}

/// Something to be delivered, and the messages that brought it.
struct Ready {
    item: Result<Alert, Rejected>,
    handles: Vec<HandleId>,
}

pub(super) struct Desk<'a> {
    settings: &'a NatsSettings,
    clock: &'a SharedClock,
    outbox: Outbox,
    tally: Tally,
    handles: BTreeMap<HandleId, Handle>,
    next: HandleId,
    /// Whether the last delivery was refused.
    refused: bool,
}

impl<'a> Desk<'a> {
    pub(super) fn new(settings: &'a NatsSettings, outbox: Outbox, clock: &'a SharedClock) -> Self {
        let within = SignedDuration::try_from(settings.bus.quorum_within).unwrap_or(SignedDuration::MAX);
        let tally = Tally::new(settings.bus.quorum, within);
        Self { settings, clock, outbox, tally, handles: BTreeMap::new(), next: 0, refused: false }
    }

    /// Works until the feed has to end.
    pub(super) async fn work(mut self, mut heard: mpsc::Receiver<Heard>) -> FeedEnd {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Instant::now();
        loop {
            let mut batch = Vec::new();
            let ready = tokio::select! {
                _count = heard.recv_many(&mut batch, BATCH_MESSAGES_MAX) => {
                    let mut ready: Vec<Ready> = Vec::new();
                    for one in batch {
                        self.read(one, &mut ready).await;
                    }
                    if self.tally.is_over() {
                        ready.extend(self.given_up());
                    }
                    ready
                }
                _ = look.tick() => {
                    if !self.refused {
                        self.outbox.health.ok(PART, self.clock.now());
                    }
                    // Well before the server would deliver once more what waits for others.
                    if told.elapsed() >= self.settings.ack_wait / 4 {
                        told = Instant::now();
                        self.tell_progress().await;
                    }
                    self.given_up()
                }
            };
            if let Err(end) = self.deliver(ready).await {
                return end;
            }
        }
    }

    /// Reads one message, and counts what it says.
    async fn read(&mut self, heard: Heard, ready: &mut Vec<Ready>) {
        let (instance, payload, acker, sequence, delivered) = match heard {
            Heard::Message { instance, payload, acker, sequence, delivered } => {
                (instance, payload, acker, sequence, delivered)
            }
            Heard::Gap { reason } => {
                ready.push(Ready { item: Err(Rejected::new(None, reason, b"")), handles: Vec::new() });
                return;
            }
        };
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let read = self.settings.reading.read(&payload, self.settings.bus.authenticated, self.clock.now());
        let parts: Vec<_> = match read {
            Ok(parts) => parts.into_iter().map(|part| (part.alert, part.raw)).collect(),
            Err(malformed) => vec![(Err(malformed), payload.to_vec())],
        };
        // What comes again because it could not be written was counted.
        if delivered == 1
            && let Some(instance) = self.settings.bus.instances.get(instance)
        {
            let brought = Brought::of(parts.iter().map(|(alert, _)| alert.is_ok()));
            self.outbox.health.read(&super::part(instance), brought);
        }
        // One part more than there are, so that it is not acknowledged while it is being read.
        let open = parts.len().saturating_add(1);
        self.handles.insert(id, Handle { acker, delivered, open, refused: false });
        for (alert, raw) in parts {
            match alert {
                Ok(alert) if self.settings.bus.quorum > 1 => {
                    self.count(instance, (id, sequence), alert, &raw, ready).await;
                }
                Ok(alert) => ready.push(Ready { item: Ok(alert), handles: vec![id] }),
                Err(malformed) => {
                    let item = Err(Rejected::malformed(None, malformed, &raw));
                    ready.push(Ready { item, handles: vec![id] });
                }
            }
        }
        self.settle(id, true).await;
    }

    async fn count(
        &mut self,
        instance: usize,
        message: (HandleId, Option<u64>),
        alert: Alert,
        raw: &[u8],
        ready: &mut Vec<Ready>,
    ) {
        match self.tally.count(instance, message, alert, raw, self.clock.now()) {
            Counted::Waits { replaced: None } => {}
            Counted::Waits { replaced: Some(Replaced::Repetition(older)) } => self.settle(older, true).await,
            Counted::Waits { replaced: Some(Replaced::SameMessage(older)) } => {
                self.handles.remove(&older);
            }
            Counted::Known => self.settle(message.0, true).await,
            Counted::Believed(settled) => {
                let Settled { mut alert, by, handles, .. } = *settled;
                alert.metadata.insert("instances".to_owned(), self.names(&by).into());
                ready.push(Ready { item: Ok(alert), handles });
            }
        }
    }

    /// Claims that too few instances made, as items for the quarantine.
    fn given_up(&mut self) -> Vec<Ready> {
        let given_up = self.tally.give_up(self.clock.now());
        let item = |settled: Settled| {
            let reason = format!(
                "only {} of {} instances made this claim ({}), and {} are needed: it is no alert",
                settled.by.len(),
                self.settings.bus.instances.len(),
                self.names(&settled.by),
                self.settings.bus.quorum,
            );
            Ready { item: Err(Rejected::new(None, reason, &settled.raw)), handles: settled.handles }
        };
        given_up.into_iter().map(item).collect()
    }

    fn names(&self, by: &[usize]) -> String {
        let names = by.iter().filter_map(|index| self.settings.bus.instances.get(*index));
        names.map(|instance| instance.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Delivers; what was heard over a stream is handed back when it is refused, the rest is held until it is taken.
    async fn deliver(&mut self, ready: Vec<Ready>) -> Result<(), FeedEnd> {
        if ready.is_empty() {
            return Ok(());
        }
        let items: Vec<_> = ready.iter().map(|ready| ready.item.clone()).collect();
        let comes_again = |ready: &Ready| {
            let has_acker = |id| self.handles.get(id).is_some_and(|handle| handle.acker.is_some());
            !ready.handles.is_empty() && ready.handles.iter().all(has_acker)
        };
        let taken = if ready.iter().all(comes_again) {
            match self.outbox.hand_over_once(PART, items).await? {
                Outcome::Accepted => true,
                Outcome::Refused(_) | Outcome::Lost => false,
            }
        } else {
            self.outbox.hand_over(PART, items, None).await?;
            true
        };
        self.refused = !taken;
        for Ready { item, handles } in ready {
            if let (true, Ok(alert)) = (taken && self.settings.bus.quorum > 1, &item) {
                self.tally.committed(alert);
            }
            for id in handles {
                self.settle(id, taken).await;
            }
        }
        Ok(())
    }

    /// A part of a message is settled; with the last of them the server hears.
    async fn settle(&mut self, id: HandleId, taken: bool) {
        let Some(handle) = self.handles.get_mut(&id) else { return };
        handle.open = handle.open.saturating_sub(1);
        handle.refused |= !taken;
        if handle.open > 0 {
            return;
        }
        let Some(Handle { acker: Some(acker), delivered, refused, .. }) = self.handles.remove(&id) else {
            return;
        };
        let kind = if refused {
            let exponent = u32::try_from(delivered.saturating_sub(1)).unwrap_or(u32::MAX).min(6);
            let seconds = 2_u64.saturating_pow(exponent).min(HAND_BACK_SECONDS_MAX);
            AckKind::Nak(Some(Duration::from_secs(seconds)))
        } else {
            AckKind::Ack
        };
        // One that does not arrive makes the message come again: it is known by its hash then.
        if let Err(error) = acker.ack_with(kind).await {
            tracing::debug!(feed = %self.outbox.feed, %error, "a message could not be acknowledged");
        }
    }

    async fn tell_progress(&self) {
        for id in self.tally.held() {
            if let Some(Handle { acker: Some(acker), .. }) = self.handles.get(&id)
                && let Err(error) = acker.ack_with(AckKind::Progress).await
            {
                tracing::debug!(feed = %self.outbox.feed, %error, "the server could not be told to wait");
            }
        }
    }
}
