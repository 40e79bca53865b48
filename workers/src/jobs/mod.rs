//! The jobs, a module each.

use std::time::Duration;

use tebdil_core::{
    notice::PushOrder,
    store::{AutoBanOrder, BanOrder, EraseOrder, RewardOrder},
};

use crate::job::Queue;

mod absences;
mod ad_counts;
mod alerts;
mod announce;
mod auto_ban;
mod ban;
mod claims;
mod erase;
mod expire;
mod forget;
mod push;
mod referrals;
mod retention;
mod statistics;
mod subscriptions;
mod wakeups;

pub use absences::Absences;
pub use ad_counts::AdCounts;
pub use alerts::Alerts;
pub use announce::Announce;
pub use auto_ban::AutoBanSweep;
pub use ban::BanSweep;
pub use claims::DecideClaims;
pub use expire::Expire;
pub use forget::Forget;
pub use push::PushDevice;
pub use referrals::RewardSweep;
pub use retention::Retention;
pub use statistics::Statistics;
pub use subscriptions::Subscriptions;
pub use wakeups::MissedWakeups;

/// Every queue there is, and how often the scheduled ones run.
pub fn all() -> Vec<Queue> {
    vec![
        Queue::of::<AutoBanOrder>(),
        Queue::of::<BanOrder>(),
        Queue::of::<EraseOrder>(),
        Queue::of::<PushDevice>(),
        Queue::of::<PushOrder>(),
        Queue::of::<RewardOrder>(),
        Queue::scheduled::<Absences>(absences::PERIOD),
        Queue::scheduled::<AdCounts>(Duration::from_mins(1)),
        Queue::scheduled::<Alerts>(Duration::from_mins(1)),
        Queue::scheduled::<Announce>(Duration::from_mins(1)),
        Queue::scheduled::<AutoBanSweep>(Duration::from_mins(10)),
        Queue::scheduled::<BanSweep>(Duration::from_mins(1)),
        Queue::scheduled::<DecideClaims>(Duration::from_mins(1)),
        Queue::scheduled::<Expire>(Duration::from_mins(1)),
        Queue::scheduled::<Forget>(forget::PERIOD),
        Queue::scheduled::<Retention>(Duration::from_hours(1)),
        Queue::scheduled::<RewardSweep>(Duration::from_mins(10)),
        Queue::scheduled::<Statistics>(Duration::from_hours(1)),
        Queue::scheduled::<Subscriptions>(Duration::from_mins(1)),
        Queue::scheduled::<MissedWakeups>(Duration::from_mins(1)),
    ]
}
