//! One instance: connected, heard, and how it is doing.
//!
//! Never ends by itself. The library connects again on its own after a loss; what it does not do, an ear does: it says
//! so in health at once, looks for the stream anew, and tells the desk where something may have been said unheard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::{Client, ConnectOptions, Event, jetstream};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, timeout};

use super::desk::Heard;
use super::login;
use crate::clock::SharedClock;
use crate::domain::nats::NatsInstance;
use crate::feeds::health::SharedHealth;

/// Messages the server may have open with us: more than claims can wait.
const ACKS_PENDING_MAX: i64 = 5_000;

/// How often the server is asked whether it still knows us.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long it may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The first and the longest pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// How often a feed without a stream looks whether there is one by now.
const STREAM_EVERY: u32 = 15;

pub(super) struct Ear<'a> {
    pub(super) index: usize,
    pub(super) instance: &'a NatsInstance,
    pub(super) part: String,
    pub(super) durable: &'a str,
    pub(super) lossy: bool,
    pub(super) ack_wait: Duration,
    pub(super) health: SharedHealth,
    pub(super) clock: &'a SharedClock,
    pub(super) heard: mpsc::Sender<Heard>,
}

/// Why listening has to begin anew.
enum Again {
    /// Something failed; it is in health already.
    Failed,
    /// A stream appeared that holds the subject.
    Stream,
}

/// What the library told us last that a person has to know.
type Told = Arc<Mutex<Option<String>>>;

