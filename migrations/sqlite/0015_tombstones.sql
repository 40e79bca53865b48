-- The phone of an erased account, by its blind index, while reports and bans can still concern it. All else of the account is gone.
CREATE TABLE tombstones (
    user_id INTEGER PRIMARY KEY NOT NULL REFERENCES users (id),
    phone_index BLOB NOT NULL,
    erased_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tombstones_by_phone ON tombstones (phone_index);
