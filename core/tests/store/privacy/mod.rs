//! Every column is somebody's or nobody's, and that is written down; what is held of somebody is in
//! the export, and gone after an erasure.
//!
//! The rows of the test are made from the schema: every personal table gets one, and each column a
//! value of its own that is looked for afterwards. A new column needs nothing here: this test fails
//! until `tebdil_core::privacy::TABLES` names it, and then looks after it.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use tebdil_core::{
    privacy::{Bound, Column, Kind, Shown, TABLES, Table},
    testing::TestStore,
};
use tebdil_protocol::{id::UserId, time::Timestamp};

use crate::rng;

mod erasure;
mod pages;

tebdil_core::store_conformance! {
    every_column_is_listed,
    the_export_holds_everything_of_a_user_and_nothing_of_others,
}

const HER: UserId = UserId(1_000_001);
const PEER: UserId = UserId(1_000_002);
/// Somebody who met, blocked, reported and invited her.
const OTHER: UserId = UserId(1_000_003);
const PHONE: &str = "+905301234567";

/// A row of a user has this number more than the user.
const ROW: i64 = 5_000_000;

/// Names and types of columns, by table.
type Columns = BTreeMap<String, BTreeMap<String, String>>;

/// What was written into a row, by column.
type Cells = BTreeMap<&'static str, Cell>;

#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Number(i64),
    Real(f64),
    Flag(bool),
    Time(Timestamp),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// How it looks in [`Raw::dump`]; `None` for what other columns may hold too.
    fn dumped(&self) -> Option<String> {
        match self {
            Self::Text(text) => text.contains("mark.").then(|| text.clone()),
            Self::Bytes(bytes) => Some(hex(bytes)),
            Self::Real(number) => Some(number.to_string()),
            Self::Time(time) => Some(time.millis().to_string()),
            Self::Number(number) => (*number > ROW + ROW).then(|| number.to_string()),
            Self::Flag(_) => None,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn marker(table: &str, column: &str, owner: UserId) -> String {
    format!("mark.{table}.{column}.{owner}")
}

/// What is encrypted in a column; JSON too.
fn sealed_text(table: &str, column: &str, owner: UserId) -> String {
    if column == "phone_ciphertext" {
        PHONE.to_owned()
    } else {
        format!(r#""{}""#, marker(table, column, owner))
    }
}

fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).unwrap()
}

/// A connection of the test's own.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

macro_rules! raw {
    ($raw:expr, |$db:ident| $body:expr) => {
        match $raw {
            Raw::Sqlite($db) => $body,
            Raw::Postgres($db) => $body,
        }
    };
}

impl Raw {
    async fn open(t: &TestStore) -> Self {
        let url = t.database.url();
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(url).await.unwrap())
        } else {
            Self::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    async fn columns(&mut self) -> Columns {
        const SQLITE: &str = "SELECT t.name, c.name, c.type FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
             WHERE t.schema = 'main' AND t.type = 'table' AND t.strict";
        const POSTGRES: &str = "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'";
        let rows: Vec<(String, String, String)> = match self {
            Self::Sqlite(db) => sqlx::query_as(SQLITE).fetch_all(db).await.unwrap(),
            Self::Postgres(db) => sqlx::query_as(POSTGRES).fetch_all(db).await.unwrap(),
        };
        let mut columns = Columns::new();
        for (table, column, kind) in rows {
            columns.entry(table).or_default().insert(column, kind);
        }
        columns
    }

    async fn insert(&mut self, table: &str, cells: &Cells) {
        let names: Vec<&str> = cells.keys().copied().collect();
        let places: Vec<String> = (1..=cells.len()).map(|at| format!("${at}")).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES ({})",
            names.join(", "),
            places.join(", ")
        );
        raw!(self, |db| {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for cell in cells.values() {
                query = match cell.clone() {
                    Cell::Number(number) => query.bind(number),
                    Cell::Real(number) => query.bind(number),
                    Cell::Flag(flag) => query.bind(flag),
                    Cell::Time(time) => query.bind(time),
                    Cell::Text(text) => query.bind(text),
                    Cell::Bytes(bytes) => query.bind(bytes),
                };
            }
            query
                .execute(db)
                .await
                .map_or_else(|error| panic!("{table}: {error}"), drop);
        });
    }

    /// Every value of the database with its table: bytes in hexadecimal digits, times in
    /// milliseconds.
    async fn dump(&mut self, columns: &Columns) -> Vec<(String, String)> {
        let mut dump = Vec::new();
        for (table, columns) in columns {
            for (name, kind) in columns {
                let text = match kind.as_str() {
                    "BLOB" => format!("LOWER(HEX({name}))"),
                    "bytea" => format!("ENCODE({name}, 'hex')"),
                    "timestamp with time zone" => {
                        format!("CAST(CAST(EXTRACT(EPOCH FROM {name}) * 1000 AS BIGINT) AS TEXT)")
                    }
                    _ => format!("CAST({name} AS TEXT)"),
                };
                let sql = format!("SELECT {text} FROM {table} WHERE {name} IS NOT NULL");
                let values: Vec<String> = raw!(&mut *self, |db| sqlx::query(AssertSqlSafe(sql))
                    .fetch_all(db)
                    .await
                    .unwrap()
                    .iter()
                    .map(|row| row.get(0))
                    .collect());
                dump.extend(values.into_iter().map(|value| (table.clone(), value)));
            }
        }
        dump
    }
}

