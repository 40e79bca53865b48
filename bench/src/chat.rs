//! Messages through matched pairs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tebdil_client::raw::{FRAMING, framed};
use tebdil_protocol::franking::FrankingTag;

use crate::{
    Result,
    line::{Heard, Line},
    report::{Figure, Report},
    subject::{Running, Subject},
    usage::Usage,
};

/// The franking tag of every message.
pub const TAG: FrankingTag = [1; 32];

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(clap::Args, Clone)]
pub struct ChatLoad {
    /// Matched pairs. In each, whoever has just acknowledged a message writes the next.
    #[arg(long, default_value_t = 1_000)]
    pub pairs: u32,
    /// Seconds of each run, 1 to 60.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Runs of each subject, which take turns.
    #[arg(long, default_value_t = 5)]
    pub rounds: u32,
    /// Bytes of ciphertext, 162 to 16384; the 402 of a short encrypted message by default.
    #[arg(long, default_value_t = 402, value_parser = clap::value_parser!(u64).range(162..=16384))]
    pub bytes: u64,
    /// Only these; all that can run by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
}

/// What one run came to.
struct Run {
    messages: f64,
    seconds: f64,
    server: Usage,
    database: Usage,
    load: Usage,
    /// From sent to received, microseconds.
    times: Histogram<u64>,
}

/// As large as this, and of the outer form of an encrypted message, so that the server finds the
/// tag where it looks for it.
pub fn ciphertext(bytes: usize) -> Vec<u8> {
    framed(&TAG, &vec![7; bytes.saturating_sub(FRAMING)])
}

impl ChatLoad {
    pub const fn of(pairs: u32, seconds: u64, rounds: u32) -> Self {
        Self {
            pairs,
            seconds,
            rounds,
            bytes: 402,
            only: Vec::new(),
        }
    }

    /// Runs all subjects in turns.
    pub async fn run(&self, setup: &crate::process::Setup, report: &mut Report) -> Result<()> {
        let mut subjects = Vec::new();
        for subject in Subject::all(&self.only) {
            match subject.start(setup, self).await? {
                Ok((running, pairs)) => subjects.push((subject, running, pairs)),
                Err(why) => println!("chat: {} did not run: {why}", subject.name()),
            }
            for (_, _, pairs) in &mut subjects {
                answer_pings(pairs).await?;
            }
        }
        for _ in 0..self.rounds {
            for turn in 0..subjects.len() {
                let (subject, running, pairs) = &mut subjects[turn];
                self.measure("chat", subject.name(), running, pairs, report)
                    .await?;
                for (_, _, pairs) in &mut subjects {
                    answer_pings(pairs).await?;
                }
            }
        }
        for (_, running, _) in subjects {
            running.stop().await?;
        }
        Ok(())
    }

    /// One run.
    pub async fn measure(
        &self,
        scenario: &'static str,
        subject: &'static str,
        running: &Running,
        pairs: &mut [Pair],
        report: &mut Report,
    ) -> Result<()> {
        let run = self.load(running, pairs).await?;
        report.add(figures(scenario, subject, &run));
        Ok(())
    }

    async fn load(&self, running: &Running, pairs: &mut [Pair]) -> Result<Run> {
        let window = Window::default();
        let ciphertext = ciphertext(usize::try_from(self.bytes)?);
        let talks = pairs.iter_mut().map(|pair| pair.talk(&ciphertext, &window));
        let watch = async {
            tokio::time::sleep(WARM_UP).await;
            let (before, start) = (running.usage()?, Instant::now());
            window.open.store(true, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(self.seconds)).await;
            window.open.store(false, Ordering::Relaxed);
            let (after, seconds) = (running.usage()?, start.elapsed().as_secs_f64());
            window.over.store(true, Ordering::Relaxed);
            Result::Ok((before, after, seconds))
        };
        let ((before, after, seconds), _) = tokio::try_join!(watch, try_join_all(talks))?;
        #[expect(clippy::cast_precision_loss, reason = "far less than 2^53")]
        let messages = window.messages.load(Ordering::Relaxed) as f64;
        Ok(Run {
            messages,
            seconds,
            server: after.server - before.server,
            database: after.database - before.database,
            load: after.load - before.load,
            times: Arc::into_inner(window.times)
                .ok_or("a run goes on")?
                .into_inner(),
        })
    }
}

