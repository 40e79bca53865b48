//! What the application holds of a connection.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tebdil_protocol::{
    ClientFrame, MatchEnded, MatchFind, MatchRef, MessageAccepted, MessageAck, MessageSend,
    ServerFrame, Typing,
    id::{MatchId, TicketId},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::{RequestError, SendError, outbox::Entry};

pub(super) enum Command {
    Send(Box<Entry>),
    Request {
        frame: ClientFrame,
        reply: oneshot::Sender<Result<ServerFrame, RequestError>>,
    },
    /// Sent when there is a socket, else dropped.
    Fire(ClientFrame),
    Ack(MessageAck),
    /// Answered when the outbox is empty.
    Flush(oneshot::Sender<()>),
    Close,
}

/// Gives orders to a connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    request_timeout: Duration,
    places: Arc<Semaphore>,
    tracker: TaskTracker,
}

/// The acceptance of a message, to be awaited or dropped; the message goes its way in both cases.
#[derive(Debug)]
pub struct Sending(oneshot::Receiver<Result<MessageAccepted, SendError>>);

impl Sending {
    pub(crate) fn pair() -> (oneshot::Sender<Result<MessageAccepted, SendError>>, Self) {
        let (reply, answer) = oneshot::channel();
        (reply, Self(answer))
    }
}

impl Future for Sending {
    type Output = Result<MessageAccepted, SendError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or(Err(SendError::Closed)))
    }
}

impl Handle {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        request_timeout: Duration,
        outbox_limit: usize,
        tracker: TaskTracker,
    ) -> Self {
        Self {
            commands,
            request_timeout,
            places: Arc::new(Semaphore::new(outbox_limit.max(1))),
            tracker,
        }
    }

    async fn give(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// Sends any frame with an `id` and waits for the frame that answers it.
    ///
    /// While there is no socket the request waits for one, within its time limit.
    pub async fn request(&self, frame: ClientFrame) -> Result<ServerFrame, RequestError> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            if !self.give(Command::Request { frame, reply }).await {
                return Err(RequestError::Closed);
            }
            answer.await.unwrap_or(Err(RequestError::Closed))
        };
        tokio::time::timeout(self.request_timeout, asked)
            .await
            .unwrap_or(Err(RequestError::Timeout))
    }

    /// Looks for a match; [`super::Event::MatchFound`] comes later.
    pub async fn find(&self, find: MatchFind) -> Result<TicketId, RequestError> {
        match self.request(ClientFrame::MatchFind(find)).await? {
            ServerFrame::MatchSearching { ticket_id } => Ok(ticket_id),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Stops looking, on every device of the account.
    pub async fn cancel(&self) -> Result<(), RequestError> {
        match self.request(ClientFrame::MatchCancel).await? {
            ServerFrame::MatchCancelled(_) => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Ends a match.
    pub async fn leave(&self, match_id: MatchId) -> Result<MatchEnded, RequestError> {
        match self
            .request(ClientFrame::MatchLeave(MatchRef { match_id }))
            .await?
        {
            ServerFrame::MatchEnded(ended) => Ok(ended),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Puts a message into the outbox; waits while that is full. The answer is the acceptance.
    ///
    /// The caller numbers the messages of a match without a gap; [`super::Event::Refused`] says
    /// where to go on after a refusal.
    pub async fn send(&self, message: MessageSend) -> Result<Sending, SendError> {
        let place = self.place().await?;
        let (reply, sending) = Sending::pair();
        if self.send_reserved(message, Some(place), Some(reply)).await {
            Ok(sending)
        } else {
            Err(SendError::Closed)
        }
    }

    /// A place in the outbox; waits while it is full.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, SendError> {
        Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| SendError::Closed)
    }

    /// Puts a message into its place, or beyond the limit without one. Says whether the connection
    /// still runs.
    pub(crate) async fn send_reserved(
        &self,
        message: MessageSend,
        place: Option<OwnedSemaphorePermit>,
        reply: Option<oneshot::Sender<Result<MessageAccepted, SendError>>>,
    ) -> bool {
        self.give(Command::Send(Box::new(Entry::new(message, reply, place))))
            .await
    }

    /// Acknowledges every message of the peer up to `seq`; for
    /// [`super::Acknowledge::ByApplication`].
    pub async fn ack(&self, match_id: MatchId, seq: i64) {
        self.give(Command::Ack(MessageAck { match_id, seq })).await;
    }

    /// Tells the peer that everything up to `seq` was read. Lost when there is no socket.
    pub async fn read(&self, match_id: MatchId, seq: i64) {
        self.fire(ClientFrame::MessageRead(MessageAck { match_id, seq }))
            .await;
    }

    /// Tells the peer that the user writes, or stopped. Lost when there is no socket.
    pub async fn typing(&self, match_id: MatchId, on: bool) {
        self.fire(ClientFrame::Typing(Typing { match_id, on }))
            .await;
    }

    /// Sends a frame that nothing answers. Lost when there is no socket.
    pub(crate) async fn fire(&self, frame: ClientFrame) {
        self.give(Command::Fire(frame)).await;
    }

    /// Waits until every message in the outbox is accepted or refused.
    pub async fn flush(&self) {
        let (done, answer) = oneshot::channel();
        if self.give(Command::Flush(done)).await {
            // An error means that the connection ended, and with it the outbox.
            let _ = answer.await;
        }
    }

    /// Closes the socket and waits for the end. Messages not yet accepted are given up.
    pub async fn close(&self) {
        self.give(Command::Close).await;
        self.tracker.wait().await;
    }
}
