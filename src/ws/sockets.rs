//! The state with which sockets are served.

use std::sync::Arc;

use axum::routing::{MethodRouter, get};
use tebdil_core::{franking::FrankingKeys, realtime::Realtime, store::Store};
use tebdil_protocol::time::Clock;
use tokio::sync::mpsc;

use super::{activity, activity::Activity, catch_up, revocations, upgrade};
use crate::{
    auth::{AccountService, TokenIssuer},
    calls::Calls,
    chat::Chat,
    config::Config,
    hub::{Connection, Hub},
    lifecycle::Tasks,
    limits::{Connections, Limiters},
    match_ends::MatchEnds,
    matching::Matchmaker,
    presence::PresenceNotifier,
};

/// The services that frames go to, and what else connections need.
#[derive(Debug)]
pub struct Sockets {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub store: Store,
    pub realtime: Realtime,
    /// Vouches for messages.
    pub franking: Arc<FrankingKeys>,
    pub tokens: TokenIssuer,
    pub accounts: Arc<AccountService>,
    pub hub: Arc<Hub>,
    pub presence_notifier: Arc<PresenceNotifier>,
    pub chat: Arc<Chat>,
    pub calls: Arc<Calls>,
    pub ends: Arc<MatchEnds>,
    pub matchmaker: Arc<Matchmaker>,
    pub limiters: Arc<Limiters>,
    /// Sockets by the address of their client.
    pub connections: Connections,
    pub activity: Activity,
    pub tasks: Tasks,
}

impl Sockets {
    /// `GET /v1/ws`, for a router with any state.
    pub fn route<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> MethodRouter<S> {
        get(upgrade).with_state(self)
    }

    /// Starts the background tasks of the sockets; `behind` brings connections that may have missed
    /// something.
    pub fn look_after(self: &Arc<Self>, behind: mpsc::UnboundedReceiver<Arc<Connection>>) {
        let tasks = &self.tasks;
        tasks.supervise("catch-up", catch_up::run(Arc::clone(self), behind));
        tasks.supervise("revocations", revocations::watch(Arc::clone(self)));
        tasks.supervise("activity", activity::run(Arc::clone(self)));
    }
}
