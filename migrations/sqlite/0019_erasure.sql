-- When the account was erased. What is left of it then is a row without a person, because matches and reports refer to it.
ALTER TABLE users ADD COLUMN erased_at INTEGER;
