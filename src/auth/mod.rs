//! Accounts: who somebody is, and how they prove it.

mod accounts;
mod age;
mod alias;
pub mod codes;
mod countries;
mod hs256;
mod line;
mod password_text;
mod passwords;
mod phone;
pub mod settings;
mod sign_in;
mod tokens;
mod totp;
mod verification;

pub use accounts::{AccountError, Accounts, FieldError, Parts};
pub(crate) use alias::search_key;
pub use codes::{CodePhone, CodeSender, Codes, Courier};
pub use countries::Countries;
pub use passwords::{PasswordError, Passwords};
pub(crate) use phone::Phones;
pub use tokens::{Access, Appellant, TokenError, Tokens};
pub use verification::Draft;
