-- Every phone that has or ever had an account, by its blind index: who comes back is not a new user. Outlives the account.
CREATE TABLE phones_seen (
    phone_index BLOB PRIMARY KEY NOT NULL,
    first_seen INTEGER NOT NULL
) STRICT;
INSERT INTO phones_seen (phone_index, first_seen) SELECT phone_index, created_at FROM users;

-- Invitations, and who came by them; nothing was stored here before. A code that a phone came by is a row of its own beside the inviter's
-- invitation of that phone: what becomes of the one tells nothing of the other.
DROP TABLE referrals;
CREATE TABLE referrals (
    id INTEGER PRIMARY KEY NOT NULL,
    inviter_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Blind indexes, as in users.
    inviter_phone BLOB NOT NULL,
    invited_phone BLOB NOT NULL,
    via TEXT NOT NULL,
    -- The user who came by this invitation; of one phone it is one invitation at most. NULL while nobody has.
    invited_user_id INTEGER UNIQUE,
    reward_given INTEGER NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL,
    rewarded_at INTEGER,
    UNIQUE (inviter_id, invited_phone, via)
) STRICT;
CREATE INDEX referrals_by_invited ON referrals (invited_phone);
CREATE INDEX referrals_by_inviter ON referrals (inviter_id, id);
CREATE INDEX referrals_open ON referrals (id) WHERE invited_user_id IS NULL;
CREATE INDEX referrals_unrewarded ON referrals (id) WHERE invited_user_id IS NOT NULL AND NOT reward_given;
