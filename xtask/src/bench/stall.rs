//! A slow disk: a preloaded library that lets each fsync and fdatasync take four milliseconds.
//!
//! The machine's own disk acknowledges from a cache and hides every mistake about syncing.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
static void stall(void) {
  const char *text = getenv("STALL_MICROS");
  long micros = text ? atol(text) : 0;
  struct timespec pause = { micros / 1000000, (micros % 1000000) * 1000 };
  nanosleep(&pause, 0);
}
int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  stall();
  return real(fd);
}
int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  stall();
  return real(fd);
}
"#;

/// Compiles the library into `folder`.
pub(crate) fn library(folder: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (folder.join("stall.c"), folder.join("libstall.so"));
    std::fs::write(&source, SOURCE)?;
    let compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .output()?;
    ensure!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    Ok(library)
}
