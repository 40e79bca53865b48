-- Ads: where they lead, when and how often they are shown, and to whom each was.
ALTER TABLE ads ADD COLUMN click_url TEXT;
ALTER TABLE ads ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
-- Times a user is shown it in one day.
ALTER TABLE ads ADD COLUMN daily_cap INTEGER NOT NULL DEFAULT 3;
ALTER TABLE ads ADD COLUMN starts_at INTEGER;
ALTER TABLE ads ADD COLUMN ends_at INTEGER;
-- Times it was shown; like views and clicks as of the last roll-up of ad_events.
ALTER TABLE ads ADD COLUMN served INTEGER NOT NULL DEFAULT 0;

-- One ad shown to one user.
CREATE TABLE ad_impressions (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- No reference: on PostgreSQL it would lock the row of a popular ad for each of its viewers. An ad that is deleted leaves its impressions to their job.
    ad_id INTEGER NOT NULL,
    -- The match at whose end it was shown; NULL for one that was asked for.
    match_id INTEGER,
    -- Local day (YYYY-MM-DD) that the daily cap counts.
    day TEXT NOT NULL,
    served_at INTEGER NOT NULL,
    viewed INTEGER NOT NULL DEFAULT FALSE,
    clicked INTEGER NOT NULL DEFAULT FALSE,
    UNIQUE (user_id, match_id)
) STRICT;
CREATE INDEX ad_impressions_by_user ON ad_impressions (user_id, served_at);

-- What has happened to ads and is not in their counts yet; nothing of whom.
CREATE TABLE ad_events (
    id INTEGER PRIMARY KEY NOT NULL,
    ad_id INTEGER NOT NULL,
    kind TEXT NOT NULL
) STRICT;
