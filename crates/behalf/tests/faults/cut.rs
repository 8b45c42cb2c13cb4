//! A power cut: everything written and not yet synced is undone.
//!
//! `kill -9` leaves the system's page cache alone, so on its own it hides every missing sync. A
//! preloaded library notes, before each write below the data folder, what the write replaces, and
//! forgets the notes of a file when the file is synced. After the kill the notes that are left are
//! applied backwards. Directory entries are not part of it: files are neither lost nor renamed back.
//!
//! The same library makes the disk full for as long as the test says so.

use std::{
    fs,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);

__attribute__((constructor)) static void find(void) {
  real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  real_pwrite = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
}

/* The notes about a file below the watched folder; -1 for any other. */
static int notes(int fd, struct stat *file, int flags) {
  if (fstat(fd, file) || !S_ISREG(file->st_mode)) return -1;
  const char *below = getenv("CUT_BELOW"), *folder = getenv("CUT_NOTES");
  char link[64], path[512], name[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (!below || !folder || length < 0) return -1;
  path[length] = 0;
  if (strncmp(path, below, strlen(below))) return -1;
  snprintf(name, sizeof name, "%s/%lu", folder, (unsigned long)file->st_ino);
  return open(name, flags | O_CLOEXEC, 0600);
}

/* Fails when the disk is full. An empty file has no past: earlier notes are of another one with
   its number. */
static int note(int fd, uint64_t at, uint64_t length) {
  struct stat file;
  int to = notes(fd, &file, O_WRONLY | O_CREAT | O_APPEND);
  if (to < 0) return 0;
  if (!access(getenv("CUT_FULL"), F_OK)) {
    close(to);
    errno = ENOSPC;
    return -1;
  }
  if (file.st_size == 0 && ftruncate(to, 0)) abort();
  uint64_t size = file.st_size, old = at >= size ? 0 : length < size - at ? length : size - at;
  uint64_t head[3] = { size, at, old };
  unsigned char *bytes = malloc(sizeof head + old);
  memcpy(bytes, head, sizeof head);
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int from = open(link, O_RDONLY | O_CLOEXEC);
  if (old && pread(from, bytes + sizeof head, old, at) != (ssize_t)old) abort();
  if (real_write(to, bytes, sizeof head + old) != (ssize_t)(sizeof head + old)) abort();
  free(bytes);
  if (from >= 0) close(from);
  close(to);
  return 0;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  off64_t at = lseek64(fd, 0, SEEK_CUR);
  if (at < 0) return real_write(fd, bytes, length);
  pthread_mutex_lock(&lock);
  ssize_t written = note(fd, at, length) ? -1 : real_write(fd, bytes, length);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  pthread_mutex_lock(&lock);
  ssize_t written = note(fd, at, length) ? -1 : real_pwrite(fd, bytes, length, at);
  pthread_mutex_unlock(&lock);
  return written;
}

int fsync(int fd) {
  pthread_mutex_lock(&lock);
  int failed = real_fsync(fd);
  struct stat file;
  int to = failed ? -1 : notes(fd, &file, O_WRONLY | O_TRUNC);
  if (to >= 0) close(to);
  pthread_mutex_unlock(&lock);
  return failed;
}

int fdatasync(int fd) { return fsync(fd); }
"#;

/// A disk that forgets. One process writes to it at a time.
pub(crate) struct Disk {
    library: PathBuf,
    notes: PathBuf,
    full: PathBuf,
    data: PathBuf,
}

/// What a power cut took.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Undone {
    pub(crate) writes: u64,
    pub(crate) bytes: u64,
}

impl Disk {
    /// Watches `data`; keeps library and notes in `folder`.
    pub(crate) fn new(folder: &Path, data: &Path) -> Self {
        let (source, library) = (folder.join("cut.c"), folder.join("libcut.so"));
        fs::write(&source, SOURCE).unwrap();
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]);
        let compiled = command.arg(&library).arg(&source).arg("-ldl").output().unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        let notes = folder.join("notes");
        fs::create_dir(&notes).unwrap();
        Self { library, notes, full: folder.join("full"), data: data.to_owned() }
    }

    /// Says whether the disk is full: every write fails with `ENOSPC`.
    pub(crate) fn set_full(&self, full: bool) {
        if full {
            fs::write(&self.full, "").unwrap();
        } else {
            fs::remove_file(&self.full).unwrap();
        }
    }

    /// What the watched process needs in its environment.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("CUT_BELOW", &self.data),
            ("CUT_NOTES", &self.notes),
            ("CUT_FULL", &self.full),
        ]
    }

    /// The power held: what was written stays, synced or not.
    pub(crate) fn keep(&self) {
        for note in fs::read_dir(&self.notes).unwrap() {
            fs::remove_file(note.unwrap().path()).unwrap();
        }
    }

    /// Undoes every write that was not synced.
    pub(crate) fn cut(&self) -> Undone {
        assert!(fs::read_dir(&self.notes).unwrap().count() > 0, "nothing was watched");
        let mut undone = Undone::default();
        for path in files(&self.data) {
            // Shared memory is not on any disk.
            if path.to_string_lossy().ends_with("-shm") {
                fs::remove_file(&path).unwrap();
                continue;
            }
            let inode = fs::metadata(&path).unwrap().ino();
            let Ok(notes) = fs::read(self.notes.join(inode.to_string())) else { continue };
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            for (size, at, old) in records(&notes).into_iter().rev() {
                file.write_all_at(old, at).unwrap();
                file.set_len(size).unwrap();
                undone.writes += 1;
                undone.bytes += old.len() as u64;
            }
        }
        self.keep();
        undone
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

/// Size of the file before, where the write went, and what was there. A note that was itself cut
/// short by the kill is of a write that never began.
fn records(mut notes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut found = Vec::new();
    while let Some((head, rest)) = notes.split_at_checked(24) {
        let [size, at, length] =
            [0, 8, 16].map(|from| u64::from_ne_bytes(head[from..from + 8].try_into().unwrap()));
        let Some((old, rest)) = rest.split_at_checked(usize::try_from(length).unwrap()) else {
            break;
        };
        found.push((size, at, old));
        notes = rest;
    }
    found
}
