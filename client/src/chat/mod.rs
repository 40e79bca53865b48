//! A whole chat client: account, connection and encryption tied together. The terminal and the
//! scenario tests use it.
//!
//! ```no_run
//! # async fn example() -> Result<(), tebdil_client::chat::ChatError> {
//! use tebdil_client::chat::{Chat, ChatEvent, ChatOptions};
//! let options = ChatOptions::new("http://127.0.0.1:8080");
//! let (chat, mut events) = Chat::login(&options, "+905321234567", "a long password", None).await?;
//! chat.find(&["satranç"]).await?;
//! while let Some(event) = events.recv().await {
//!     match event {
//!         ChatEvent::Secured { match_id, .. } => drop(chat.send(match_id, "merhaba").await?),
//!         ChatEvent::Text { text, .. } => tracing::info!(length = text.len(), "the peer wrote"),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```

mod actor;
mod call;
mod convert;
mod event;
mod numbers;
mod parts;
mod sign_in;

use std::sync::Arc;

use tebdil_protocol::{
    Block, Device as DeviceName, DeviceInfo, ErrorCode, Evidence, KeysRemaining, Match, MatchFind,
    Meta, ReportRequest, User,
    domain::{Mode, ReportReason},
    id::{MatchId, TicketId},
    time::Clock,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

pub use self::event::{ChatEvent, EndDetails};
use self::parts::Command;
use crate::{
    call::CallError,
    connection::{Acknowledge, Connection, Handle, Options, RequestError, SendError, Sending},
    evidence::EvidenceBook,
    mls::{Device, KEY_PACKAGE_TARGET, MlsError, SafetyNumber},
    rest::{Account, ApiError},
    state::{StateDir, StateError},
};

/// Changes the options of a connection.
pub type Tune = Arc<dyn Fn(&mut Options) + Send + Sync>;

/// Asks the user whether the terms are accepted that `Meta` names.
pub type AskConsent = Arc<dyn Fn(&Meta) -> bool + Send + Sync>;

/// How a chat client is set up.
#[derive(Clone)]
pub struct ChatOptions {
    /// The server's HTTP address.
    pub server: String,
    pub clock: Clock,
    /// Where session and keys are kept; without one they end with the process.
    pub state: Option<StateDir>,
    /// What the server is told about the device.
    pub device: DeviceName,
    /// One-time key packages to keep at the server.
    pub key_packages: usize,
    /// Asked when the terms have changed since the account accepted them; may block. Without it, or
    /// after a no, signing in fails with [`ErrorCode::ConsentRequired`].
    pub ask_consent: Option<AskConsent>,
    /// Last changes to the connection's options, e.g. shorter times in tests.
    pub tune: Option<Tune>,
}

impl ChatOptions {
    /// In memory, for `server`.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            clock: Clock::system(0),
            state: None,
            device: DeviceName {
                name: "tebdil-client".into(),
                platform: "terminal".into(),
            },
            key_packages: KEY_PACKAGE_TARGET,
            ask_consent: None,
            tune: None,
        }
    }
}

/// Why something in a chat failed.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Mls(#[from] MlsError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("there is no such match")]
    NoSuchMatch,
    /// The match belongs to the device that searched.
    #[error("the match is on another device of this account")]
    OtherDevice,
    #[error("the chat is closed")]
    Closed,
}

impl ChatError {
    /// The server's code, where it refused something.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::Send(SendError::Refused(code)) => Some(*code),
            Self::Send(SendError::MatchEnded) => Some(ErrorCode::MatchEnded),
            _ => None,
        }
    }
}

/// A match as the client knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub info: Match,
    /// Whether the match can be read on this device.
    pub this_device: bool,
    /// Known once the encryption stands.
    pub safety_number: Option<SafetyNumber>,
    /// Every message of the peer up to here was opened.
    pub peer_seq: i64,
}

/// A signed-in, connected chat client. Cheap to clone.
///
/// It ends when every clone is dropped, when [`Chat::close`] is called, or when the events are
/// dropped.
#[derive(Debug, Clone)]
pub struct Chat {
    account: Account,
    user: User,
    handle: Handle,
    commands: mpsc::Sender<Command>,
    tracker: TaskTracker,
}

