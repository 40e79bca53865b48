-- What happened on a day, for the overview. Counted anew while the day lasts and once when it is over.
CREATE TABLE daily_statistics (
    -- Local day, YYYY-MM-DD.
    day TEXT PRIMARY KEY NOT NULL,
    registrations BIGINT NOT NULL,
    text_matches BIGINT NOT NULL,
    video_matches BIGINT NOT NULL,
    -- Content messages.
    messages BIGINT NOT NULL,
    -- Claims made on the day, and those approved on the day.
    claims BIGINT NOT NULL,
    claims_approved BIGINT NOT NULL,
    -- Whether it was counted after its end.
    complete BOOLEAN NOT NULL
);
CREATE INDEX claims_processed ON claims (processed_at);