/// Makes rows in which every value is like no other.
struct Maker<'a> {
    t: &'a TestStore,
    columns: Columns,
    made: i64,
}

impl Maker<'_> {
    fn by_type(&self, table: &Table, column: &Column, owner: UserId, n: i64) -> Cell {
        let phone = self.t.index.phone(PHONE);
        let name = column.name;
        let native = self.columns[table.name][name].as_str();
        match (native, column.shown) {
            (
                _,
                Shown::As(
                    Kind::Sealed {
                        context, bound_to, ..
                    }
                    | Kind::SealedJson {
                        context, bound_to, ..
                    },
                ),
            ) => {
                let identity = match bound_to {
                    Bound::Phone => phone.as_bytes().to_vec(),
                    Bound::Id => (ROW + owner.0).to_be_bytes().to_vec(),
                };
                let plain = sealed_text(table.name, column.name, owner);
                Cell::Bytes(
                    self.t
                        .cipher
                        .seal(
                            context,
                            &identity,
                            plain.as_bytes(),
                            &mut rng(n.unsigned_abs()),
                        )
                        .ciphertext,
                )
            }
            ("boolean", _) | ("INTEGER", Shown::As(Kind::Flag)) => Cell::Flag(true),
            ("timestamp with time zone", _) | ("INTEGER", Shown::As(Kind::Time)) => {
                Cell::Time(Timestamp::from_millis(1_700_000_000_000 + n))
            }
            ("INTEGER" | "bigint", _) => Cell::Number(3 * ROW + n),
            // An eighth has the same digits everywhere.
            ("REAL" | "double precision", _) => {
                Cell::Real(f64::from(u32::try_from(n).unwrap()) + 0.125)
            }
            ("TEXT" | "text", Shown::As(Kind::Json)) => {
                Cell::Text(format!(r#"["{}"]"#, marker(table.name, name, owner)))
            }
            ("TEXT" | "text", _) => Cell::Text(marker(table.name, name, owner)),
            ("BLOB" | "bytea", _) => Cell::Bytes(marker(table.name, name, owner).into_bytes()),
            (other, _) => panic!("{}.{name}: {other}", table.name),
        }
    }

    fn row(&mut self, table: &Table, owner: UserId, peer: UserId) -> Cells {
        let phone = self.t.index.phone(PHONE);
        let hers = owner == HER;
        let mut row = Cells::new();
        for column in table.columns {
            self.made += 1;
            let (name, n) = (column.name, self.made);
            let native = self.columns[table.name][name].as_str();
            let cell = match (table.name, name) {
                ("users", "erased_at") => continue,
                ("users", "id") => Cell::Number(owner.0),
                ("users", "role") => Cell::Text("user".to_owned()),
                ("users" | "bans" | "phones_seen" | "one_time_codes", "phone_index")
                | ("referrals", "inviter_phone")
                    if hers =>
                {
                    Cell::Bytes(phone.as_bytes().to_vec())
                }
                (_, name) if name.ends_with("_key_id") => Cell::Text("k1".to_owned()),
                ("referrals", "invited_phone") if !hers => Cell::Bytes(phone.as_bytes().to_vec()),
                ("referrals", "via") => Cell::Text("code".to_owned()),
                ("idempotency_keys", "scope") => Cell::Text(format!("user:{owner}")),
                // Read when the match ends, and after.
                ("matches", "forgotten") => Cell::Flag(false),
                ("matches", "type") => Cell::Text("text".to_owned()),
                ("matches", "status") => Cell::Text("active".to_owned()),
                ("matches", "ended_reason") => Cell::Text("left".to_owned()),
                ("bans", "created_by" | "lifted_by" | "confirmed_by") | ("matches", "ended_by") => {
                    Cell::Number(PEER.0)
                }
                (
                    _,
                    "user_id" | "user1_id" | "sender_id" | "blocker_id" | "reporter_id"
                    | "inviter_id" | "created_by" | "actor_id",
                ) => Cell::Number(owner.0),
                (
                    _,
                    "peer_id" | "user2_id" | "receiver_id" | "blocked_id" | "reported_id"
                    | "invited_user_id",
                ) => Cell::Number(peer.0),
                (_, "match_id" | "session_id" | "ban_id" | "report_id" | "announcement_id") => {
                    Cell::Number(ROW + owner.0)
                }
                (_, "id") if matches!(native, "INTEGER" | "bigint") => Cell::Number(ROW + owner.0),
                _ => self.by_type(table, column, owner, n),
            };
            row.insert(name, cell);
        }
        row
    }
}

/// A database in which she has a row in every personal table, and another user too; her rows.
async fn filled(t: &TestStore, raw: &mut Raw) -> BTreeMap<&'static str, Cells> {
    let mut maker = Maker {
        t,
        columns: raw.columns().await,
        made: 0,
    };
    let mut hers = BTreeMap::new();
    for user in [HER, PEER, OTHER] {
        let row = maker.row(table("users"), user, user);
        raw.insert("users", &row).await;
        if user == HER {
            hers.insert("users", row);
        }
    }
    // What notifications point to comes first; else a table stands after those it points to.
    let mut tables: Vec<&Table> = TABLES
        .iter()
        .filter(|table| table.is_personal() && table.name != "users")
        .collect();
    tables.sort_by_key(|table| table.name != "announcements");
    for (owner, peer) in [(HER, PEER), (OTHER, HER)] {
        for table in &tables {
            let row = maker.row(table, owner, peer);
            raw.insert(table.name, &row).await;
            if owner == HER {
                hers.insert(table.name, row);
            }
        }
    }
    // The other sides of the two matches.
    for (owner, peer) in [(PEER, HER), (HER, OTHER)] {
        let mut row = maker.row(table("match_sides"), owner, peer);
        row.insert("match_id", Cell::Number(ROW + peer.0));
        raw.insert("match_sides", &row).await;
    }
    hers
}

