//! One statement, with what is bound to it, for either database.
//!
//! SQL is written once, as PostgreSQL reads it. For SQLite the locking clauses are removed: its one
//! writer needs none. Statements about many rows use [`Query::rows`] or [`Query::list`], in few
//! shapes, so that a prepared statement serves again.

use std::{borrow::Cow, fmt::Write as _};

use futures_util::future::BoxFuture;
use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, Error, FromRow, Postgres, SqlSafeStr as _, SqlStr,
    Sqlite, SqliteConnection, SqlitePool, Type,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::postgres::{PooledConnection, PostgresPool};

#[cfg(test)]
pub(super) mod plans;
#[cfg(test)]
mod tests;

/// What can be bound on both databases. An `Option` keeps its type, so that PostgreSQL knows the
/// type of a NULL.
pub(crate) trait Bind<'q>:
    Encode<'q, Sqlite> + Type<Sqlite> + Encode<'q, Postgres> + Type<Postgres> + 'q
{
}

impl<'q, T> Bind<'q> for T where
    T: Encode<'q, Sqlite> + Type<Sqlite> + Encode<'q, Postgres> + Type<Postgres> + 'q
{
}

/// What can be read from a row of both databases: structs that derive `FromRow`, and tuples.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// Where a statement runs.
pub(super) enum On<'t> {
    Sqlite(&'t SqlitePool),
    SqliteTx(&'t mut SqliteConnection),
    Postgres(&'t PostgresPool),
    PostgresTx(&'t mut PooledConnection),
}

enum Args {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

enum Rows {
    None,
    Sqlite(Vec<SqliteRow>),
    Postgres(Vec<PgRow>),
}

/// A statement to run.
#[must_use = "it does nothing until it is run"]
pub(crate) struct Query<'t> {
    on: On<'t>,
    sql: Cow<'static, str>,
    args: Args,
    /// A bound value could not be encoded.
    failed: Option<Error>,
    /// It is about a list of rows that is empty.
    idle: bool,
}

/// Where [`Query::rows`] and [`Query::list`] put theirs.
const ROWS: &str = "{rows}";
const LIST: &str = "{list}";

/// Parameters of rows in one statement. SQLite takes 32,766 altogether, PostgreSQL twice as many.
const MAX_PARAMETERS: usize = 32_700;

/// What SQLite does not know.
const LOCKING: [&str; 2] = [" FOR UPDATE SKIP LOCKED", " FOR NO KEY UPDATE"];

impl<'t> Query<'t> {
    pub(super) fn new(on: On<'t>, sql: &'static str) -> Self {
        let args = match on {
            On::Sqlite(_) | On::SqliteTx(_) => Args::Sqlite(SqliteArguments::default()),
            On::Postgres(_) | On::PostgresTx(_) => Args::Postgres(PgArguments::default()),
        };
        Self {
            on,
            sql: Cow::Borrowed(sql),
            args,
            failed: None,
            idle: false,
        }
    }

    /// Binds the next parameter: `$1`, `$2` …
    pub(crate) fn bind<'q>(mut self, value: impl Bind<'q>) -> Self {
        self.add(value);
        self
    }

    /// Adds to the text. For conditions that are not always there.
    pub(crate) fn push(mut self, sql: &'static str) -> Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Adds text that a test has made up.
    #[cfg(feature = "testing")]
    pub(crate) fn push_text(mut self, sql: &str) -> Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Adds the next parameter to the text, and binds it.
    pub(crate) fn push_bind<'q>(self, value: impl Bind<'q>) -> Self {
        let mut query = self.bind(value);
        let number = query.args.len();
        write!(query.sql.to_mut(), "${number}").expect("a string grows");
        query
    }

    /// Puts `VALUES (…), …` where the text says `{rows}`, one row for each item. Numbers of other
    /// parameters, `$1` …, count without them.
    ///
    /// The statement is used as `FROM ({rows}) AS v` with the columns `column1`, `column2` … For
    /// few shapes there are 1, 2, 4, 8 … rows; what is too many is NULL in every column, so an
    /// `INSERT` says `WHERE column1 IS NOT NULL`, and a join passes over it. Without an item the
    /// statement does not run, and finds nothing.
    ///
    /// Call it before [`Self::bind`] where there may be many: SQLite looks numbers up one by one,
    /// for each of them among all.
    pub(crate) fn rows<I>(
        mut self,
        items: impl IntoIterator<Item = I>,
        mut columns: impl FnMut(&mut RowOf<'_, 't>, &I),
    ) -> Self {
        let first = self.args.len();
        let mut count = 0_usize;
        let mut last = None;
        for item in items {
            columns(
                &mut RowOf {
                    query: &mut self,
                    filler: false,
                },
                &item,
            );
            last = Some(item);
            count += 1;
        }
        let Some(last) = last else {
            self.idle = true;
            return self;
        };
        let width = (self.args.len() - first) / count;
        if width == 0 {
            // Nothing could be bound: it fails when it is run.
            return self;
        }
        let shape = shape(count, (MAX_PARAMETERS - first) / width);
        for _ in count..shape {
            let mut filler = RowOf {
                query: &mut self,
                filler: true,
            };
            columns(&mut filler, &last);
        }
        let mut text = String::from("VALUES ");
        for row in 0..shape {
            text.push_str(if row == 0 { "(" } else { ", (" });
            self.placeholders(&mut text, first, first + row * width, width);
            text.push(')');
        }
        self.replace(ROWS, &text, first);
        self
    }

    /// Puts a list where the text says `{list}`, for `IN ({list})`; the same as [`Self::rows`]
    /// else.
    pub(crate) fn list<'q, T: Bind<'q>>(mut self, items: impl IntoIterator<Item = T>) -> Self {
        let first = self.args.len();
        for item in items {
            self.add(item);
        }
        let count = self.args.len() - first;
        if count == 0 {
            // Where nothing could be bound, it fails when it is run.
            self.idle = self.failed.is_none();
            return self;
        }
        let shape = shape(count, MAX_PARAMETERS - first);
        for _ in count..shape {
            self.add(None::<T>);
        }
        let mut text = String::new();
        self.placeholders(&mut text, first, first, shape);
        self.replace(LIST, &text, first);
        self
    }

    fn add<'q>(&mut self, value: impl Bind<'q>) {
        let added = match &mut self.args {
            Args::Sqlite(args) => args.add(value).map(drop),
            Args::Postgres(args) => args.add(value),
        };
        if let Err(error) = added {
            self.failed = Some(Error::Encode(error));
        }
    }

    /// Writes `count` parameters, those after `before`, of rows that begin after `first` others.
    /// SQLite finds those without a number at once; without others before them, none needs one.
    fn placeholders(&self, text: &mut String, first: usize, before: usize, count: usize) {
        let numbered = first > 0 || matches!(self.args, Args::Postgres(_));
        for number in before + 1..=before + count {
            text.push_str(if number == before + 1 { "" } else { ", " });
            if numbered {
                write!(text, "${number}").expect("a string grows");
            } else {
                text.push('?');
            }
        }
    }

    /// Puts rows in their place, which begin after `first` other parameters. The text counts
    /// without them.
    fn replace(&mut self, mark: &str, rows: &str, first: usize) {
        if first == 0 {
            self.sql = Cow::Owned(later(&self.sql, self.args.len()));
        }
        self.sql = Cow::Owned(self.sql.replacen(mark, rows, 1));
    }

    /// Runs it, and says how many rows it changed.
    pub(crate) fn execute(self) -> BoxFuture<'t, Result<u64, Error>> {
        Box::pin(async move {
            if self.idle {
                return Ok(0);
            }
            let (on, sql, args) = self.ready()?;
            match (on, args) {
                (On::Sqlite(pool), Args::Sqlite(args)) => Ok(sqlx::query_with(sql, args)
                    .execute(pool)
                    .await?
                    .rows_affected()),
                (On::SqliteTx(tx), Args::Sqlite(args)) => Ok(sqlx::query_with(sql, args)
                    .execute(tx)
                    .await?
                    .rows_affected()),
                (On::Postgres(pool), Args::Postgres(args)) => {
                    pool.acquire().await?.execute(sql, args).await
                }
                (On::PostgresTx(held), Args::Postgres(args)) => held.execute(sql, args).await,
                _ => unreachable!("the arguments were made for the database"),
            }
        })
    }

    fn fetch(self) -> BoxFuture<'t, Result<Rows, Error>> {
        Box::pin(async move {
            if self.idle {
                return Ok(Rows::None);
            }
            #[cfg(test)]
            self.note_plan().await?;
            let (on, sql, args) = self.ready()?;
            match (on, args) {
                (On::Sqlite(pool), Args::Sqlite(args)) => Ok(Rows::Sqlite(
                    sqlx::query_with(sql, args).fetch_all(pool).await?,
                )),
                (On::SqliteTx(tx), Args::Sqlite(args)) => Ok(Rows::Sqlite(
                    sqlx::query_with(sql, args).fetch_all(tx).await?,
                )),
                (On::Postgres(pool), Args::Postgres(args)) => Ok(Rows::Postgres(
                    pool.acquire().await?.fetch(sql, args).await?,
                )),
                (On::PostgresTx(held), Args::Postgres(args)) => {
                    Ok(Rows::Postgres(held.fetch(sql, args).await?))
                }
                _ => unreachable!("the arguments were made for the database"),
            }
        })
    }

    fn ready(self) -> Result<(On<'t>, SqlStr, Args), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        super::count_statement();
        let sql = match self.on {
            On::Sqlite(_) | On::SqliteTx(_) => without_locking(self.sql),
            On::Postgres(_) | On::PostgresTx(_) => self.sql,
        };
        // It was put together from texts of this program.
        Ok((self.on, AssertSqlSafe(sql).into_sql_str(), self.args))
    }

    /// Every row.
    pub(crate) async fn all<T: Row>(self) -> Result<Vec<T>, Error> {
        match self.fetch().await? {
            Rows::None => Ok(Vec::new()),
            Rows::Sqlite(rows) => rows.iter().map(T::from_row).collect(),
            Rows::Postgres(rows) => rows.iter().map(T::from_row).collect(),
        }
    }

    /// The first row, if there is one.
    pub(crate) async fn optional<T: Row>(self) -> Result<Option<T>, Error> {
        match self.fetch().await? {
            Rows::None => Ok(None),
            Rows::Sqlite(rows) => rows.first().map(T::from_row).transpose(),
            Rows::Postgres(rows) => rows.first().map(T::from_row).transpose(),
        }
    }

    /// The first row; [`Error::RowNotFound`] when there is none.
    pub(crate) async fn one<T: Row>(self) -> Result<T, Error> {
        self.optional().await?.ok_or(Error::RowNotFound)
    }

    /// The first column of every row.
    pub(crate) async fn values<T>(self) -> Result<Vec<T>, Error>
    where
        (T,): Row,
    {
        let rows: Vec<(T,)> = self.all().await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    /// The first column of the first row, if there is one.
    pub(crate) async fn optional_value<T>(self) -> Result<Option<T>, Error>
    where
        (T,): Row,
    {
        let row: Option<(T,)> = self.optional().await?;
        Ok(row.map(|(value,)| value))
    }

    /// The first column of the first row; [`Error::RowNotFound`] when there is none.
    pub(crate) async fn value<T>(self) -> Result<T, Error>
    where
        (T,): Row,
    {
        self.optional_value().await?.ok_or(Error::RowNotFound)
    }
}

