-- The newest row of the sign-in log that each node shipped, and when.
CREATE TABLE log_node (
    node    UUID   PRIMARY KEY,
    seq     BIGINT NOT NULL,
    request UUID   NOT NULL,
    at      BIGINT NOT NULL
);
-- The UTC days that have a table: days since 1970-01-01.
CREATE TABLE log_day (
    day BIGINT PRIMARY KEY
);