async fn every_column_is_listed(t: TestStore) {
    let there = Raw::open(&t).await.columns().await;
    let listed = TABLES.iter().map(|table| {
        let names: BTreeSet<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(
            names.len(),
            table.columns.len(),
            "{} lists a column twice",
            table.name
        );
        (table.name, names)
    });
    let listed: BTreeMap<&str, BTreeSet<&str>> = listed.collect();
    assert_eq!(listed.len(), TABLES.len(), "a table is listed twice");
    let there: BTreeMap<&str, BTreeSet<&str>> = there
        .iter()
        .map(|(table, columns)| (table.as_str(), columns.keys().map(String::as_str).collect()))
        .collect();
    for (table, columns) in &there {
        let known = listed.get(table).unwrap_or_else(|| {
            panic!("table {table} is not in privacy::TABLES: whose is what it holds?")
        });
        let unknown: Vec<_> = columns.difference(known).collect();
        assert!(
            unknown.is_empty(),
            "{table}: {unknown:?} are not in privacy::TABLES: exported, erased, or nobody's?"
        );
    }
    assert_eq!(listed, there, "privacy::TABLES names what is not there");
}

/// What the export shows for a cell.
fn expected(table: &str, column: &str, kind: Kind, cell: &Cell) -> Value {
    match (kind, cell) {
        (Kind::Sealed { .. }, _) => Value::from(sealed_text(table, column, HER)),
        (Kind::SealedJson { .. }, _) => {
            serde_json::from_str(&sealed_text(table, column, HER)).unwrap()
        }
        (Kind::Id, Cell::Number(id)) => Value::from(id.to_string()),
        (Kind::Who, Cell::Number(id)) => Value::from(if *id == HER.0 { "self" } else { "other" }),
        (Kind::Peer, Cell::Number(id)) => {
            let [alias, tag] = ["alias", "tag"].map(|name| marker("users", name, UserId(*id)));
            Value::from(format!("{alias}#{tag}"))
        }
        (Kind::Json, Cell::Text(text)) => serde_json::from_str(text).unwrap(),
        (_, Cell::Number(number)) => Value::from(*number),
        (_, Cell::Real(number)) => Value::from(*number),
        (_, Cell::Flag(flag)) => Value::from(*flag),
        (_, Cell::Time(time)) => Value::from(time.to_string()),
        (_, Cell::Text(text)) => Value::from(text.as_str()),
        (_, Cell::Bytes(bytes)) => Value::from(STANDARD.encode(bytes)),
    }
}

