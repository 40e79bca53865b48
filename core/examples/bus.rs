//! Measures what Redis carries: messages between two nodes beside bare PUBLISH, and what it keeps
//! of a user. Needs a Redis that nobody else uses.
#![allow(clippy::print_stdout, reason = "its figures")]

use std::time::{Duration, Instant};

use clap::Parser as _;
use futures_util::StreamExt as _;
use tebdil_core::realtime::{BusEvent, BusEvents, Device, Realtime, RealtimeSettings, Word};
use tebdil_protocol::{
    Secret,
    id::{SessionId, UserId},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Messages that may be under way: fewer than the bus queues.
const WINDOW: u32 = 8_000;

/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Beyond every id of a bench user, and as long as a real one.
const FIRST_ID: i64 = 1_000_000_000_000_000_000;

#[derive(clap::Parser)]
struct BusLoad {
    /// `redis://…`
    #[arg(long)]
    redis: String,
    /// Users with one device each.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: u32,
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    messages: u32,
    /// Bytes of a message.
    #[arg(long, default_value_t = 700)]
    bytes: usize,
}

impl BusLoad {
    async fn run(&self) -> Result<()> {
        let prefix = format!("bench:{}:", uuid::Uuid::new_v4().simple());
        let settings = RealtimeSettings {
            redis_url: Secret::from(self.redis.as_str()),
            prefix: prefix.clone(),
        };
        let mut redis = redis::Client::open(self.redis.as_str())?
            .get_multiplexed_async_connection()
            .await?;
        let (here, _events) = Realtime::connect(&settings, &mut rand::rng()).await?;
        let (there, mut events) = Realtime::connect(&settings, &mut rand::rng()).await?;

        let presence = there.presence.as_ref().expect("there is Redis");
        let before = used_memory(&mut redis).await?;
        let start = Instant::now();
        for number in 0..self.users {
            let device = Device {
                user: user(number),
                session: SessionId(user(number).0 + 1),
                connection: number.into(),
            };
            presence.join(device, 5, None).await?;
            presence.announce(device.user, Word::News, &[]).await?;
        }
        let joined = start.elapsed().as_secs_f64() * 1e6 / f64::from(self.users);
        let memory = (used_memory(&mut redis).await? - before) / f64::from(self.users);
        println!(
            "bus: {} users, {memory:.0} bytes of Redis each, joined and announced in {joined:.0} µs each",
            self.users
        );

        let ours = self.through(&here, &mut events).await?;
        let bare = self.bare(&format!("{prefix}bare")).await?;
        println!(
            "bus: {} bytes: to a user {ours:.0} messages/s, bare PUBLISH {bare:.0}/s, ratio {:.2}",
            self.bytes,
            bare / ours
        );
        there.close(true).await;
        here.close(true).await;
        Ok(())
    }

    /// Messages a second to users of the other node.
    async fn through(&self, from: &Realtime, at: &mut BusEvents) -> Result<f64> {
        let start = Instant::now();
        let mut received = 0;
        for number in 0..self.messages {
            from.bus
                .to_user(user(number % self.users), || vec![b'x'; self.bytes].into());
            while number - received >= WINDOW {
                received += arrived(at).await?;
            }
        }
        while received < self.messages {
            received += arrived(at).await?;
        }
        Ok(f64::from(self.messages) / start.elapsed().as_secs_f64())
    }

    /// Messages a second on one channel, published in batches.
    async fn bare(&self, channel: &str) -> Result<f64> {
        /// As the bus does when it has much to send.
        const BATCH: u32 = 512;
        let client = redis::Client::open(self.redis.as_str())?;
        let mut subscriber = client.get_async_pubsub().await?;
        subscriber.subscribe(channel).await?;
        let mut publisher = client.get_multiplexed_async_connection().await?;
        let payload = vec![b'x'; self.bytes];
        let start = Instant::now();
        let batches = self.messages.div_ceil(BATCH);
        let publish = async {
            for _ in 0..batches {
                let mut batch = redis::pipe();
                for _ in 0..BATCH {
                    batch.publish(channel, payload.as_slice()).ignore();
                }
                let () = batch.query_async(&mut publisher).await?;
            }
            Result::Ok(())
        };
        let receive = subscriber
            .on_message()
            .take((batches * BATCH) as usize)
            .count();
        let (sent, count) = tokio::join!(publish, receive);
        sent?;
        Ok(f64::from(u32::try_from(count)?) / start.elapsed().as_secs_f64())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    BusLoad::parse().run().await
}

fn user(number: u32) -> UserId {
    UserId(FIRST_ID + i64::from(number))
}

async fn arrived(at: &mut BusEvents) -> Result<u32> {
    let event = tokio::time::timeout(PATIENCE, at.recv())
        .await?
        .ok_or("the bus ended")?;
    Ok(u32::from(matches!(event, BusEvent::Message(_))))
}

async fn used_memory(redis: &mut redis::aio::MultiplexedConnection) -> Result<f64> {
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query_async(redis).await?;
    Ok(info.get("used_memory").ok_or("no figure")?)
}