impl Ear<'_> {
    pub(super) async fn listen(self) {
        let mut pause = PAUSE;
        loop {
            let told = Told::default();
            match self.connect(&told).await {
                Ok(client) => {
                    pause = PAUSE;
                    self.stay(&client, &told).await;
                }
                Err(why) => self.failed(why),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
        }
    }

    fn failed(&self, why: impl std::fmt::Display) {
        self.health.failed(&self.part, format!("{}: {why}", self.part));
    }

    async fn connect(&self, told: &Told) -> Result<Client, String> {
        let seen = Arc::clone(told);
        let options = ConnectOptions::new()
            .name("redhandle")
            .connection_timeout(ANSWER_MAX)
            .request_timeout(Some(ANSWER_MAX))
            .event_callback(move |event| {
                let seen = Arc::clone(&seen);
                async move {
                    let word = match event {
                        Event::ServerError(error) => Some(format!("the server says: {error}")),
                        Event::SlowConsumer(_) => Some(DROPPED.to_owned()),
                        // Why the last connection ended is no trouble of this one.
                        Event::Connected => {
                            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                            *seen = seen.take().filter(|word| word == DROPPED);
                            None
                        }
                        Event::Disconnected
                        | Event::LameDuckMode
                        | Event::Draining
                        | Event::Closed
                        | Event::ClientError(_) => None,
                    };
                    if let Some(word) = word {
                        *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(word);
                    }
                }
            });
        login::connect(self.instance, options).await
    }

    /// Listens until the connection is better made anew.
    async fn stay(&self, client: &Client, told: &Told) {
        let context = jetstream::new(client.clone());
        loop {
            let again = match self.consumer(client, &context).await {
                Ok(consumer) => self.hear_stream(client, &consumer, told).await,
                Err(no_stream) => self.hear_plainly(client, &context, told, &no_stream).await,
            };
            match again {
                Again::Stream => {}
                Again::Failed => return,
            }
        }
    }

    /// Our place on the stream that holds the subject, or why there is none.
    async fn consumer(&self, client: &Client, context: &jetstream::Context) -> Result<PullConsumer, String> {
        let subject = &self.instance.subject;
        if !client.try_server_info().is_some_and(|info| info.jetstream) {
            return Err("the server has no JetStream".to_owned());
        }
        let stream = match &self.instance.stream {
            Some(stream) => stream.clone(),
            None => {
                let named = timeout(ANSWER_MAX, context.stream_by_subject(subject.as_str())).await;
                let named =
                    named.map_err(|_elapsed| "the server does not say which stream holds it".to_owned())?;
                named.map_err(|error| format!("no JetStream stream holds {subject} ({error})"))?
            }
        };
        let config = pull::Config {
            durable_name: Some(self.durable.to_owned()),
            description: Some("redhandle: acknowledged after commit".to_owned()),
            // From the stream's beginning: what is too old does not count, and what was heard before is known.
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            // Until it is accepted: what cannot be read is accepted, as such.
            max_deliver: -1,
            max_ack_pending: ACKS_PENDING_MAX,
            filter_subject: subject.clone(),
            ..pull::Config::default()
        };
        let made = timeout(ANSWER_MAX, context.create_consumer_on_stream(config, stream.as_str())).await;
        let made = made.map_err(|_elapsed| format!("stream {stream} does not answer"))?;
        made.map_err(|error| format!("stream {stream} gives us no place: {error}"))
    }

    async fn hear_stream(&self, client: &Client, consumer: &PullConsumer, told: &Told) -> Again {
        let messages = consumer.stream().max_messages_per_batch(200).heartbeat(LOOK_EVERY).messages().await;
        let mut messages = match messages {
            Ok(messages) => messages,
            Err(error) => {
                self.failed(error);
                return Again::Failed;
            }
        };
        let mut look = looks();
        loop {
            tokio::select! {
                next = messages.next() => match next {
                    Some(Ok(message)) => {
                        let place = message.info().ok().map(|info| {
                            (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1))
                        });
                        let (message, acker) = message.split();
                        self.tell(Heard::Message {
                            instance: self.index,
                            payload: message.payload,
                            acker: Some(Box::new(acker)),
                            sequence: place.map(|(sequence, _)| sequence),
                            delivered: place.map_or(1, |(_, delivered)| delivered),
                        }).await;
                    }
                    Some(Err(error)) => {
                        self.failed(error);
                        return Again::Failed;
                    }
                    None => {
                        self.failed("the stream was closed");
                        return Again::Failed;
                    }
                },
                _ = look.tick() => {
                    match self.trouble(client, told) {
                        Some(why) => self.failed(why),
                        None => match timeout(ANSWER_MAX, consumer.get_info()).await {
                            Ok(Ok(_)) => self.health.ok(&self.part, self.clock.now()),
                            Ok(Err(error)) => {
                                self.failed(format!("the server does not know our place any more: {error}"));
                                return Again::Failed;
                            }
                            Err(_elapsed) => self.failed("the server does not answer"),
                        },
                    }
                }
            }
        }
    }

    /// Hears what is said while we listen. Loses the rest, and says so.
    async fn hear_plainly(
        &self,
        client: &Client,
        context: &jetstream::Context,
        told: &Told,
        no_stream: &str,
    ) -> Again {
        let mut messages = match client.subscribe(self.instance.subject.clone()).await {
            Ok(messages) => messages,
            Err(error) => {
                self.failed(error);
                return Again::Failed;
            }
        };
        let (mut look, mut looked, mut away) = (looks(), 0_u32, false);
        loop {
            tokio::select! {
                next = messages.next() => match next {
                    Some(message) => {
                        self.tell(Heard::Message {
                            instance: self.index,
                            payload: message.payload,
                            acker: None,
                            sequence: None,
                            delivered: 1,
                        }).await;
                    }
                    None => {
                        self.failed("the subscription was closed");
                        return Again::Failed;
                    }
                },
                _ = look.tick() => {
                    looked = looked.wrapping_add(1);
                    let trouble = self.trouble(client, told);
                    let connected = client.connection_state() == State::Connected;
                    if trouble.as_deref() == Some(DROPPED) {
                        self.gap(DROPPED).await;
                    } else if connected && away {
                        self.gap("the connection was lost for a while, and what was said meanwhile was not heard").await;
                    }
                    away = !connected;
                    if let Some(why) = trouble {
                        self.failed(why);
                        continue;
                    }
                    match timeout(ANSWER_MAX, client.flush()).await {
                        Ok(Ok(())) if self.lossy => self.health.ok(&self.part, self.clock.now()),
                        Ok(Ok(())) => self.failed(format!(
                            "heard over a plain subscription, which loses what is said while we are away: {no_stream}; \
                             make a stream, or say lossy = true"
                        )),
                        Ok(Err(error)) => self.failed(error),
                        Err(_elapsed) => self.failed("the server does not answer"),
                    }
                    if !self.lossy && looked.is_multiple_of(STREAM_EVERY) && self.consumer(client, context).await.is_ok() {
                        return Again::Stream;
                    }
                }
            }
        }
    }

    /// What is wrong with the connection. Said once by the library, it is said on until the connection is made anew;
    /// messages that were dropped are told once, as a gap.
    fn trouble(&self, client: &Client, told: &Told) -> Option<String> {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let without = match client.connection_state() {
            State::Connected => None,
            State::Pending => Some("is connecting"),
            State::Disconnected => Some("the connection is lost; it is tried again"),
        };
        if let Some(without) = without {
            let said = told.as_deref().filter(|word| *word != DROPPED);
            let more = said.and_then(|_| login::ended(self.instance));
            let parts = [Some(without), said, more.as_deref()];
            return Some(parts.into_iter().flatten().collect::<Vec<_>>().join("; "));
        }
        if told.as_deref() == Some(DROPPED) { told.take() } else { told.clone() }
    }

    async fn gap(&self, what: &str) {
        self.tell(Heard::Gap { reason: format!("{}: {what}", self.part) }).await;
    }

    async fn tell(&self, heard: Heard) {
        // A desk that is gone ends the feed.
        self.heard.send(heard).await.ok();
    }
}

/// What is told when the library threw messages away because we were too slow.
const DROPPED: &str = "messages came faster than they could be read, and some were not heard";

fn looks() -> tokio::time::Interval {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look
}
