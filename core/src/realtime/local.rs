//! The variant of one node: everything in this process.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};

use super::{
    Announcement, BusEvent, Device, Holder, Joined, NodeId, RealtimeError, Stamp, presence::Word,
};
use tebdil_protocol::id::{SessionId, UserId};

/// The realtime state of a node that is alone.
#[derive(Debug)]
pub(crate) struct Local {
    node: NodeId,
    users: Mutex<Users>,
    leases: Mutex<HashMap<String, Held>>,
    /// `None` once closed.
    events: Mutex<Option<mpsc::UnboundedSender<BusEvent>>>,
}

#[derive(Debug, Default)]
struct Users {
    known: HashMap<UserId, User>,
    last_stamp: i64,
}

/// The last holding of a lease.
#[derive(Debug, Default)]
struct Held {
    fence: u64,
    until: Option<Instant>,
}

#[derive(Debug, Default)]
struct User {
    /// In the order of joining.
    devices: Vec<(Stamp, Device)>,
    /// Peers were told that the user is online.
    said_online: bool,
}

impl Local {
    pub fn new(node: NodeId) -> (Self, mpsc::UnboundedReceiver<BusEvent>) {
        let (events, received) = mpsc::unbounded_channel();
        (
            Self {
                node,
                users: Mutex::default(),
                leases: Mutex::default(),
                events: Mutex::new(Some(events)),
            },
            received,
        )
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        // Nothing that is done under the lock can panic half way.
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: BusEvent) {
        if let Some(events) = &*self.events.lock().unwrap_or_else(PoisonError::into_inner) {
            // Whoever listened is gone at the end of the process only.
            let _ = events.send(event);
        }
    }

    #[expect(clippy::unused_self, reason = "the same form as over Redis")]
    pub fn to_user(&self, _: UserId, _: impl FnOnce() -> Bytes) {}

    pub fn to_node(&self, node: NodeId, message: Bytes) {
        if node == self.node {
            self.tell(BusEvent::Message(message));
        }
    }

    #[expect(clippy::unused_self, reason = "the same form as over Redis")]
    pub fn to_others(&self, _: impl FnOnce() -> Bytes) {}

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn join(
        &self,
        device: Device,
        max_devices: usize,
        again: Option<Stamp>,
    ) -> Result<Joined, RealtimeError> {
        let mut replaced = Vec::new();
        let joined = {
            let mut users = self.users();
            users.last_stamp += 1;
            let stamp = again.unwrap_or(Stamp(users.last_stamp));
            let user = users.known.entry(device.user).or_default();
            let only = user
                .devices
                .iter()
                .all(|(_, other)| other.session == device.session);
            let same = user
                .devices
                .iter()
                .position(|(_, other)| other.session == device.session);
            let mut returned = false;
            let mut stays = true;
            if let Some(index) = same {
                let (since, other) = user.devices[index];
                if other.connection == device.connection {
                    user.devices.remove(index);
                } else if since > stamp || other.connection > device.connection {
                    stays = false;
                    replaced.push(device);
                } else {
                    returned = only;
                    replaced.push(user.devices.remove(index).1);
                }
            }
            if stays {
                let place = user.devices.partition_point(|(since, _)| *since < stamp);
                user.devices.insert(place, (stamp, device));
                let surplus = user.devices.len().saturating_sub(max_devices.max(1));
                replaced.extend(user.devices.drain(..surplus).map(|(_, oldest)| oldest));
            }
            Joined {
                stamp,
                elsewhere: false,
                returned,
            }
        };
        for Device {
            user,
            session,
            connection,
        } in replaced
        {
            self.tell(BusEvent::Replaced {
                user,
                session,
                connection,
            });
        }
        Ok(joined)
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn leave(&self, device: Device) -> Result<(), RealtimeError> {
        let mut users = self.users();
        if let Some(user) = users.known.get_mut(&device.user) {
            user.devices.retain(|(_, other)| *other != device);
            if user.devices.is_empty() && !user.said_online {
                users.known.remove(&device.user);
            }
        }
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn online(&self, asked: &[UserId]) -> Result<Vec<bool>, RealtimeError> {
        let users = self.users();
        Ok(asked
            .iter()
            .map(|user| {
                users
                    .known
                    .get(user)
                    .is_some_and(|user| !user.devices.is_empty())
            })
            .collect())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn present(&self, asked: &[(UserId, SessionId)]) -> Result<Vec<bool>, RealtimeError> {
        let users = self.users();
        let has = |session| move |(_, device): &(Stamp, Device)| device.session == session;
        Ok(asked
            .iter()
            .map(|(user, session)| {
                users
                    .known
                    .get(user)
                    .is_some_and(|user| user.devices.iter().any(has(*session)))
            })
            .collect())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn announce(
        &self,
        user: UserId,
        word: Word,
        to: &[Announcement],
    ) -> Result<(), RealtimeError> {
        // The lock is held while the words are sent, or two announcements could be heard the other
        // way round.
        let mut users = self.users();
        let (said, online) = users.known.get(&user).map_or((false, false), |known| {
            (known.said_online, !known.devices.is_empty())
        });
        let words: &[bool] = match (said, online, word) {
            (true, true, Word::Returned) => &[false, true],
            (false, false, Word::News | Word::Returned) | (true, true, Word::News) => &[],
            (_, true, _) => &[true],
            (_, false, _) => &[false],
        };
        if !online {
            users.known.remove(&user);
        } else if let Some(known) = users.known.get_mut(&user) {
            known.said_online = true;
        }
        for word in words {
            for one in to {
                self.tell(BusEvent::Message(if *word {
                    one.online.clone()
                } else {
                    one.offline.clone()
                }));
            }
        }
        drop(users);
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn reset(&self) -> Result<Vec<UserId>, RealtimeError> {
        let mut users = self.users();
        let gone = users
            .known
            .iter()
            .filter(|(_, user)| !user.devices.is_empty())
            .map(|(id, _)| *id)
            .collect();
        users
            .known
            .values_mut()
            .for_each(|user| user.devices.clear());
        Ok(gone)
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn hold(
        &self,
        name: &str,
        ttl: Duration,
        candidate: bool,
    ) -> Result<Option<Holder>, RealtimeError> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(lease) = leases.get_mut(name)
            && lease.until.is_some_and(|until| until > now)
        {
            if candidate {
                lease.until = Some(now + ttl);
            }
            return Ok(Some(Holder {
                node: self.node,
                fence: lease.fence,
            }));
        }
        if !candidate {
            return Ok(None);
        }
        let lease = leases.entry(name.to_owned()).or_default();
        lease.fence += 1;
        lease.until = Some(now + ttl);
        Ok(Some(Holder {
            node: self.node,
            fence: lease.fence,
        }))
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn release(&self, name: &str) -> Result<(), RealtimeError> {
        if let Some(lease) = self
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(name)
        {
            lease.until = None;
        }
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn ping(&self) -> Result<(), RealtimeError> {
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn close(&self, _in_order: bool) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
