//! Everything that is held of a user, page by page: [`TABLES`] says what that is.

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Store, StoreError};
use crate::{
    backend::read,
    crypto::{CryptoError, FieldCipher},
    id::{MatchId, UserId},
    privacy::{Bound, Column, Kind, Rows, Shown, TABLES, Table},
    time::Timestamp,
};

/// Rows of a page.
const PAGE: i64 = 500;

/// Why an export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl From<sqlx::Error> for ExportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportPage {
    pub table: &'static str,
    pub rows: Vec<Map<String, Value>>,
}

/// How far an export has come. Pages of one table follow each other, and every personal table has
/// at least one page.
///
/// Each page is read for itself: what changes meanwhile is in the export as it was before or after.
/// It holds no more than a page at a time.
#[derive(Debug)]
pub struct Export {
    user: UserId,
    /// Index in [`TABLES`].
    table: usize,
    /// Where the next page of the table begins; where it goes by matches, within the match.
    after: i64,
    of_match: Option<MatchId>,
}

impl Export {
    /// The next page; `None` at the end.
    pub async fn next(
        &mut self,
        store: &Store,
        cipher: &FieldCipher,
    ) -> Result<Option<ExportPage>, ExportError> {
        while let Some(table) = TABLES.get(self.table) {
            let rows = match table.rows {
                Rows::Nobody(_) => {
                    self.table += 1;
                    continue;
                }
                Rows::Of(whose, by) => self.page(store, cipher, table, whose, by).await?,
                Rows::OfMatches { open } => self.match_page(store, cipher, table, open).await?,
            };
            return Ok(Some(ExportPage {
                table: table.name,
                rows,
            }));
        }
        Ok(None)
    }

