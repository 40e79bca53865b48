//! Desks and leaders of several nodes, over a bus that may lose and repeat, with a clock that the test moves.

mod commit;
mod failures;
mod net;
mod properties;
mod wire;
