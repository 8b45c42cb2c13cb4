//! The only place with a database: one small trait and the backends behind it
