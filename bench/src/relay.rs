//! What relaying calls costs, beside coturn.
//!
//! Both relays run at once and are loaded in turns by the same clients with the same credentials,
//! so that what else the machine does hits both alike.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tebdil_protocol::{domain::MatchRole, id::MatchId, time::Timestamp};
use tebdil_signaling::RelaySecret;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Result,
    process::{Process, Setup},
    times,
    turn::{self, Client},
};

/// How long stragglers may take after the last datagram was sent.
const STRAGGLERS: Duration = Duration::from_millis(300);

/// How often datagrams that are due are sent.
const TICK: Duration = Duration::from_millis(1);

/// Of each search for the most: how much more each step is, and how long it lasts.
const GROWTH: f64 = 1.3;
const STEP_S: f64 = 1.5;

/// What counts as no loss.
const LOSSLESS: f64 = 0.001;

/// The number of the run, and when it was sent: what a datagram needs room for.
const STAMP: usize = 12;

/// Shared by both relays. They listen on loopback, for as long as this runs.
const SECRET: &str = "a secret of the bench";

#[derive(clap::Args)]
pub struct RelayLoad {
    /// coturn's binary.
    #[arg(long, default_value = "turnserver")]
    coturn: PathBuf,
    /// Calls at once, each of two clients that send to each other all the time.
    #[arg(long, default_value_t = 35, value_parser = clap::value_parser!(u32).range(1..=200))]
    calls: u32,
    /// Megabits a second that all clients send together.
    #[arg(long, default_value_t = 70.0)]
    mbit: f64,
    /// Bytes of a datagram's data.
    #[arg(long, default_value_t = 1_200, value_parser = clap::value_parser!(u16).range(12..=1_400))]
    bytes: u16,
    /// Seconds of each run.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Runs of each relay.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
}

/// A relay, and the clients that are at it.
struct Loaded {
    name: &'static str,
    process: Process,
    calls: Vec<[Arc<Client>; 2]>,
}

/// What was seen of a load.
#[derive(Default)]
struct Figures {
    sent: u32,
    millis: Vec<f64>,
    cpu: f64,
    seconds: f64,
}

impl Figures {
    fn loss(&self) -> f64 {
        1.0 - count(self.millis.len()) / f64::from(self.sent)
    }

    /// What arrived, MB of data.
    fn megabytes(&self, bytes: u16) -> f64 {
        count(self.millis.len()) * f64::from(bytes) / 1e6
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.millis.extend(other.millis);
        self.cpu += other.cpu;
        self.seconds += other.seconds;
    }
}

impl RelayLoad {
    pub async fn run(&self, setup: &Setup) -> Result<()> {
        let (ours, coturn) = (
            Process::relay(setup, SECRET).await?,
            Process::coturn(&self.coturn, SECRET)?,
        );
        let relays = [
            self.load("embedded", ours).await?,
            self.load("coturn", coturn).await?,
        ];

        let mut figures = [Figures::default(), Figures::default()];
        for _ in 0..self.rounds {
            for (relay, figures) in relays.iter().zip(&mut figures) {
                figures.add(self.send(relay, self.mbit, self.seconds).await?);
            }
        }
        let cost = [0, 1]
            .map(|index: usize| figures[index].cpu * 1e3 / figures[index].megabytes(self.bytes));
        for ((relay, figures), cost) in relays.iter().zip(figures).zip(cost) {
            println!(
                "relay: {}: {} calls, {:.0} Mbit/s: {cost:.2} ms of CPU a megabyte, {:.3} % lost, {}; {:.1} MiB of memory",
                relay.name,
                self.calls,
                f64::from(figures.sent) * f64::from(self.bytes) * 8.0 / 1e6 / figures.seconds,
                figures.loss() * 100.0,
                times(figures.millis.clone()),
                relay.process.rss_kib()? / 1024.0
            );
        }
        let most = self.most(&relays).await?;
        println!(
            "relay: without loss embedded {:.0} Mbit/s, coturn {:.0} Mbit/s",
            most[0], most[1]
        );
        println!(
            "relay: embedded costs {:.2} times the CPU of coturn, and carries {:.2} times as much",
            cost[0] / cost[1],
            most[0] / most[1]
        );
        for relay in relays {
            relay.process.stop().await?;
        }
        Ok(())
    }

