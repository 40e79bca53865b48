//! Lists in pages, and parameters of the URL.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use tebdil_protocol::{ErrorCode, Page, id::MatchId};
use utoipa::{
    PartialSchema as _,
    openapi::{RefOr, Schema},
};

use super::{openapi::number_schema, problem::Failure};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 100;

/// Parameters of a query, each read by its name; unknown ones are ignored.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(pairs) = Query::from_request_parts(parts, state)
            .await
            .map_err(|_| Failure::new(ErrorCode::BadRequest, "the query is not well-formed"))?;
        Ok(Self(pairs))
    }
}

impl Params {
    /// A parameter read by `parse`; `None` when it is absent.
    pub fn get<T>(
        &self,
        name: &str,
        detail: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        match self.0.iter().find(|(known, _)| known == name) {
            None => Ok(None),
            Some((_, text)) => parse(text)
                .map(Some)
                .ok_or_else(|| Failure::field(ErrorCode::InvalidField, name, detail)),
        }
    }

    /// `limit` and `cursor`.
    pub fn paging(&self) -> Result<Paging, Failure> {
        let in_range = |text: &str| {
            text.parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        };
        let limit = self
            .get("limit", "must be 1 to 100", in_range)?
            .unwrap_or(DEFAULT_LIMIT);
        let position = self.get("cursor", "must be a next_cursor of this list", read_cursor)?;
        Ok(Paging { limit, position })
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Most items of the page.
    limit: i64,
    position: Option<i64>,
}

impl Paging {
    /// How many rows to read: one more than is shown, to know whether there is a next page.
    pub const fn rows(self) -> i64 {
        self.limit + 1
    }

    /// The id of the last row of the previous page; this one begins after it.
    pub fn position<Id: From<i64>>(self) -> Option<Id> {
        self.position.map(Id::from)
    }

    /// The page from the rows read, up to [`Self::rows`]; the list is ordered by `id`.
    pub fn page<R, T>(
        self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> i64,
        show: impl FnMut(R) -> T,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows
            .last()
            .filter(|_| more)
            .map(|last| id(last).to_string());
        Page {
            items: rows.into_iter().map(show).collect(),
            next_cursor,
        }
    }
}

/// What `limit` may be, for the API document.
pub(super) fn limit_schema() -> RefOr<Schema> {
    number_schema(1, MAX_LIMIT, DEFAULT_LIMIT)
}

/// What `cursor` looks like, for the API document.
pub(super) fn cursor_schema() -> RefOr<Schema> {
    MatchId::schema()
}

/// A cursor is the id of the last row that was shown; any list has one.
fn read_cursor(text: &str) -> Option<i64> {
    text.parse().ok().map(|MatchId(id)| id)
}

/// An id in the path; anything that cannot be one is not found.
#[derive(Debug, Clone, Copy)]
pub struct IdPath<Id>(pub Id);

impl<Id: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for IdPath<Id> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Path::<Id>::from_request_parts(parts, state)
            .await
            .map(|Path(id)| Self(id))
            .map_err(|_| Failure::not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn pages_follow_each_other() {
        let all: Vec<i64> = (1..=5).rev().collect();
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut asked = vec![("limit", "2")];
            if let Some(cursor) = &cursor {
                asked.push(("cursor", cursor));
            }
            let paging = params(&asked).paging().expect("paging");
            let before = paging.position::<i64>().unwrap_or(i64::MAX);
            let rows: Vec<i64> = all
                .iter()
                .copied()
                .filter(|id| *id < before)
                .take(usize::try_from(paging.rows()).unwrap())
                .collect();
            let page = paging.page(rows, |id| *id, |id| id);
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (name, value) in [
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "x"),
            ("cursor", "x"),
            ("cursor", "-1"),
            ("cursor", "0"),
            ("cursor", "01"),
            ("cursor", ""),
        ] {
            let failure = params(&[(name, value)]).paging().expect_err(value);
            assert_eq!(failure.code(), ErrorCode::InvalidField, "{name}={value}");
        }
    }
}
