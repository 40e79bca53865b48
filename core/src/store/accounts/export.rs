//! Everything that is held of a user, page by page: [`TABLES`] says what that is.

use serde_json::{Map, Value};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type, ValueRef as _};

use super::Accounts;
use crate::{
    crypto::{CryptoError, FieldCipher},
    db::Query,
    privacy::{Bound, Column, Kind, Rows, Shown, TABLES, Table},
    store::{Store, StoreError},
};
use tebdil_protocol::{
    id::{MatchId, UserId},
    time::Timestamp,
};

/// Rows of a page.
const PAGE: i64 = 500;

/// Where a row stands among those that are read together: its sender and `seq` where it goes by
/// matches, else 0 and the number by which it is read.
type Place = (i64, i64);

/// Before every row: ids and numbers are above 0.
const START: Place = (0, 0);

/// Why an export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Crypto(#[from] CryptoError),
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
    after: Place,
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
        whose: &'static str,
        by: Option<&'static str>,
    ) -> Result<Vec<Map<String, Value>>, ExportError> {
        const UNPLACED: &str = "SELECT CAST(0 AS BIGINT), CAST(0 AS BIGINT)";
        const BY_NUMBER: &str = "SELECT CAST(0 AS BIGINT), t.";
        let Some(by) = by else {
            self.table += 1;
            let query = select(store.db.read(UNPLACED), table)
                .push(whose)
                .bind(self.user);
            return Ok(without_places(read(query, table, cipher).await?));
        };
        let query = select(store.db.read(BY_NUMBER).push(by), table)
            .push("(")
            .push(whose)
            .push(") AND t.")
            .push(by)
            .push(" > $2 ORDER BY t.")
            .push(by)
            .push(" LIMIT $3")
            .bind(self.user)
            .bind(self.after.1)
            .bind(PAGE);
        let rows = read(query, table, cipher).await?;
        if !self.goes_on_after(&rows) {
            self.table += 1;
        }
        Ok(without_places(rows))
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
        // One sender after the other, as the keys of these tables go: a page is read from where the
        // last one ended, however much is in the match.
        const PLACE: &str = "SELECT t.sender_id, t.seq";
        const OF_MATCH: &str = "t.match_id = $2 AND (t.sender_id, t.seq) > ($3, $4) \
             ORDER BY t.sender_id, t.seq LIMIT $5";
        let next = if open { NEXT_OPEN } else { NEXT };
        let of_match: Option<MatchId> = match self.of_match {
            Some(of_match) if self.after > START => Some(of_match),
            before => {
                let before = before.unwrap_or(MatchId(0));
                store.db.value(next, (self.user, before)).await?
            }
        };
        self.of_match = of_match;
        let Some(of_match) = of_match else {
            self.table += 1;
            return Ok(Vec::new());
        };
        let query = select(store.db.read(PLACE), table)
            .push(OF_MATCH)
            .bind(self.user)
            .bind(of_match)
            .bind(self.after.0)
            .bind(self.after.1)
            .bind(PAGE);
        let rows = read(query, table, cipher).await?;
        self.goes_on_after(&rows);
        Ok(without_places(rows))
    }

    /// Notes where the next page begins; `false` when this was the last.
    fn goes_on_after(&mut self, rows: &[Placed]) -> bool {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
        let last = rows.last().filter(|_| full);
        self.after = last.map_or(START, |(place, _)| *place);
        full
    }
}

/// What is shown of a row, after its place.
type Placed = (Place, Map<String, Value>);

fn without_places(rows: Vec<Placed>) -> Vec<Map<String, Value>> {
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Runs what [`select`] began.
async fn read(
    query: Query<'_>,
    table: &Table,
    cipher: &FieldCipher,
) -> Result<Vec<Placed>, ExportError> {
    let rows: Vec<Cells> = query.all().await.map_err(StoreError::from)?;
    rows.into_iter()
        .map(|row| Ok((row.place, shown(row.cells, table, cipher)?)))
        .collect()
}

/// Adds what is shown of a table to a `SELECT` of a place, up to the `WHERE`.
fn select<'t>(mut query: Query<'t>, table: &Table) -> Query<'t> {
    for column in table.columns {
        let Shown::As(kind) = column.shown else {
            continue;
        };
        let name = column.name;
        query = match kind {
            Kind::Peer => query
                .push(", (SELECT p.alias || '#' || p.tag FROM users p WHERE p.id = t.")
                .push(name)
                .push(")"),
            Kind::Who => query
                .push(", CASE WHEN t.")
                .push(name)
                .push(" = $1 THEN 'self' WHEN t.")
                .push(name)
                .push(" IS NOT NULL THEN 'other' END"),
            Kind::OfSender => query
                .push(", CASE WHEN t.sender_id = $1 THEN t.")
                .push(name)
                .push(" END"),
            Kind::Sealed {
                key_id, bound_to, ..
            }
            | Kind::SealedJson {
                key_id, bound_to, ..
            } => {
                let bound_to = match bound_to {
                    Bound::Phone => ", t.phone_index",
                    Bound::Id => ", t.id",
                };
                query
                    .push(", t.")
                    .push(name)
                    .push(", t.")
                    .push(key_id)
                    .push(bound_to)
            }
            _ => query.push(", t.").push(name),
        };
    }
    query.push(" FROM ").push(table.name).push(" t WHERE ")
}

