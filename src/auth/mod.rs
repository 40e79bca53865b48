//! Accounts: who somebody is, and how they prove it.

mod accounts;
mod age;
mod alias;
mod passwords;
mod phone;
mod tokens;

pub use accounts::{AccountError, Accounts, FieldError, Parts};
pub use passwords::{PasswordError, Passwords};
pub(crate) use phone::Phones;
pub use tokens::{Access, TokenError, Tokens};
