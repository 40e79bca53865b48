//! What is said in matches.

pub(crate) mod chat;
pub(crate) mod forget;
pub(crate) mod history;

pub(crate) use chat::KnownSides;
pub use chat::{Append, ChatRules, MatchDevice, NewMessage, NewReceipt, Receipt};
pub use history::MessageRow;

use std::ops::Deref;

use super::Store;

/// What is said in matches.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'s>(&'s Store);

impl Store {
    /// What is said in matches.
    pub const fn messages(&self) -> Messages<'_> {
        Messages(self)
    }
}

impl Deref for Messages<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}
