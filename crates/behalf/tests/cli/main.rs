//! The command as scripts and people use it: processes, exit codes, files, TLS.

mod admin;
mod demo;
mod dev;
mod help;
mod serve;
mod support;
