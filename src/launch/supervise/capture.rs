//! What an agent prints, in bounded memory: read for ever, kept in part.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Stderr};

use super::echo::Echo;

/// Which part is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The first bytes: metadata begins there.
    Start,
    /// The last bytes: an error stands there.
    End,
}

/// One captured stream.
#[derive(Debug)]
pub(super) struct Capture<'e> {
    keep: Keep,
    limit: usize,
    kept: VecDeque<u8>,
    echo: Option<&'e mut Echo<Stderr>>,
}

impl<'e> Capture<'e> {
    /// Keeps at most `limit` bytes.
    pub(super) fn new(keep: Keep, limit: usize) -> Self {
        Self {
            keep,
            limit,
            kept: VecDeque::new(),
            echo: None,
        }
    }

    /// What is read is printed on our own standard error, too.
    pub(super) fn echoed(self, echo: Option<&'e mut Echo<Stderr>>) -> Self {
        Self { echo, ..self }
    }

    /// Takes in what was printed.
    pub(super) fn take(&mut self, chunk: &[u8]) {
        match self.keep {
            Keep::Start => {
                let room = self.limit - self.kept.len();
                self.kept.extend(chunk.iter().take(room));
            }
            Keep::End => {
                let chunk = chunk
                    .get(chunk.len().saturating_sub(self.limit)..)
                    .unwrap_or_default();
                let over = (self.kept.len() + chunk.len()).saturating_sub(self.limit);
                self.kept.drain(..over);
                self.kept.extend(chunk);
            }
        }
    }

    /// Reads once from a source that does not block.
    pub(super) fn read_once(&mut self, source: &mut impl Read, buffer: &mut [u8]) -> Reading {
        match source.read(buffer) {
            Ok(0) => Reading::Ended,
            Ok(count) => {
                let chunk = buffer.get(..count).unwrap_or_default();
                self.take(chunk);
                if let Some(echo) = &mut self.echo {
                    echo.print(chunk);
                }
                Reading::Some
            }
            Err(problem) if problem.kind() == ErrorKind::Interrupted => Reading::Some,
            Err(problem) if problem.kind() == ErrorKind::WouldBlock => Reading::NothingNow,
            Err(_) => Reading::Ended,
        }
    }

    /// What was kept. Bytes that are no UTF-8 become U+FFFD; of a character that the cut split, nothing is left.
    pub(super) fn into_text(self) -> String {
        let bytes: Vec<u8> = self.kept.into();
        let is_tail = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let text = match self.keep {
            Keep::Start => match std::str::from_utf8(&bytes) {
                Err(problem) if problem.error_len().is_none() => bytes.get(..problem.valid_up_to()),
                _ => Some(bytes.as_slice()),
            },
            Keep::End if bytes.len() == self.limit => {
                bytes.get(bytes.iter().take(3).take_while(|byte| is_tail(byte)).count()..)
            }
            Keep::End => Some(bytes.as_slice()),
        };
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

/// What one reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Something; perhaps there is more.
    Some,
    /// Nothing for now.
    NothingNow,
    /// There will be no more.
    Ended,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Capture, Keep};

    fn kept(keep: Keep, limit: usize, chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut capture = Capture::new(keep, limit);
        for chunk in chunks {
            capture.take(chunk);
            assert!(capture.kept.len() <= limit);
        }
        capture.kept.into()
    }

    proptest! {
        #[test]
        fn keeps_the_start_or_the_end_of_all(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
            limit in 0_usize..200,
        ) {
            let all = chunks.concat();
            let part = limit.min(all.len());
            prop_assert_eq!(kept(Keep::Start, limit, &chunks), all[..part].to_vec());
            prop_assert_eq!(kept(Keep::End, limit, &chunks), all[all.len() - part..].to_vec());
        }

        #[test]
        fn a_cut_never_shows_as_a_broken_character(text in "\\PC{0,20}", limit in 0_usize..40) {
            for keep in [Keep::Start, Keep::End] {
                let mut capture = Capture::new(keep, limit);
                capture.take(text.as_bytes());
                let shown = capture.into_text();
                prop_assert!(text.contains(&shown), "{:?}", shown);
                prop_assert!(shown.len() + 4 > limit.min(text.len()), "no more than the split one is dropped");
            }
        }
    }
}
