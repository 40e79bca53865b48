//! The jobs, a module each.

use std::time::Duration;

use tebdil_core::notice::PushOrder;

use crate::job::Queue;

mod claims;
mod expire;
mod push;
mod retention;

pub use claims::Claims;
pub use expire::Expire;
pub use push::PushDevice;
pub use retention::Retention;

/// Every queue there is, and how often the scheduled ones run.
pub fn all() -> Vec<Queue> {
    vec![
        Queue::scheduled::<Expire>(Duration::from_mins(1)),
        Queue::scheduled::<Claims>(Duration::from_mins(1)),
        Queue::scheduled::<Retention>(Duration::from_hours(1)),
        Queue::of::<PushOrder>(),
        Queue::of::<PushDevice>(),
    ]
}
