//! Desks and leaders of several nodes, over a bus that may lose and repeat, with a clock that the
//! test moves.

mod check;
mod commit;
mod failures;
mod lead;
mod line;
mod net;
mod properties;
mod store;
mod wire;