    /// Allocates for all calls.
    async fn load(&self, name: &'static str, process: Process) -> Result<Loaded> {
        let (relay, secret) = (process.url.parse()?, RelaySecret::new(SECRET.into()));
        let now =
            Timestamp::from_millis(i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_millis())?);
        let mut waiting = JoinSet::new();
        for number in 0..self.calls {
            let credentials = [MatchRole::Offerer, MatchRole::Answerer].map(|role| {
                secret.issue(MatchId(number.into()), role, now, Duration::from_mins(5))
            });
            waiting.spawn(async move {
                let [one, other] = credentials;
                let (one, other) =
                    tokio::try_join!(Client::allocate(relay, one), Client::allocate(relay, other))?;
                tokio::try_join!(one.bind(&other), other.bind(&one))?;
                Result::Ok([Arc::new(one), Arc::new(other)])
            });
        }
        let calls = waiting
            .join_all()
            .await
            .into_iter()
            .collect::<Result<_>>()?;
        Ok(Loaded {
            name,
            process,
            calls,
        })
    }

    /// Sends at a rate through a relay, all clients in turn.
    async fn send(&self, relay: &Loaded, mbit: f64, seconds: f64) -> Result<Figures> {
        /// Datagrams of another run may still be on their way.
        static RUN: AtomicU32 = AtomicU32::new(0);
        let run = RUN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let clients: Vec<_> = relay.calls.iter().flatten().collect();
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let mut receivers = JoinSet::new();
        for client in &clients {
            receivers.spawn(receive(Arc::clone(client), run, start, stop.clone()));
        }
        let cpu = relay.process.cpu()?;
        let mut datagram = turn::datagram(self.bytes.into())?;
        let per_second = mbit * 1e6 / 8.0 / f64::from(self.bytes);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut sent = 0;
        let mut next = clients.iter().cycle();
        while start.elapsed().as_secs_f64() < seconds {
            ticks.tick().await;
            // At a rate that cannot be made, something is always due: the time ends it all the
            // same.
            while (f64::from(sent) / per_second..seconds).contains(&start.elapsed().as_secs_f64()) {
                let stamp = [
                    &run[..],
                    &u64::try_from(start.elapsed().as_nanos())?.to_be_bytes(),
                ]
                .concat();
                datagram[turn::HEADER..turn::HEADER + STAMP].copy_from_slice(&stamp);
                next.next()
                    .ok_or("no clients")?
                    .socket
                    .send(&datagram)
                    .await?;
                sent += 1;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        tokio::time::sleep(STRAGGLERS).await;
        let cpu = relay.process.cpu()? - cpu;
        stop.cancel();
        let millis = receivers.join_all().await.into_iter().flatten().collect();
        Ok(Figures {
            sent,
            millis,
            cpu,
            seconds,
        })
    }

    /// The highest rate that each relay carries, and the clients can make, in Mbit/s.
    async fn most(&self, relays: &[Loaded; 2]) -> Result<[f64; 2]> {
        /// Each step is tried so often: a moment in which the machine did something else is no
        /// limit of the relay.
        const TRIES: u32 = 2;
        let mut most = [0.0; 2];
        for (relay, most) in relays.iter().zip(&mut most) {
            let mut mbit = self.mbit;
            'steps: loop {
                for attempt in 1..=TRIES {
                    let figures = self.send(relay, mbit, STEP_S).await?;
                    let made = f64::from(figures.sent) * f64::from(self.bytes) * 8.0
                        / 1e6
                        / figures.seconds;
                    if figures.loss() <= LOSSLESS && made >= mbit * 0.95 {
                        *most = made;
                        break;
                    }
                    if attempt == TRIES {
                        break 'steps;
                    }
                }
                mbit *= GROWTH;
            }
        }
        Ok(most)
    }
}

/// How long the datagrams of a run took that one client got, in milliseconds.
async fn receive(
    client: Arc<Client>,
    run: [u8; 4],
    start: Instant,
    stop: CancellationToken,
) -> Vec<f64> {
    let mut millis = Vec::new();
    let mut buffer = [0; 2_048];
    loop {
        let length = tokio::select! {
            biased;
            () = stop.cancelled() => return millis,
            Ok(length) = client.socket.recv(&mut buffer) => length,
        };
        let stamp = buffer[..length]
            .get(turn::HEADER..turn::HEADER + STAMP)
            .and_then(|stamp| stamp.split_first_chunk::<4>());
        if let Some((_, sent)) = stamp.filter(|(of, _)| **of == run)
            && let Ok(sent) = sent.try_into()
        {
            millis.push(
                (start
                    .elapsed()
                    .saturating_sub(Duration::from_nanos(u64::from_be_bytes(sent))))
                .as_secs_f64()
                    * 1e3,
            );
        }
    }
}

fn count(length: usize) -> f64 {
    f64::from(u32::try_from(length).unwrap_or(u32::MAX))
}
