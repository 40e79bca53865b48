//! The task that says that this node lives, and looks after the others.

use std::{collections::HashMap, sync::Arc, time::Duration};

use redis::Value;
use tokio::time::{Instant, sleep_until, timeout};

use super::{REAP_BATCH, SAID_KEPT, Shared, scripts, subscriber};
use crate::realtime::{BusEvent, NodeId, RealtimeError};
use tebdil_protocol::id::UserId;

/// Time between beats.
const BEAT: Duration = Duration::from_secs(1);

/// Time between beats while something is wrong.
const PROBE: Duration = Duration::from_millis(250);

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_millis(800);

/// How long one beat may spend on the devices of dead nodes.
const REAP_TIME: Duration = Duration::from_millis(500);

/// Time between two registrations anew.
const FORGOTTEN_PAUSE: Duration = Duration::from_secs(1);

/// Beats until the node ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut last = Instant::now();
    let mut forgotten = None::<Instant>;
    loop {
        let pause = if shared.is_well() { BEAT } else { PROBE };
        // A failure is answered at once, but never more often than PROBE.
        let _ = timeout(
            pause.saturating_sub(last.elapsed()),
            shared.failed.notified(),
        )
        .await;
        sleep_until(last + PROBE).await;
        last = Instant::now();

        let doubted = shared.is_presence_doubted()
            && forgotten.is_none_or(|at| at.elapsed() >= FORGOTTEN_PAUSE);
        let renew = doubted || !shared.is_up();
        if doubted {
            // A doubt of this very moment, or one that has to wait for its pause, stays.
            shared.believe_presence();
        }
        match beat(&shared, renew).await {
            Ok(known) => {
                // Not without a new epoch: where a batch failed beside this beat, it could be sent
                // late.
                if renew {
                    shared.came_up();
                }
                if doubted || !known {
                    tracing::info!(known, "registering this node's devices again");
                    forgotten = Some(last);
                    shared.tell(BusEvent::Forgotten);
                }
                reap(&shared).await;
            }
            Err(error) => {
                if doubted {
                    shared.doubt_presence();
                }
                shared.went_down(&error);
            }
        }
    }
}

/// One beat. With `renew` it begins a new epoch: whatever of the old one is still under way will be
/// refused. Whether the node was registered.
pub(super) async fn beat(shared: &Shared, renew: bool) -> Result<bool, RealtimeError> {
    let (known, states) = if renew {
        // Nothing else is under way in the meantime, so nothing is refused needlessly.
        let mut epoch = shared.epoch.write().await;
        *epoch += 1;
        send(shared, *epoch, true).await?
    } else {
        let epoch = *shared.epoch.read().await;
        send(shared, epoch, false).await?
    };
    shared.peers().look(Instant::now(), states);
    Ok(known)
}

async fn send(
    shared: &Shared,
    epoch: u64,
    renew: bool,
) -> Result<(bool, HashMap<NodeId, String>), RealtimeError> {
    let mut call = scripts::BEAT.key(shared.nodes_key());
    call.arg(&shared.prefix)
        .arg(shared.node.to_string())
        .arg(epoch)
        .arg(if renew { "1" } else { "0" });
    call.arg(&[subscriber::kind::ECHO][..]);
    let answer: Vec<Value> = shared.commands.invoke(TIMEOUT, &call).await?;
    let mut answer = answer.into_iter();
    let known = answer.next() == Some(Value::Int(1));
    let texts: Vec<String> = answer
        .filter_map(|value| redis::from_redis_value(value).ok())
        .collect();
    let states = texts
        .chunks_exact(2)
        .filter_map(|pair| Some((pair[0].parse().ok()?, pair[1].clone())));
    Ok((
        known,
        states.filter(|(node, _)| *node != shared.node).collect(),
    ))
}

/// Takes out devices of dead nodes, for a while. What is left waits for the next beat.
async fn reap(shared: &Shared) {
    let until = Instant::now() + REAP_TIME;
    let dead = shared.peers().dead();
    for (node, reaping) in dead {
        while Instant::now() < until {
            match take_out(shared, node, &reaping.state).await {
                Ok(Taken { left: ..0, .. }) => {
                    shared.peers().lives(node);
                    break;
                }
                Ok(taken) => {
                    if !taken.orphans.is_empty() {
                        shared.tell(BusEvent::Orphaned(taken.orphans));
                    }
                    if taken.left == 0 {
                        let news = shared.peers().reaped(Instant::now(), node);
                        if news {
                            tracing::warn!(%node, "a node is gone");
                            shared.tell(BusEvent::NodeGone {
                                node,
                                sent_all: false,
                            });
                        }
                        break;
                    }
                }
                Err(error) => {
                    shared.went_down(&error);
                    return;
                }
            }
        }
    }
}

/// Users of a node whose devices were taken out.
pub(super) struct Taken {
    /// Users that remain; negative when the node lives.
    pub left: i64,
    pub users: Vec<UserId>,
    /// Those who are offline now, which nobody announced.
    pub orphans: Vec<UserId>,
}

/// Takes out devices of some users of a node. `state` is what it was seen with, or `own`.
pub(super) async fn take_out(
    shared: &Shared,
    node: NodeId,
    state: &str,
) -> Result<Taken, RealtimeError> {
    let mut call = scripts::REAP.key(shared.nodes_key());
    call.key(shared.node_key(node))
        .arg(&shared.prefix)
        .arg(node.to_string())
        .arg(state)
        .arg(REAP_BATCH)
        .arg(SAID_KEPT.as_secs());
    let answer: Vec<Value> = shared.commands.invoke(TIMEOUT, &call).await?;
    let mut answer = answer.into_iter();
    let left = answer
        .next()
        .and_then(|left| redis::from_redis_value(left).ok())
        .unwrap_or(0);
    let texts: Vec<String> = answer
        .filter_map(|value| redis::from_redis_value(value).ok())
        .collect();
    let mut taken = Taken {
        left,
        users: Vec::new(),
        orphans: Vec::new(),
    };
    for pair in texts.chunks_exact(2) {
        let Ok(user) = pair[0].parse() else { continue };
        taken.users.push(user);
        if pair[1] == "1" {
            taken.orphans.push(user);
        }
    }
    Ok(taken)
}
