//! Messages through matched pairs.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::try_join_all;
use tebdil_client::raw::{FRAMING, RawSocket, framed};
use tebdil_protocol::{
    ClientFrame, MatchFind, MessageAck, MessageSend, ServerFrame, ServerMessage,
    domain::{MessageKind, Mode},
    franking::FrankingTag,
    id::MatchId,
};

use crate::{
    Result, people,
    process::{Process, Setup},
    times,
};

#[derive(clap::Args)]
pub struct ChatLoad {
    /// Matched pairs; in each, one side writes and the other acknowledges.
    #[arg(long, default_value_t = 200)]
    pairs: u32,
    /// Seconds of load, 1 to 60.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Bytes of ciphertext, 162 to 16384; the 402 of a short encrypted message by default.
    #[arg(long, default_value_t = 402, value_parser = clap::value_parser!(u64).range(162..=16384))]
    bytes: u64,
}

impl Default for ChatLoad {
    fn default() -> Self {
        Self {
            pairs: 200,
            seconds: 10,
            bytes: 402,
        }
    }
}

/// What a load came to.
pub struct Figures {
    messages: usize,
    seconds: f64,
    /// Of the servers, microseconds a message.
    pub cpu: f64,
    delivered: Vec<f64>,
}

impl Figures {
    pub fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.messages).unwrap_or(u32::MAX)) / self.seconds
    }
}

impl ChatLoad {
    pub async fn run(&self, setup: &Setup) -> Result<()> {
        let ours = self.server(setup).await?;
        let bare = self.peer().await?;
        for (name, figures) in [("tebdil", &ours), ("bare sockets", &bare)] {
            self.report(name, figures);
        }
        println!(
            "chat: durable and acknowledged costs {:.1} times the CPU of moving the frame",
            ours.cpu / bare.cpu
        );
        Ok(())
    }

    /// Prints what a load came to.
    pub fn report(&self, name: &str, figures: &Figures) {
        println!(
            "chat: {name}: {} pairs, {:.0} messages/s, {:.1} µs CPU a message, sent to received {}",
            self.pairs,
            figures.rate(),
            figures.cpu,
            times(figures.delivered.clone())
        );
    }

    /// As large and of the same outer form as an encrypted message, so that the server finds the
    /// tag where it looks for it.
    fn ciphertext(&self, tag: &FrankingTag) -> Result<Vec<u8>> {
        Ok(framed(
            tag,
            &vec![7; usize::try_from(self.bytes)? - FRAMING],
        ))
    }

    async fn server(&self, setup: &Setup) -> Result<Figures> {
        let server = Process::server(setup).await?;
        let figures = self
            .between(&[&server], [&server.url, &server.url], 0)
            .await;
        server.stop().await?;
        figures
    }

    /// The load between sockets at these two URLs, of new users with numbers from `first`; CPU of
    /// all `processes`.
    pub async fn between(
        &self,
        processes: &[&Process],
        [writers, readers]: [&str; 2],
        first: u32,
    ) -> Result<Figures> {
        let accounts = people::register(writers, first..first + 2 * self.pairs, 1).await?;
        people::upload_keys(&accounts).await?;
        let (a, b) = accounts.split_at(accounts.len() / 2);
        let mut pairs = Vec::new();
        for (a, b) in people::connect(writers, a)
            .await?
            .into_iter()
            .zip(people::connect(readers, b).await?)
        {
            let (a, b, id) = matched(a, b).await?;
            pairs.push((a, b, Some(id)));
        }
        let tag = [1; 32];
        let ciphertext = self.ciphertext(&tag)?;
        let text = |match_id: MatchId, seq: i64| {
            let send = MessageSend {
                match_id,
                seq,
                kind: MessageKind::Content,
                ciphertext: ciphertext.clone(),
                franking_tag: Some(tag.to_vec()),
            };
            ClientFrame::MessageSend(send).to_json(None)
        };
        self.load(processes, pairs, &text).await
    }

    async fn peer(&self) -> Result<Figures> {
        let peer = Process::peer().await?;
        let url = peer.url.replace("http://", "ws://");
        let mut pairs = Vec::new();
        for room in 0..self.pairs {
            let url = format!("{url}/{room}");
            pairs.push((
                RawSocket::open_with(&url, None).await?,
                RawSocket::open_with(&url, None).await?,
                None,
            ));
        }
        let content = STANDARD.encode(self.ciphertext(&[1; 32])?);
        let text = |_: MatchId, _: i64| {
            format!("{{\"type\":\"message.new\",\"match_id\":\"1\",\"ciphertext\":\"{content}\"}}")
        };
        let figures = self.load(&[&peer], pairs, &text).await;
        peer.stop().await?;
        figures
    }

    /// In every pair the next message leaves when the last has arrived, so the load is what the
    /// server can take.
    async fn load(
        &self,
        processes: &[&Process],
        pairs: Vec<(RawSocket, RawSocket, Option<MatchId>)>,
        text: &dyn Fn(MatchId, i64) -> String,
    ) -> Result<Figures> {
        let until = Duration::from_secs(self.seconds);
        let used = || {
            processes
                .iter()
                .map(|process| process.cpu())
                .sum::<Result<f64>>()
        };
        let cpu = used()?;
        let start = Instant::now();
        let chats = pairs
            .into_iter()
            .map(|(mut writer, mut reader, id)| async move {
                let mut delivered = Vec::new();
                let mut seq = 0;
                while start.elapsed() < until {
                    let sent = Instant::now();
                    seq += 1;
                    writer
                        .send_text(text(id.unwrap_or(MatchId(1)), seq))
                        .await?;
                    loop {
                        let frame = reader.recv_json().await?;
                        if frame["type"] == "message.new" {
                            break;
                        }
                    }
                    delivered.push(sent.elapsed().as_secs_f64() * 1e3);
                    if let Some(match_id) = id {
                        reader
                            .send(&ClientFrame::MessageAck(MessageAck { match_id, seq }), None)
                            .await?;
                        while writer.recv_json().await?["type"] != "message.accepted" {}
                    }
                }
                Result::Ok(delivered)
            });
        let delivered: Vec<f64> = try_join_all(chats).await?.concat();
        let seconds = start.elapsed().as_secs_f64();
        let messages = delivered.len();
        let cpu = (used()? - cpu) * 1e6 / f64::from(u32::try_from(messages).unwrap_or(u32::MAX));
        Ok(Figures {
            messages,
            seconds,
            cpu,
            delivered,
        })
    }
}

async fn matched(mut a: RawSocket, mut b: RawSocket) -> Result<(RawSocket, RawSocket, MatchId)> {
    let wish = ClientFrame::MatchFind(MatchFind {
        mode: Mode::Text,
        interests: None,
        languages: None,
        max_distance_km: None,
        background: false,
    });
    a.send(&wish, None).await?;
    b.send(&wish, None).await?;
    let found = |message: &ServerMessage| match &message.frame {
        ServerFrame::MatchFound(found) => Some(found.found.id),
        _ => None,
    };
    let id = a.recv_until(found).await?;
    b.recv_until(found).await?;
    Ok((a, b, id))
}