async fn exported(t: &TestStore, user: UserId) -> BTreeMap<&'static str, Vec<Map<String, Value>>> {
    let mut document: BTreeMap<&'static str, Vec<Map<String, Value>>> = BTreeMap::new();
    let mut export = t.accounts().export(user);
    while let Some(page) = export.next(&t.store, &t.cipher).await.unwrap() {
        document.entry(page.table).or_default().extend(page.rows);
    }
    document
}

async fn the_export_holds_everything_of_a_user_and_nothing_of_others(t: TestStore) {
    let hers = filled(&t, &mut Raw::open(&t).await).await;
    let document = exported(&t, HER).await;
    let personal: BTreeSet<&str> = TABLES
        .iter()
        .filter(|table| table.is_personal())
        .map(|table| table.name)
        .collect();
    assert_eq!(document.keys().copied().collect::<BTreeSet<_>>(), personal);
    for (name, cells) in &hers {
        let shown = table(name)
            .columns
            .iter()
            .filter_map(|column| match column.shown {
                Shown::As(kind) => Some((
                    column.key().to_owned(),
                    expected(name, column.name, kind, cells.get(column.name)?),
                )),
                Shown::Not(_) => None,
            });
        let row: Map<String, Value> = shown.collect();
        assert!(
            document[name].contains(&row),
            "{name}: {row:#?} is not in {:#?}",
            document[name]
        );
    }
    // Of the other she has what they share, a match and its messages, and the handle; nothing that
    // the other did without her, or wrote of her.
    let apart: BTreeMap<_, _> = document
        .iter()
        .filter(|(table, _)| !["matches", "messages", "message_logs"].contains(table))
        .collect();
    let text = serde_json::to_string(&apart).unwrap();
    let [alias, tag] = ["alias", "tag"].map(|name| marker("users", name, OTHER));
    let without_handle = text.replace(&format!("{alias}#{tag}"), "");
    assert!(without_handle.len() < text.len(), "they were matched");
    assert!(
        !without_handle.contains(&format!(".{OTHER}")),
        "{without_handle}"
    );

    // A message that she received is in it; what the sender wrote it on is not.
    t.execute(&format!("UPDATE messages SET match_id = {}", ROW + HER.0))
        .await;
    t.execute(&format!(
        "UPDATE message_logs SET match_id = {}",
        ROW + HER.0
    ))
    .await;
    let document = exported(&t, HER).await;
    let received = |name: &str| {
        document[name]
            .iter()
            .find(|row| row["sender"] == "other")
            .cloned()
            .unwrap()
    };
    assert_eq!(
        received("messages")["content"],
        STANDARD.encode(marker("messages", "content", OTHER))
    );
    assert_eq!(
        (
            &received("message_logs")["device_info"],
            &received("message_logs")["receiver"]
        ),
        (&Value::Null, &Value::from("self"))
    );
}