/// A value as the database gives it. SQLite has neither flags nor times, but numbers.
enum Cell {
    Null,
    Number(i64),
    Real(f64),
    Flag(bool),
    Time(Timestamp),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of [`select`].
struct Cells {
    place: Place,
    cells: Vec<Cell>,
}

impl<'r, R> FromRow<'r, R> for Cells
where
    R: Row,
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    Timestamp: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let cell = |at: usize| -> Result<Cell, sqlx::Error> {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(Cell::Null);
            }
            let of = value.type_info();
            if <i64 as Type<R::Database>>::compatible(&of) {
                row.try_get(at).map(Cell::Number)
            } else if <f64 as Type<R::Database>>::compatible(&of) {
                row.try_get(at).map(Cell::Real)
            } else if <bool as Type<R::Database>>::compatible(&of) {
                row.try_get(at).map(Cell::Flag)
            } else if <Timestamp as Type<R::Database>>::compatible(&of) {
                row.try_get(at).map(Cell::Time)
            } else if <String as Type<R::Database>>::compatible(&of) {
                row.try_get(at).map(Cell::Text)
            } else {
                row.try_get(at).map(Cell::Bytes)
            }
        };
        Ok(Self {
            place: (row.try_get(0)?, row.try_get(1)?),
            cells: (2..row.len()).map(cell).collect::<Result<_, _>>()?,
        })
    }
}

/// What is shown of a row of [`select`].
fn shown(
    cells: Vec<Cell>,
    table: &Table,
    cipher: &FieldCipher,
) -> Result<Map<String, Value>, ExportError> {
    let mut shown = Map::new();
    let mut cells = cells.into_iter();
    let mut next = || cells.next().unwrap_or(Cell::Null);
    for column in table.columns {
        let Shown::As(kind) = column.shown else {
            continue;
        };
        let corrupt = StoreError::Corrupt { what: column.name };
        let value = match (kind, next()) {
            (Kind::Sealed { context, .. } | Kind::SealedJson { context, .. }, sealed) => {
                let text = match (sealed, next(), next()) {
                    (Cell::Null, ..) | (_, Cell::Null, _) => None,
                    (Cell::Bytes(sealed), Cell::Text(key_id), Cell::Bytes(phone)) => {
                        Some(opened(cipher, context, &phone, &key_id, &sealed)?)
                    }
                    (Cell::Bytes(sealed), Cell::Text(key_id), Cell::Number(id)) => {
                        let id = id.to_be_bytes();
                        Some(opened(cipher, context, &id, &key_id, &sealed)?)
                    }
                    _ => return Err(corrupt.into()),
                };
                match (kind, text) {
                    (Kind::SealedJson { .. }, Some(text)) => from_json(column, &text)?,
                    (_, text) => Value::from(text),
                }
            }
            (_, Cell::Null) => Value::Null,
            (Kind::Text | Kind::Peer | Kind::Who | Kind::OfSender, Cell::Text(text)) => {
                Value::from(text)
            }
            (Kind::Number, Cell::Number(number)) => Value::from(number),
            (Kind::Real, Cell::Real(number)) => Value::from(number),
            (Kind::Flag, Cell::Flag(flag)) => Value::from(flag),
            (Kind::Flag, Cell::Number(flag)) => Value::from(flag != 0),
            (Kind::Time, Cell::Time(time)) => Value::from(time.to_string()),
            (Kind::Time, Cell::Number(millis)) => {
                Value::from(Timestamp::from_millis(millis).to_string())
            }
            (Kind::Id, Cell::Number(id)) => Value::from(id.to_string()),
            (Kind::Json, Cell::Text(text)) => from_json(column, &text)?,
            (Kind::Bytes, Cell::Bytes(bytes)) => Value::from(base64(&bytes)),
            _ => return Err(corrupt.into()),
        };
        shown.insert(column.key().to_owned(), value);
    }
    Ok(shown)
}

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

impl Accounts<'_> {
    /// Everything that is held of `user`, to be read page by page: [`Export::next`].
    pub fn export(self, user: UserId) -> Export {
        Export {
            user,
            table: 0,
            after: START,
            of_match: None,
        }
    }
}
