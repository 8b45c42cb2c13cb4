//! The bytes of one row on their way to the writer.

use std::{fmt, ops::Deref};

use super::record::MAX;

/// A row's bytes, in place: each token has one, and it is freed by another thread than made it.
#[derive(Clone)]
pub struct Encoded {
    bytes: [u8; MAX],
    length: usize,
}

impl Encoded {
    /// A row that begins with `head`.
    pub(super) fn starting(head: [u8; 2]) -> Self {
        let mut bytes = [0; MAX];
        bytes[..2].copy_from_slice(&head);
        Self { bytes, length: 2 }
    }

    /// Appends, or leaves out what has no room. There is room: see the callers' bounds.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.length..self.length + bytes.len());
        debug_assert!(room.is_some(), "a record over {MAX} bytes");
        if let Some(room) = room {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// Overwrites the byte at `at`, a count that is known only after what it counts.
    pub(super) fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }
}

impl Deref for Encoded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.length)
    }
}
