//! A file of which each row can only be so large.
//!
//! The CSV reader collects a row until its end, however far that is. So it is given only so many bytes for each.

use std::io::{self, Read};

/// What the CSV reader has read ahead of the row it is at.
const AHEAD: usize = 8 * 1024;

/// A reader that refuses to give more for one row.
pub(super) struct Bounded<R> {
    inner: R,
    most: usize,
    left: usize,
    exhausted: bool,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, most: usize) -> Self {
        Self { inner, most, left: 0, exhausted: false }
    }

    /// The row is over; the next one may be as large.
    pub(super) fn next_row(&mut self) {
        self.left = self.most + AHEAD;
    }

    /// Whether a row was too large.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.exhausted = true;
            return Err(io::Error::other("the row is too large"));
        }
        let most = buffer.len().min(self.left);
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}
