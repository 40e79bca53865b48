//! The private services do what the outages need.

use sqlx::Connection as _;

use super::{PrivatePostgres, PrivateRedis, Stop};

#[tokio::test]
async fn a_redis_ends_freezes_forgets_and_comes_back() {
    let Some(mut redis) = PrivateRedis::start().await else {
        return;
    };
    let url = redis.url(redis.port());
    let mut connection = redis::Client::open(url)
        .expect("an address")
        .get_multiplexed_async_connection()
        .await
        .expect("a connection");
    let () = redis::cmd("SET")
        .arg("word")
        .arg("merhaba")
        .query_async(&mut connection)
        .await
        .expect("kept");
    let stranger =
        redis::Client::open(format!("redis://127.0.0.1:{}", redis.port())).expect("an address");
    let mut stranger = stranger
        .get_multiplexed_async_connection()
        .await
        .expect("a connection");
    let refused = redis::cmd("PING")
        .query_async::<redis::Value>(&mut stranger)
        .await
        .expect_err("it wants its password");
    assert_eq!(refused.code(), Some("NOAUTH"));

    redis.pause().await;
    assert_eq!(redis.ask("PING").await, None);
    redis.resume().await;
    assert_eq!(redis.ask("DBSIZE").await, Some(redis::Value::Int(1)));
    redis.flush().await;
    assert_eq!(redis.ask("DBSIZE").await, Some(redis::Value::Int(0)));
    for how in [Stop::Kill, Stop::Terminate] {
        redis.stop(how).await;
        assert_eq!(redis.ask("PING").await, None);
        redis.restart().await;
        assert!(redis.ask("PING").await.is_some());
    }
}

#[tokio::test]
async fn a_postgresql_ends_and_comes_back_with_what_was_committed() {
    let Some(mut postgres) = PrivatePostgres::start().await else {
        return;
    };
    let url = postgres.url(postgres.port());
    let mut connection = sqlx::PgConnection::connect(&url)
        .await
        .expect("a connection");
    sqlx::raw_sql("CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('merhaba')")
        .execute(&mut connection)
        .await
        .expect("kept");
    postgres.stop().await;
    sqlx::raw_sql("SELECT 1")
        .execute(&mut connection)
        .await
        .expect_err("the connection is cut");
    assert!(sqlx::PgConnection::connect(&url).await.is_err());
    postgres.restart().await;
    let mut connection = sqlx::PgConnection::connect(&url)
        .await
        .expect("a connection");
    let word: String = sqlx::query_scalar("SELECT word FROM words")
        .fetch_one(&mut connection)
        .await
        .expect("a row");
    assert_eq!(word, "merhaba");
}