/// The events of a chat.
pub type ChatEvents = mpsc::Receiver<ChatEvent>;

impl Chat {
    /// Connects a session that is signed in, and sees to its keys at the server.
    pub async fn open(
        options: &ChatOptions,
        account: Account,
        user: User,
    ) -> Result<(Self, ChatEvents), ChatError> {
        let mut file = options.state.as_ref().map(StateDir::device_file);
        let stored = file
            .as_mut()
            .map(crate::state::DeviceFile::load)
            .transpose()?
            .flatten();
        let device = match &stored {
            Some(stored) => Device::restore(&stored.snapshot, options.clock.clone())?,
            None => Device::new(options.clock.clone())?,
        };
        let evidence = file
            .as_ref()
            .map(crate::state::DeviceFile::load_evidence)
            .transpose()?
            .unwrap_or_default();
        let evidence = EvidenceBook::new(options.clock.clone(), evidence);
        let mut connection = Options::new(account.api().server(), account.clone());
        connection.clock = options.clock.clone();
        connection.acknowledge = Acknowledge::ByApplication;
        connection.device = Some(DeviceInfo {
            name: Some(options.device.name.clone()),
            platform: Some(options.device.platform.clone()),
            connection: None,
        });
        let matches = stored
            .as_ref()
            .map(|stored| stored.matches.clone())
            .unwrap_or_default();
        let restored = stored.is_some();
        let outbox = stored.map(|stored| stored.outbox).unwrap_or_default();
        connection.resume = matches.iter().map(convert::resume_point).collect();
        connection.outbox.clone_from(&outbox);
        if let Some(tune) = &options.tune {
            tune(&mut connection);
        }

        let (commands, commands_in) = mpsc::channel(64);
        let (events, events_out) = mpsc::channel(256);
        let mut actor = actor::Actor::new(
            account.clone(),
            device,
            file,
            restored,
            &user,
            options.key_packages,
            &matches,
            outbox,
            evidence,
            events,
        );
        let remaining = keys_with_consent(options, &account).await?.remaining;
        actor.provide_keys(remaining).await?;
        let (handle, connection_events) = Connection::open(connection);
        let tracker = TaskTracker::new();
        tracker.spawn(actor.run(handle.clone(), commands_in, connection_events));
        tracker.close();
        Ok((
            Self {
                account,
                user,
                handle,
                commands,
                tracker,
            },
            events_out,
        ))
    }

