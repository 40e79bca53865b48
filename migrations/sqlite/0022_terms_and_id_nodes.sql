-- The term of the matchmaker that leads, in one row: who makes matches holds it, so that what a former leader sends late makes none.
CREATE TABLE matchmaker_term (
    id INTEGER PRIMARY KEY NOT NULL,
    term INTEGER NOT NULL
) STRICT;
INSERT INTO matchmaker_term (id, term) VALUES (1, 0);

-- Which process makes ids with which node part. Times are milliseconds since 1970 of this database's own clock: no other has a say.
CREATE TABLE id_nodes (
    -- 0 to 4095.
    part INTEGER PRIMARY KEY NOT NULL,
    -- A number that the process drew.
    holder INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- No id with this part is greater.
    last_id INTEGER NOT NULL
) STRICT;