    async fn page(
        &mut self,
        store: &Store,
        cipher: &FieldCipher,
        table: &Table,
        whose: &str,
        by: Option<&str>,
    ) -> Result<Vec<Map<String, Value>>, ExportError> {
        let Some(by) = by else {
            self.table += 1;
            let sql = format!(
                "SELECT CAST(0 AS BIGINT), {} FROM {} t WHERE {whose}",
                selected(table),
                table.name
            );
            let rows = read!(store, |db| {
                let rows = sqlx::query(AssertSqlSafe(sql))
                    .bind(self.user)
                    .fetch_all(db)
                    .await?;
                rows.iter()
                    .map(|row| decode!(row, table, cipher))
                    .collect::<Result<Vec<_>, ExportError>>()?
            });
            return Ok(rows.into_iter().map(|(_, row)| row).collect());
        };
        let sql = format!(
            "SELECT t.{by}, {} FROM {} t WHERE ({whose}) AND t.{by} > $2 ORDER BY t.{by} LIMIT $3",
            selected(table),
            table.name
        );
        let rows = read!(store, |db| {
            let rows = sqlx::query(AssertSqlSafe(sql))
                .bind(self.user)
                .bind(self.after)
                .bind(PAGE)
                .fetch_all(db)
                .await?;
            rows.iter()
                .map(|row| decode!(row, table, cipher))
                .collect::<Result<Vec<_>, ExportError>>()?
        });
        if !self.goes_on_after(&rows) {
            self.table += 1;
        }
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// The page of one match; empty where the match, or the user, has none.
    async fn match_page(
        &mut self,
        store: &Store,
        cipher: &FieldCipher,
        table: &Table,
        open: bool,
    ) -> Result<Vec<Map<String, Value>>, ExportError> {
        const NEXT: &str =
            "SELECT MIN(match_id) FROM match_sides WHERE user_id = $1 AND match_id > $2";
        const NEXT_OPEN: &str =
            "SELECT MIN(match_id) FROM match_sides WHERE user_id = $1 AND match_id > $2 AND open";
        let next = if open { NEXT_OPEN } else { NEXT };
        let of_match = match self.of_match {
            Some(of_match) if self.after > 0 => Some(of_match),
            before => {
                let before = before.unwrap_or(MatchId(0));
                read!(store, |db| sqlx::query_scalar(next)
                    .bind(self.user)
                    .bind(before)
                    .fetch_one(db)
                    .await?)
            }
        };
        self.of_match = of_match;
        let Some(of_match) = of_match else {
            self.table += 1;
            return Ok(Vec::new());
        };
        let sql = format!(
            "SELECT t.id, {} FROM {} t WHERE t.match_id = $2 AND (t.sender_id = $1 OR t.receiver_id = $1) AND t.id > $3 ORDER BY t.id LIMIT $4",
            selected(table),
            table.name
        );
        let rows = read!(store, |db| {
            let query = sqlx::query(AssertSqlSafe(sql))
                .bind(self.user)
                .bind(of_match)
                .bind(self.after)
                .bind(PAGE);
            let rows = query.fetch_all(db).await?;
            rows.iter()
                .map(|row| decode!(row, table, cipher))
                .collect::<Result<Vec<_>, ExportError>>()?
        });
        self.goes_on_after(&rows);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Notes where the next page begins; `false` when this was the last.
    fn goes_on_after(&mut self, rows: &[(i64, Map<String, Value>)]) -> bool {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
        self.after = rows.last().filter(|_| full).map_or(0, |(key, _)| *key);
        full
    }
}

fn selected(table: &Table) -> String {
    let expressions = table.columns.iter().filter_map(|column| {
        let name = column.name;
        match column.shown {
            Shown::Not(_) => None,
            Shown::As(Kind::Peer) => Some(format!(
                "(SELECT p.alias || '#' || p.tag FROM users p WHERE p.id = t.{name})"
            )),
            Shown::As(Kind::Who) => Some(format!(
                "CASE WHEN t.{name} = $1 THEN 'self' WHEN t.{name} IS NOT NULL THEN 'other' END"
            )),
            Shown::As(Kind::OfSender) => {
                Some(format!("CASE WHEN t.sender_id = $1 THEN t.{name} END"))
            }
            Shown::As(Kind::Sealed { key_id, .. } | Kind::SealedJson { key_id, .. }) => {
                Some(format!("t.{name}, t.{key_id}"))
            }
            Shown::As(_) => Some(format!("t.{name}")),
        }
    });
    let mut expressions: Vec<String> = expressions.collect();
    for column in table.columns {
        if let Shown::As(Kind::Sealed { bound_to, .. } | Kind::SealedJson { bound_to, .. }) =
            column.shown
        {
            expressions.push(match bound_to {
                Bound::Phone => "t.phone_index AS bound_to_phone".to_owned(),
                Bound::Id => "t.id AS bound_to_id".to_owned(),
            });
        }
    }
    // One is enough for all that is bound to it.
    expressions.dedup();
    expressions.join(", ")
}

/// A row of [`selected`] columns after a number: that number, and what is shown.
macro_rules! decode {
    ($row:expr, $table:expr, $cipher:expr) => {{
        let row = $row;
        let mut shown = Map::new();
        let mut at = 0;
        let mut next = || {
            at += 1;
            at
        };
        for column in $table.columns {
            let Shown::As(kind) = column.shown else {
                continue;
            };
            let value = match kind {
                Kind::Text | Kind::Peer | Kind::Who | Kind::OfSender => {
                    row.try_get::<Option<String>, _>(next())?.map(Value::from)
                }
                Kind::Number => row.try_get::<Option<i64>, _>(next())?.map(Value::from),
                Kind::Real => row.try_get::<Option<f64>, _>(next())?.map(Value::from),
                Kind::Flag => row.try_get::<Option<bool>, _>(next())?.map(Value::from),
                Kind::Time => row
                    .try_get::<Option<Timestamp>, _>(next())?
                    .map(|time| Value::from(time.to_string())),
                Kind::Id => row
                    .try_get::<Option<i64>, _>(next())?
                    .map(|id| Value::from(id.to_string())),
                Kind::Json => row
                    .try_get::<Option<String>, _>(next())?
                    .map(|text| from_json(column, &text))
                    .transpose()?,
                Kind::Bytes => row
                    .try_get::<Option<Vec<u8>>, _>(next())?
                    .map(|bytes| Value::from(base64(&bytes))),
                Kind::Sealed {
                    context, bound_to, ..
                }
                | Kind::SealedJson {
                    context, bound_to, ..
                } => {
                    let ciphertext: Option<Vec<u8>> = row.try_get(next())?;
                    let key_id: Option<String> = row.try_get(next())?;
                    let bound_to: Vec<u8> = match bound_to {
                        Bound::Phone => row.try_get("bound_to_phone")?,
                        Bound::Id => row.try_get::<i64, _>("bound_to_id")?.to_be_bytes().to_vec(),
                    };
                    let text = ciphertext.zip(key_id).map(|(sealed, key_id)| {
                        opened($cipher, context, &bound_to, &key_id, &sealed)
                    });
                    match (kind, text.transpose()?) {
                        (Kind::SealedJson { .. }, Some(text)) => Some(from_json(column, &text)?),
                        (_, text) => text.map(Value::from),
                    }
                }
            };
            shown.insert(column.key().to_owned(), value.unwrap_or(Value::Null));
        }
        Ok::<_, ExportError>((row.try_get::<i64, _>(0)?, shown))
    }};
}
use decode;

fn from_json(column: &Column, text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { what: column.name })
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

fn opened(
    cipher: &FieldCipher,
    context: &'static str,
    bound_to: &[u8],
    key_id: &str,
    sealed: &[u8],
) -> Result<String, ExportError> {
    let plain = cipher.open(context, bound_to, key_id, sealed)?;
    let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Corrupt { what: context })?;
    Ok(text.to_owned())
}

impl Store {
    /// Everything that is held of `user`, to be read page by page: [`Export::next`].
    pub fn export(&self, user: UserId) -> Export {
        Export {
            user,
            table: 0,
            after: 0,
            of_match: None,
        }
    }
}
