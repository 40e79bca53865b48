//! The jobs, a module each.

use std::time::Duration;

use tebdil_core::store::RewardOrder;
use tebdil_core::notice::PushOrder;

use crate::job::Queue;

mod ad_counts;
mod announce;
mod claims;
mod expire;
mod referrals;
mod push;
mod retention;
mod statistics;
mod subscriptions;

pub use ad_counts::AdCounts;
mod wakeups;

pub use announce::Announce;
pub use claims::Claims;
pub use expire::Expire;
pub use referrals::RewardSweep;
pub use push::PushDevice;
pub use retention::Retention;
pub use statistics::Statistics;
pub use wakeups::Wakeups;
pub use subscriptions::Subscriptions;

/// Every queue there is, and how often the scheduled ones run.
pub fn all() -> Vec<Queue> {
    vec![
        Queue::scheduled::<AdCounts>(Duration::from_mins(1)),
        Queue::scheduled::<Expire>(Duration::from_mins(1)),
        Queue::scheduled::<Claims>(Duration::from_mins(1)),
        Queue::of::<RewardOrder>(),
        Queue::scheduled::<RewardSweep>(Duration::from_mins(10)),
        Queue::scheduled::<Retention>(Duration::from_hours(1)),
        Queue::scheduled::<Statistics>(Duration::from_hours(1)),
        Queue::scheduled::<Announce>(Duration::from_mins(1)),
        Queue::scheduled::<Claims>(Duration::from_mins(1)),
        Queue::scheduled::<Expire>(Duration::from_mins(1)),
        Queue::scheduled::<Retention>(Duration::from_hours(1)),
        Queue::scheduled::<Wakeups>(Duration::from_mins(1)),
        Queue::of::<PushOrder>(),
        Queue::of::<PushDevice>(),
        Queue::scheduled::<Subscriptions>(Duration::from_mins(1)),
    ]
}