/// A row of [`Query::rows`].
pub(crate) struct RowOf<'a, 't> {
    query: &'a mut Query<'t>,
    /// Of NULLs, to fill up.
    filler: bool,
}

impl RowOf<'_, '_> {
    /// Binds the next column.
    pub(crate) fn bind<'q, T: Bind<'q>>(&mut self, value: T) -> &mut Self {
        self.query.add(if self.filler { None } else { Some(value) });
        self
    }
}

impl Args {
    fn len(&self) -> usize {
        match self {
            Self::Sqlite(args) => args.len(),
            Self::Postgres(args) => args.len(),
        }
    }
}

/// How many rows are said where there are `count`, and room for `most`.
fn shape(count: usize, most: usize) -> usize {
    let shape = count.next_power_of_two();
    if shape > most { count } else { shape }
}

/// The text with each number of a parameter, `$1` …, greater by so many.
fn later(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>() {
            Ok(number) => write!(text, "${}{rest}", number + by).expect("a string grows"),
            Err(_) => write!(text, "${part}").expect("a string grows"),
        }
    }
    text
}

fn without_locking(mut sql: Cow<'static, str>) -> Cow<'static, str> {
    for clause in LOCKING {
        if sql.contains(clause) {
            sql = Cow::Owned(sql.replace(clause, ""));
        }
    }
    sql
}
