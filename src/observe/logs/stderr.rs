//! Lines of the log on standard error, which may be a pipe, a terminal, a file, or a stream of the journal.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use tracing_subscriber::fmt::MakeWriter;

use super::outlet::{Door, Outlet, Put};
use crate::output::write_now;

/// Where lines are written to, for as long as the process lives. Others have standard error, too, so whether it blocks is not
/// changed: that would be theirs as well.
#[derive(Debug)]
pub(super) enum Stream {
    /// A pipe or a terminal that was opened once more, for us: never blocks. (A terminal is said to take something when it
    /// would not take a line.)
    Own(OwnedFd),
    /// A socket, a file; or a pipe or terminal that may not be opened once more.
    Shared(BorrowedFd<'static>),
}

/// A text, and how much of it is out.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    out: usize,
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, out: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Stream {
    pub(super) fn stderr() -> Self {
        Self::of(rustix::stdio::stderr(), "/proc/self/fd/2")
    }

    /// `path`: what it is to be opened by once more.
    fn of(file: BorrowedFd<'static>, path: &str) -> Self {
        let sort = rustix::fs::fstat(file).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let own = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match sort {
            Ok(FileType::Fifo | FileType::CharacterDevice) => {
                rustix::fs::open(path, own, Mode::empty()).map_or(Self::Shared(file), Self::Own)
            }
            // A socket cannot be opened, and a file that is opened once more begins anew.
            _ => Self::Shared(file),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match self {
            Self::Own(file) => rustix::io::write(file, bytes),
            Self::Shared(file) => write_now(file, bytes),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Own(file) => file.as_fd(),
            Self::Shared(file) => *file,
        }
    }
}

impl Door for Stream {
    type Line = Text;

    fn put(&self, line: &mut Text) -> Put {
        while let Some(rest) = line.bytes.get(line.out..).filter(|rest| !rest.is_empty()) {
            match self.write(rest) {
                Ok(written) => line.out += written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Put::Refused,
                // Whoever read it is gone.
                Err(_) => return Put::Gone,
            }
        }
        Put::Out
    }

    fn wait(&self) {
        until_open(self.as_fd());
    }

    fn size(line: &Text) -> usize {
        line.size()
    }
}

/// Returns when the file may take something.
pub(super) fn until_open(file: BorrowedFd<'_>) {
    let mut file = [PollFd::from_borrowed_fd(file, PollFlags::OUT)];
    // Interrupted: whoever waits looks again.
    let _ = poll(&mut file, None);
}

/// What the formats write their lines to.
#[derive(Debug, Clone)]
pub(super) struct Lines(pub(super) Arc<Outlet<Stream>>);

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(Text::new(bytes.to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// The same file, for as long as the tests live.
    fn forever(file: OwnedFd) -> BorrowedFd<'static> {
        let file: &'static OwnedFd = Box::leak(Box::new(file));
        file.as_fd()
    }

    /// Writes lines until one is refused: how many bytes were taken.
    fn filled(stream: &Stream) -> usize {
        let line = format!("{}\n", "x".repeat(332));
        let mut taken = 0;
        loop {
            let mut text = Text::new(line.clone().into_bytes());
            match stream.put(&mut text) {
                Put::Out => taken += text.out,
                Put::Refused => return taken + text.out,
                Put::Gone => panic!("somebody has the other end"),
            }
        }
    }

    #[test]
    fn a_terminal_that_nobody_reads_refuses_and_holds_up_nobody() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(&name, flags, Mode::empty()).unwrap();
        let stream = Stream::of(forever(terminal), &name);
        assert!(matches!(stream, Stream::Own(_)));
        assert!(filled(&stream) > 1000);
        assert_eq!(filled(&stream), 0, "it takes no more");
        // Now somebody does; how much has to be read until there is room again is the terminal's affair.
        std::thread::spawn(move || {
            let mut read = [0; 4096];
            while rustix::io::read(&master, &mut read).is_ok() {}
        });
        let mut line = Text::new(b"more\n".to_vec());
        while stream.put(&mut line) != Put::Out {
            stream.wait();
        }
    }

    #[test]
    fn a_pipe_and_a_socket_that_nobody_reads_refuse() {
        let (reader, writer) = std::io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(&writer));
        let writer = forever(writer.into());
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let streams = [
            Stream::of(writer, &path),
            Stream::Shared(writer),
            Stream::of(forever(ours.into()), ""),
        ];
        assert!(matches!(
            streams,
            [Stream::Own(_), Stream::Shared(_), Stream::Shared(_)]
        ));
        assert_eq!(
            streams.each_ref().map(|stream| filled(stream) > 4096),
            [true, false, true]
        );
        drop((reader, theirs));
        let gone = |stream: &Stream| stream.put(&mut Text::new(b"x".to_vec())) == Put::Gone;
        assert_eq!(streams.each_ref().map(gone), [true; 3]);
    }

    #[test]
    fn a_file_is_written_on_where_it_is() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before ").unwrap();
        let stream = Stream::of(forever(file.try_clone().unwrap().into()), "/nowhere");
        let long = "y".repeat(3 * 4096);
        assert_eq!(stream.put(&mut Text::new(long.clone().into_bytes())), Put::Out);
        let mut text = String::new();
        io::Seek::rewind(&mut file).unwrap();
        io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert_eq!(text, format!("before {long}"));
    }
}
