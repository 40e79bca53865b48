//! A point in time in the databases: integer milliseconds on SQLite, `TIMESTAMPTZ` on PostgreSQL.

use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError};

use super::Timestamp;

impl Type<Sqlite> for Timestamp {
    fn type_info() -> <Sqlite as Database>::TypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }
    fn compatible(ty: &<Sqlite as Database>::TypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for Timestamp {
    fn encode_by_ref(
        &self,
        buf: &mut <Sqlite as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Sqlite>>::encode_by_ref(&self.0, buf)
    }
}

impl Decode<'_, Sqlite> for Timestamp {
    fn decode(value: <Sqlite as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
        <i64 as Decode<'_, Sqlite>>::decode(value).map(Self)
    }
}

impl Type<Postgres> for Timestamp {
    fn type_info() -> <Postgres as Database>::TypeInfo {
        <time::OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(
        &self,
        buf: &mut <Postgres as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)?;
        <time::OffsetDateTime as Encode<'_, Postgres>>::encode_by_ref(&time, buf)
    }
}

impl Decode<'_, Postgres> for Timestamp {
    fn decode(value: <Postgres as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
        let time = <time::OffsetDateTime as Decode<'_, Postgres>>::decode(value)?;
        Ok(Self(i64::try_from(
            time.unix_timestamp_nanos().div_euclid(1_000_000),
        )?))
    }
}
