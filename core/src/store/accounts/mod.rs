//! Accounts, their sessions, keys, codes and second factors.

pub(crate) mod codes;
pub(crate) mod erasure;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod registration;
pub(crate) mod sessions;
pub(crate) mod sign_ins;
pub(crate) mod staff;
pub(crate) mod totps;
pub(crate) mod user_admin;
pub(crate) mod users;

pub use codes::{
    CODE_LIFETIME, CODE_MEMORY, CODE_TRIES, Guess, NewCode, PasswordReset, ProvenCode, TriedCode,
};
pub use erasure::{ERASE_ATTEMPTS, ERASE_QUEUE, ERASED_ALIAS, EraseOrder, Erased, ErasedBy};
pub use export::{Export, ExportError, ExportPage};
pub use keys::{KEY_PACKAGE_PERIOD, MAX_ACCOUNT_KEY_PACKAGES, MAX_KEY_PACKAGES, PutKeys};
pub use registration::{NewUser, Registration};
pub use sessions::{AliveSession, DeadSession, NewSession, Rotation, SessionRow};
pub use sign_ins::SignedIn;
pub use staff::{Correction, RoleChange};
pub use totps::{TOTP_CONTEXT, TotpBegun, TotpOf, TotpRemover, TotpRow};
pub use user_admin::{AccountFilter, AccountRow, AccountSearch};
pub use users::{Alias, ProfileChange, ProfileUpdate, UserRow};

use std::ops::Deref;

use super::{Store, StoreError, SystemLog, jobs::system_logs::log};
use crate::db::Tx;
use tebdil_protocol::{id::UserId, time::Timestamp};

/// Accounts, their sessions, keys, codes and second factors.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'s>(&'s Store);

impl Store {
    /// Accounts, their sessions, keys, codes and second factors.
    pub const fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }
}

impl Deref for Accounts<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}

/// Records in this transaction an act about `user`.
async fn record(
    tx: &mut Tx,
    action: &str,
    user: UserId,
    actor: Option<UserId>,
    details: serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let act = SystemLog {
        action,
        user: Some(user),
        actor,
        details,
    };
    log(tx, &act, now).await
}
