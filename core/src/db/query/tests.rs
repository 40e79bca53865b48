//! The same statements on both databases.

use std::sync::Arc;

use super::*;
use crate::{
    db::Db,
    ids::IdGenerator,
    testing::{Backend, TestDatabase},
};
use tebdil_protocol::time::{Clock, Timestamp};

/// A database with a table of its own; PostgreSQL's where there is one.
async fn databases() -> Vec<(Db, TestDatabase)> {
    let mut databases = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(database) = TestDatabase::create(backend).await else {
            continue;
        };
        let db = Db::connect(database.url(), 2).await.expect("it opens");
        let table = "CREATE TABLE words (id BIGINT PRIMARY KEY, word TEXT, length BIGINT)";
        db.write(table).execute().await.expect("a table");
        databases.push((db, database));
    }
    databases
}

const INSERT: &str = "INSERT INTO words (id, word, length) \
     SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";

async fn insert(db: &Db, words: &[(i64, Option<&str>)]) -> u64 {
    let query = db.write(INSERT).rows(words, |row, (id, word)| {
        let length = word.map(|word| i64::try_from(word.len()).expect("short"));
        row.bind(*id).bind(*word).bind(length);
    });
    query.execute().await.expect("the rows")
}

#[tokio::test]
async fn rows_are_written_and_joined_without_their_filling() {
    for (db, _database) in databases().await {
        // As many as a shape has, more, and none.
        assert_eq!(insert(&db, &[(1, Some("bir")), (2, None)]).await, 2);
        assert_eq!(
            insert(&db, &[(3, Some("a")), (4, None), (5, None)]).await,
            3
        );
        assert_eq!(insert(&db, &[]).await, 0);

        let join = "SELECT w.id, w.length FROM ({rows}) AS v \
             JOIN words w ON w.id = v.column1 AND w.id > $1 ORDER BY w.id";
        let rows: Vec<(i64, Option<i64>)> = db
            .read(join)
            .rows([1_i64, 3, 9], |row, id| {
                row.bind(*id);
            })
            .bind(1_i64)
            .all()
            .await
            .expect("the rows");
        assert_eq!(rows, [(3, Some(1))]);
        db.close().await;
    }
}

#[tokio::test]
async fn a_list_finds_what_it_names_and_nothing_when_empty() {
    for (db, _database) in databases().await {
        insert(&db, &[(1, None), (2, None), (3, None)]).await;
        let find = "SELECT id FROM words WHERE id IN ({list}) ORDER BY id";
        let found = async |ids: Vec<i64>| db.read(find).list(ids).values::<i64>().await;
        assert_eq!(found(vec![3, 1, 7]).await.expect("some"), [1, 3]);
        assert_eq!(found(vec![2]).await.expect("one"), [2]);
        assert_eq!(found(Vec::new()).await.expect("none"), [0_i64; 0]);
        db.close().await;
    }
}

#[tokio::test]
async fn parameters_with_numbers_stand_before_or_after_rows() {
    for (db, _database) in databases().await {
        insert(&db, &[(1, None), (2, None), (3, None), (4, None)]).await;
        let find = "SELECT id FROM words WHERE id > $1 AND id IN ({list}) AND id <> $2 \
             AND id > $1 ORDER BY id";
        let ids = [1_i64, 2, 3, 4];
        let after = db.read(find).list(ids).bind(1_i64).bind(3_i64);
        let before = db.read(find).bind(1_i64).bind(3_i64).list(ids);
        for query in [after, before] {
            assert_eq!(query.values::<i64>().await.expect("ids"), [2, 4]);
        }
        db.close().await;
    }
    assert_eq!(later("a $1, '$' $12$", 3), "a $4, '$' $15$");
}

/// As many as a full batch of messages has: each of them is looked up once, not among all.
#[tokio::test]
async fn many_rows_are_bound_without_their_numbers() {
    for (db, _database) in databases().await {
        let rows: Vec<(i64, Option<&str>)> = (0..5_000).map(|id| (id, None)).collect();
        let query = db.write(INSERT).rows(&rows, |row, (id, word)| {
            row.bind(*id).bind(*word).bind(*id);
        });
        let numbered = matches!(db, Db::Postgres(_));
        assert_eq!(query.sql.contains('$'), numbered);
        assert_eq!(query.execute().await.expect("the rows"), 5_000);
        db.close().await;
    }
}

#[tokio::test]
async fn locking_clauses_reach_only_the_database_that_has_them() {
    for (db, _database) in databases().await {
        insert(&db, &[(1, Some("x")), (2, None)]).await;
        let ids = Arc::new(IdGenerator::new(Clock::manual(Timestamp::from_millis(0))));
        ids.lend(std::time::Instant::now(), std::time::Duration::from_mins(1));
        let wake = Arc::default();
        let mut tx = db
            .begin(&ids, &wake, &Arc::default())
            .await
            .expect("a transaction");
        tx.lock(7).await.expect("a key");
        let locked = tx
            .query("SELECT id FROM words ORDER BY id FOR NO KEY UPDATE")
            .values::<i64>()
            .await
            .expect("locked");
        assert_eq!(locked, [1, 2]);
        let deleted = tx
            .query("DELETE FROM words WHERE id IN (SELECT id FROM words WHERE id = $1")
            .bind(1_i64)
            .push(" OR id = ")
            .push_bind(2_i64)
            .push(" ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED)")
            .execute()
            .await;
        assert_eq!(deleted.expect("deleted"), 2);
        // Without a commit nothing happened.
        drop(tx);
        let left = db.write("SELECT COUNT(*) FROM words").value::<i64>().await;
        assert_eq!(left.expect("a count"), 2);
        db.close().await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    for (db, _database) in databases().await {
        let find = "SELECT id FROM words WHERE id = $1";
        let found = db.read(find).bind(1_i64).optional_value::<i64>().await;
        assert_eq!(found.expect("none"), None);
        let one = db.read(find).bind(1_i64).value::<i64>().await;
        assert!(matches!(one, Err(Error::RowNotFound)), "{one:?}");
        db.close().await;
    }
}

/// A build that does not find its settings says nothing.
#[tokio::test]
async fn sqlite_is_compiled_as_the_build_says() {
    let database = TestDatabase::create(Backend::Sqlite).await.expect("a file");
    let db = Db::connect(database.url(), 1).await.expect("it opens");
    let query = db.read("SELECT compile_options FROM pragma_compile_options");
    let options: Vec<String> = query.values().await.expect("options");
    assert!(
        options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"),
        "{options:?}"
    );
    assert!(!options.iter().any(|option| option.contains("FTS")));
    db.close().await;
}
