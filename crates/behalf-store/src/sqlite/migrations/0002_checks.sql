-- What each record must be: over its tenant, kind, id, version, entries and document.
ALTER TABLE record ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
-- The newest version given before the last transaction: ties the write-ahead log to its database.
ALTER TABLE counter ADD COLUMN before INTEGER NOT NULL DEFAULT 0;
