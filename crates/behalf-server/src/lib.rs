//! Gathers facts, calls the core, commits, answers HTTP
