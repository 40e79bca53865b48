//! What is stored about whom: every column of every table, whether its person gets it in the
//! export, and what an erasure does to it.
//!
//! The export ([`Accounts::export`](crate::store::Accounts::export)) and the deletions of an
//! erasure are generated from [`TABLES`]. Tests walk both schemas: they fail if a column is not
//! listed, fill every personal table, and look for what they wrote in the export and, after the
//! erasure, everywhere.
//!
//! # How to add a column or a table
//!
//! 1. List it in [`TABLES`] (`privacy/tables.rs`), in the order of an export.
//! 2. A table with personal rows says whose they are and what an erasure does to them. What is not
//!    deleted as a whole is blanked in `store/accounts/erasure.rs`.
//! 3. Add a line to `docs/data-retention.md`.

mod tables;

pub use tables::TABLES;

/// Binds a phone's ciphertext to its column.
pub const PHONE_CONTEXT: &str = "users.phone";

/// How a column is read and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Real,
    Flag,
    Time,
    /// A number that is shown as text, like all ids.
    Id,
    /// Text that is JSON.
    Json,
    /// Shown as base64.
    Bytes,
    /// A user, shown by handle, under the name without `_id`.
    Peer,
    /// A user: `self` or `other`, under the name without `_id`.
    Who,
    /// Text that describes the sender of the row, and is shown to nobody else.
    OfSender,
    /// Encrypted: shown in clear text, under the name without `_ciphertext`.
    Sealed {
        context: &'static str,
        /// The column with the id of the key.
        key_id: &'static str,
        bound_to: Bound,
    },
    /// The same of JSON.
    SealedJson {
        context: &'static str,
        key_id: &'static str,
        bound_to: Bound,
    },
}

/// The row identity that a ciphertext is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The row's `phone_index`.
    Phone,
    /// The row's `id`.
    Id,
}

/// Whether a column is in the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    As(Kind),
    /// It is not, for this reason.
    Not(&'static str),
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub shown: Shown,
    /// Why it outlives an erasure, if the row does; `None`: it is overwritten.
    pub stays: Option<&'static str>,
}

impl Column {
    const fn stays(mut self, why: &'static str) -> Self {
        self.stays = Some(why);
        self
    }

    /// Its name in the export.
    pub fn key(&self) -> &'static str {
        let end = match self.shown {
            Shown::As(Kind::Peer | Kind::Who) => "_id",
            Shown::As(Kind::Sealed { .. } | Kind::SealedJson { .. }) => "_ciphertext",
            _ => "",
        };
        self.name.strip_suffix(end).unwrap_or(self.name)
    }
}

/// Whose the rows of a table are. In conditions `$1` is the user and `t` the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Nobody's, for this reason.
    Nobody(&'static str),
    /// The user's under this condition. Where they may be many, they are read in pages by this
    /// column: a number, in its order.
    Of(&'static str, Option<&'static str>),
    /// Rows of the user's matches, read match by match (`match_id`), by sender and `seq`.
    OfMatches {
        /// Only of open matches: nobody can read those of others, and they are about to be deleted.
        open: bool,
    },
}

/// What an erasure does to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Those under this condition are deleted.
    Deleted(&'static str),
    /// They are deleted by a statement of their own.
    DeletedApart,
    /// They stay; their columns say which of them are overwritten.
    Kept,
}

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub rows: Rows,
    pub erasure: Erasure,
    pub columns: &'static [Column],
}

impl Table {
    /// Whether it contains anything personal.
    pub const fn is_personal(&self) -> bool {
        !matches!(self.rows, Rows::Nobody(_))
    }
}