/// What is counted.
struct Window {
    open: AtomicBool,
    over: AtomicBool,
    messages: AtomicU64,
    times: Arc<Mutex<Histogram<u64>>>,
}

impl Default for Window {
    fn default() -> Self {
        let times = Histogram::new(3).expect("three digits are allowed");
        Self {
            open: AtomicBool::new(false),
            over: AtomicBool::new(false),
            messages: AtomicU64::new(0),
            times: Arc::new(Mutex::new(times)),
        }
    }
}

/// Two who talk, and how many messages each has sent.
pub struct Pair {
    sides: [(Line, i64); 2],
}

impl From<[Line; 2]> for Pair {
    fn from(lines: [Line; 2]) -> Self {
        Self {
            sides: lines.map(|line| (line, 0)),
        }
    }
}

/// Servers close connections that say nothing for half a minute.
async fn answer_pings(pairs: &mut [Pair]) -> Result<()> {
    const FOR: Duration = Duration::from_millis(100);
    let listen = try_join_all(pairs.iter_mut().map(Pair::listen));
    // Nobody says anything, so that only a failure ends it before its time.
    tokio::time::timeout(FOR, listen)
        .await
        .map_or(Ok(()), |ended| ended.map(drop))
}

impl Pair {
    async fn listen(&mut self) -> Result<()> {
        let [(a, _), (b, _)] = &mut self.sides;
        tokio::try_join!(a.listen(), b.listen()).map(drop)
    }

    async fn talk(&mut self, ciphertext: &[u8], window: &Window) -> Result<()> {
        while !window.over.load(Ordering::Relaxed) {
            for turn in [0, 1] {
                let [a, b] = &mut self.sides;
                let ((writer, seq), (reader, _)) = if turn == 0 { (a, b) } else { (b, a) };
                *seq += 1;
                let sent = Instant::now();
                writer.say(*seq, ciphertext).await?;
                while reader.next().await? != Heard::New {}
                let took = sent.elapsed();
                reader.take(*seq).await?;
                let mut answers = writer.answers();
                while answers > 0 {
                    if matches!(writer.next().await?, Heard::Accepted | Heard::Delivered) {
                        answers -= 1;
                    }
                }
                if window.open.load(Ordering::Relaxed) {
                    window.messages.fetch_add(1, Ordering::Relaxed);
                    let micros = u64::try_from(took.as_micros())?;
                    window.times.lock().record(micros)?;
                }
            }
        }
        Ok(())
    }
}

fn figures(scenario: &'static str, subject: &'static str, run: &Run) -> Vec<Figure> {
    let figure = |measure, unit, value| Figure::new(scenario, subject, measure, unit, value);
    let micros = |usage: Usage| usage.total() * 1e6 / run.messages;
    let all = run.server.total() + run.database.total();
    #[expect(clippy::cast_precision_loss, reason = "minutes at most")]
    let millis = |quantile| run.times.value_at_quantile(quantile) as f64 / 1e3;
    vec![
        figure("CPU a message", "µs", all * 1e6 / run.messages),
        figure("of that the server's", "µs", micros(run.server)),
        figure("of that the database's", "µs", micros(run.database)),
        figure(
            "the kernel's part",
            "%",
            (run.server.system + run.database.system) / all * 100.0,
        ),
        figure("messages a second", "", run.messages / run.seconds),
        figure("messages a second of a core", "", run.messages / all),
        figure("sent to received, p50", "ms", millis(0.5)),
        figure("sent to received, p99", "ms", millis(0.99)),
        figure(
            "the load's core, busy",
            "%",
            run.load.total() / run.seconds * 100.0,
        ),
    ]
}
