//! Statements that are run in one call, with all their parameters: reads on [`Db`], everything in a
//! transaction on [`Tx`].

use super::{
    Db, Tx,
    query::{Bind, Query, Row},
};
use crate::store::StoreError;

/// What is bound to a statement: a tuple, in the order of `$1`, `$2` …
pub(crate) trait Params<'q> {
    /// Binds it.
    fn bind(self, query: Query<'_>) -> Query<'_>;
}

macro_rules! params {
    (@all $($name:ident $value:ident)*) => {
        impl<'q, $($name: Bind<'q>),*> Params<'q> for ($($name,)*) {
            fn bind(self, query: Query<'_>) -> Query<'_> {
                let ($($value,)*) = self;
                query$(.bind($value))*
            }
        }
    };
    () => {
        params!(@all);
    };
    ($name:ident $value:ident $($fewer:ident)*) => {
        params!(@all $name $value $($fewer)*);
        params!($($fewer)*);
    };
}

params!(A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o P p);

impl Tx {
    /// Runs a statement, and says how many rows it changed.
    pub(crate) async fn execute<'q>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<u64, StoreError> {
        Ok(params.bind(self.query(sql)).execute().await?)
    }

    /// Every row.
    pub(crate) async fn all<'q, T: Row>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Vec<T>, StoreError> {
        Ok(params.bind(self.query(sql)).all().await?)
    }

    /// The first row, if there is one.
    pub(crate) async fn optional<'q, T: Row>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Option<T>, StoreError> {
        Ok(params.bind(self.query(sql)).optional().await?)
    }

    /// The first row; [`sqlx::Error::RowNotFound`] when there is none.
    pub(crate) async fn one<'q, T: Row>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<T, StoreError> {
        Ok(params.bind(self.query(sql)).one().await?)
    }

    /// The first column of every row.
    pub(crate) async fn values<'q, T>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Vec<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(params.bind(self.query(sql)).values().await?)
    }

    /// The first column of the first row, if there is one.
    pub(crate) async fn optional_value<'q, T>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Option<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(params.bind(self.query(sql)).optional_value().await?)
    }

    /// The first column of the first row; [`sqlx::Error::RowNotFound`] when there is none.
    pub(crate) async fn value<'q, T>(
        &mut self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<T, StoreError>
    where
        (T,): Row,
    {
        Ok(params.bind(self.query(sql)).value().await?)
    }
}

impl Db {
    /// Every row.
    pub(crate) async fn all<'q, T: Row>(
        &self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Vec<T>, StoreError> {
        Ok(params.bind(self.read(sql)).all().await?)
    }

    /// The first row, if there is one.
    pub(crate) async fn optional<'q, T: Row>(
        &self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Option<T>, StoreError> {
        Ok(params.bind(self.read(sql)).optional().await?)
    }

    /// The first row; [`sqlx::Error::RowNotFound`] when there is none.
    pub(crate) async fn one<'q, T: Row>(
        &self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<T, StoreError> {
        Ok(params.bind(self.read(sql)).one().await?)
    }

    /// The first column of every row.
    pub(crate) async fn values<'q, T>(
        &self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Vec<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(params.bind(self.read(sql)).values().await?)
    }

    /// The first column of the first row, if there is one.
    pub(crate) async fn optional_value<'q, T>(
        &self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<Option<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(params.bind(self.read(sql)).optional_value().await?)
    }

    /// The first column of the first row; [`sqlx::Error::RowNotFound`] when there is none.
    pub(crate) async fn value<'q, T>(
        &self,
        sql: &'static str,
        params: impl Params<'q>,
    ) -> Result<T, StoreError>
    where
        (T,): Row,
    {
        Ok(params.bind(self.read(sql)).value().await?)
    }
}
