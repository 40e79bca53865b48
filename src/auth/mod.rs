//! Accounts: who somebody is, and how they prove it.

mod accounts;
mod age;
mod alias;
pub mod codes;
mod countries;
mod fair_queue;
mod hs256;
mod password_text;
mod passwords;
mod phone;
pub mod settings;
mod sign_in;
mod tokens;
mod totp;
mod verification;

pub use accounts::{AccountContext, AccountError, AccountService, FieldError};
pub(crate) use alias::{neutral as neutral_alias, search_key};
pub use codes::{CodePhone, CodeSender, Codes, CodesTask};
pub use countries::Countries;
pub use passwords::{PasswordError, PasswordHasher};
pub(crate) use phone::Phones;
pub use tokens::{Access, Appellant, TokenError, TokenIssuer};
pub use verification::RegistrationDraft;
