//! The jobs, a module each.

use std::time::Duration;

use crate::job::Queue;

mod ad_counts;
mod claims;
mod expire;
mod retention;

pub use ad_counts::AdCounts;
pub use claims::Claims;
pub use expire::Expire;
pub use retention::Retention;

/// Every queue there is, and how often the scheduled ones run.
pub fn all() -> Vec<Queue> {
    vec![
        Queue::scheduled::<AdCounts>(Duration::from_mins(1)),
        Queue::scheduled::<Expire>(Duration::from_mins(1)),
        Queue::scheduled::<Claims>(Duration::from_mins(1)),
        Queue::scheduled::<Retention>(Duration::from_hours(1)),
    ]
}
