//! The devices of this node, as the others see them.

use super::{RealtimeError, Redis, SAID_KEPT, TIMEOUT, beat, scripts};
use crate::realtime::{Device, Joined, PresenceUpdate, Stamp, Word};
use tebdil_protocol::id::UserId;

impl Redis {
    pub async fn join(
        &self,
        device: Device,
        max_devices: usize,
        again: Option<Stamp>,
    ) -> Result<Joined, RealtimeError> {
        self.sure(self.try_join(device, max_devices, again).await)
    }

    async fn try_join(
        &self,
        device: Device,
        max_devices: usize,
        again: Option<Stamp>,
    ) -> Result<Joined, RealtimeError> {
        self.ready()?;
        let shared = &self.shared;
        let Device {
            user,
            session,
            connection,
        } = device;
        let mut call = scripts::JOIN.key(shared.nodes_key());
        let epoch = shared.epoch().await?;
        call.key(shared.user_key(user))
            .arg(&shared.prefix)
            .arg(shared.node.to_string())
            .arg(*epoch);
        call.arg(user.0).arg(session.0).arg(connection);
        call.arg(again.map_or_else(String::new, |stamp| stamp.0.to_string()))
            .arg(max_devices);
        let answer: Vec<String> = shared.commands.invoke(TIMEOUT, &call).await?;
        let unexpected = || RealtimeError::Refused("an unexpected answer".to_owned());
        let [stamp, elsewhere, returned] = answer.as_slice() else {
            return Err(unexpected());
        };
        let stamp = Stamp(stamp.parse().map_err(|_| unexpected())?);
        Ok(Joined {
            stamp,
            elsewhere: elsewhere == "1",
            returned: returned == "1",
        })
    }

    pub async fn leave(&self, device: Device) -> Result<(), RealtimeError> {
        self.sure(self.ready())?;
        let shared = &self.shared;
        let mut call = scripts::LEAVE.key(shared.nodes_key());
        let epoch = self.sure(shared.epoch().await)?;
        call.key(shared.user_key(device.user))
            .arg(&shared.prefix)
            .arg(shared.node.to_string())
            .arg(*epoch);
        call.arg(device.user.0)
            .arg(device.session.0)
            .arg(device.connection)
            .arg(SAID_KEPT.as_secs());
        self.sure(shared.commands.invoke::<()>(TIMEOUT, &call).await)
    }

    pub async fn announce(
        &self,
        user: UserId,
        word: Word,
        to: &[PresenceUpdate],
    ) -> Result<(), RealtimeError> {
        self.sure(self.ready())?;
        let shared = &self.shared;
        let mut call = scripts::ANNOUNCE.key(shared.user_key(user));
        call.arg(&shared.prefix).arg(match word {
            Word::News => "0",
            Word::Returned => "1",
            Word::Again => "2",
        });
        for PresenceUpdate {
            peer,
            online,
            offline,
        } in to
        {
            call.key(shared.user_key(*peer))
                .arg(&**online)
                .arg(&**offline);
        }
        self.sure(shared.commands.invoke::<()>(TIMEOUT, &call).await)
    }

    pub async fn reset(&self) -> Result<Vec<UserId>, RealtimeError> {
        let mut users = Vec::new();
        loop {
            let taken = self.sure(beat::take_out(&self.shared, self.shared.node, "own").await)?;
            users.extend(taken.users);
            if taken.left == 0 {
                return Ok(users);
            }
        }
    }
}