    /// The account as it was when it signed in.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The REST side of the session.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The WebSocket side of the session.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, ChatError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| ChatError::Closed)?;
        answer.await.map_err(|_| ChatError::Closed)
    }

    /// Looks for someone to write with. With no interests given those of the profile count.
    ///
    /// The search goes on over reconnects, until [`ChatEvent::Matched`], [`Chat::cancel`],
    /// [`ChatEvent::SearchCancelled`] or [`ChatEvent::SearchFailed`].
    pub async fn find(&self, interests: &[&str]) -> Result<TicketId, ChatError> {
        self.find_with(wish(interests, false)).await
    }

    /// The same, and the server goes on for some minutes after the connection is gone, also when
    /// this process ends.
    pub async fn find_in_background(&self, interests: &[&str]) -> Result<TicketId, ChatError> {
        self.find_with(wish(interests, true)).await
    }

    /// The same with every wish.
    pub async fn find_with(&self, find: MatchFind) -> Result<TicketId, ChatError> {
        Ok(self.ask(|reply| Command::Find(find, reply)).await??)
    }

    /// Stops looking, on every device of the account.
    pub async fn cancel(&self) -> Result<(), ChatError> {
        Ok(self.ask(Command::Cancel).await??)
    }

    /// Encrypts and sends a text. Waits only while the outbox is full; the answer is the acceptance
    /// by the server, and may be dropped.
    ///
    /// Before the encryption stands the text waits in memory.
    pub async fn send(
        &self,
        match_id: MatchId,
        text: impl Into<String>,
    ) -> Result<Sending, ChatError> {
        let place = self.handle.place().await?;
        let text = text.into();
        self.ask(|reply| Command::Send {
            match_id,
            text,
            place,
            reply,
        })
        .await?
    }

    /// The same, and waits until the server has it.
    pub async fn send_and_wait(
        &self,
        match_id: MatchId,
        text: impl Into<String>,
    ) -> Result<i64, ChatError> {
        Ok(self.send(match_id, text).await?.await?.seq)
    }

    /// The code to compare with the peer; `None` before the encryption stands.
    pub async fn safety_number(
        &self,
        match_id: MatchId,
    ) -> Result<Option<SafetyNumber>, ChatError> {
        Ok(self
            .conversations()
            .await?
            .into_iter()
            .find(|known| known.info.id == match_id)
            .and_then(|known| known.safety_number))
    }

    /// The active matches, oldest first.
    pub async fn conversations(&self) -> Result<Vec<Conversation>, ChatError> {
        self.ask(Command::Conversations).await
    }

    /// Ends a match.
    pub async fn leave(&self, match_id: MatchId) -> Result<(), ChatError> {
        self.handle.leave(match_id).await?;
        Ok(())
    }

    /// Blocks the peer of a match, also of one that is over: every match of the two ends, and they
    /// are not matched again.
    pub async fn block(&self, match_id: MatchId) -> Result<Block, ChatError> {
        Ok(self.account.block(match_id).await?)
    }

    /// Reports the peer of a match, during it or up to seven days after, and shows
    /// [`Chat::evidence`] with the report; answers how many messages that were.
    pub async fn report(
        &self,
        match_id: MatchId,
        reason: ReportReason,
        note: Option<&str>,
    ) -> Result<usize, ChatError> {
        let evidence = self.evidence(match_id).await?;
        let shown = evidence.len();
        self.account
            .report(&ReportRequest {
                match_id,
                reason,
                note: note.map(str::to_owned),
                evidence,
            })
            .await?;
        Ok(shown)
    }

    /// The last messages of the peer, twenty at most, oldest first, with what proves to a moderator
    /// that they were sent.
    pub async fn evidence(&self, match_id: MatchId) -> Result<Vec<Evidence>, ChatError> {
        self.ask(|reply| Command::Evidence(match_id, reply)).await
    }

    /// Tells the peer that everything up to `seq` was read.
    pub async fn read(&self, match_id: MatchId, seq: i64) {
        self.handle.read(match_id, seq).await;
    }

    /// Tells the peer that the user writes, or stopped.
    pub async fn typing(&self, match_id: MatchId, on: bool) {
        self.handle.typing(match_id, on).await;
    }

    /// Waits until every text that was sealed is accepted or refused.
    pub async fn flush(&self) {
        self.handle.flush().await;
    }

    /// Closes the connection and waits until state is stored. The session stays signed in.
    pub async fn close(&self) {
        // A failure means that it is closed already.
        let _ = self.commands.send(Command::Close).await;
        self.tracker.wait().await;
    }
}

/// How many key packages are at the server. The first call of a session that the terms can shut out:
/// if they do, the user is asked.
async fn keys_with_consent(
    options: &ChatOptions,
    account: &Account,
) -> Result<KeysRemaining, ApiError> {
    match (account.keys().await, &options.ask_consent) {
        (Err(refused), Some(ask)) if refused.code() == Some(ErrorCode::ConsentRequired) => {
            let meta = account.api().meta().await?;
            if !ask(&meta) {
                return Err(refused);
            }
            account.accept_terms(meta.terms_version).await?;
            account.keys().await
        }
        (keys, _) => keys,
    }
}

fn wish(interests: &[&str], background: bool) -> MatchFind {
    MatchFind {
        mode: Mode::Text,
        interests: (!interests.is_empty())
            .then(|| interests.iter().map(|&text| text.to_owned()).collect()),
        languages: None,
        max_distance_km: None,
        background,
    }
}

/// The `number`-th phone number for tests and load, valid in form; at most a hundred million
/// differ.
pub fn test_phone(number: u32) -> String {
    format!("+9053{:08}", number % 100_000_000)
}
