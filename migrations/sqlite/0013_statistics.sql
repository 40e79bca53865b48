-- What happened on a day, for the overview. Counted anew while the day lasts and once when it is over.
CREATE TABLE daily_statistics (
    -- Local day, YYYY-MM-DD.
    day TEXT PRIMARY KEY NOT NULL,
    registrations INTEGER NOT NULL,
    text_matches INTEGER NOT NULL,
    video_matches INTEGER NOT NULL,
    -- Content messages.
    messages INTEGER NOT NULL,
    -- Claims made on the day, and those approved on the day.
    claims INTEGER NOT NULL,
    claims_approved INTEGER NOT NULL,
    -- Whether it was counted after its end.
    complete INTEGER NOT NULL
) STRICT;
CREATE INDEX claims_processed ON claims (processed_at);
