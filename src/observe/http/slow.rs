//! A stream whose peer must take what is written, in time.
//!
//! Without it a client that asks for much and reads nothing holds its connection for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock;

type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Writes that stall begin a deadline; it ends when all that was written has been flushed. (So reading one
/// byte now and then does not help.)
pub(super) struct PromptWriter<S> {
    stream: S,
    limit: Duration,
    deadline: Option<Pause>,
}

impl<S> PromptWriter<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            deadline: None,
        }
    }

    /// `written`, unless it stalls beyond the deadline.
    fn prompt<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(clock::pause(limit)));
        match deadline.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the client did not take its answer within {limit:?}"),
            ))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PromptWriter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PromptWriter<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.prompt(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.prompt(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.deadline = None;
        }
        self.prompt(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.prompt(context, closed)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(4);
        let mut writer = PromptWriter::new(ours, Duration::from_millis(10));
        let error = writer.write_all(b"more than four").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(
            error.to_string(),
            "the client did not take its answer within 10ms"
        );
    }

    #[tokio::test]
    async fn a_peer_that_trickles_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(1);
        let trickle = tokio::spawn(async move {
            let mut taken = 0_u64;
            // Each byte makes progress; none of them buys more time.
            while theirs.read_u8().await.is_ok() {
                taken += 1;
            }
            taken
        });
        let mut writer = PromptWriter::new(ours, Duration::from_millis(20));
        let endless = async {
            loop {
                writer.write_all(&[b'x'; 64]).await?;
            }
        };
        let ended: io::Result<()> = tokio::time::timeout(Duration::from_secs(120), endless)
            .await
            .expect("it gives up");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(writer);
        assert!(trickle.await.unwrap() > 0);
    }

    #[tokio::test]
    async fn the_next_answer_has_its_own_time() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut writer = PromptWriter::new(ours, Duration::from_secs(600));
        let taken = tokio::spawn(async move {
            let mut all = [0_u8; 14];
            theirs.read_exact(&mut all).await.map(|_| all)
        });
        writer.write_all(b"more than four").await.unwrap();
        assert!(writer.deadline.is_some(), "it stalled");
        writer.flush().await.unwrap();
        assert!(writer.deadline.is_none());
        assert_eq!(&taken.await.unwrap().unwrap(), b"more than four");
    }
}
