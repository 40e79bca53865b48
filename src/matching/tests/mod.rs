//! Several nodes in one test, over a network that may do what it likes.
//!
//! [`sim`] has the nodes, the network, the lease and the store; [`check`] says what must hold. In
//! [`scenes`] and [`background`] one thing fails at a time; in [`histories`] anything does, as
//! often as `PROPTEST_CASES` says. That the second would find a mistake is shown by planting some
//! ([`sim::Bug`]): each turns off one thing that the matching relies on, and is found.

mod background;
mod check;
mod histories;
mod scenes;
mod sim;
mod wire;
