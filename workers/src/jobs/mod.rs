//! The jobs, a module each.

use std::time::Duration;

use crate::job::Queue;

mod claims;
mod expire;
mod retention;
mod subscriptions;

pub use claims::Claims;
pub use expire::Expire;
pub use retention::Retention;
pub use subscriptions::Subscriptions;

/// Every queue there is, and how often the scheduled ones run.
pub fn all() -> Vec<Queue> {
    vec![
        Queue::scheduled::<Expire>(Duration::from_mins(1)),
        Queue::scheduled::<Claims>(Duration::from_mins(1)),
        Queue::scheduled::<Retention>(Duration::from_hours(1)),
        Queue::scheduled::<Subscriptions>(Duration::from_mins(1)),
    ]
}
