//! Writing, several requests in flight.

use alloc::collections::VecDeque;
use core::sync::atomic::Ordering;

use super::file::place;
use super::pending::{OTHER_KIND, Pending};
use super::{Connection, File};
use crate::wire::{Request, Response};
use crate::{Errno, Error};

impl<C: Connection> File<C> {
    /// Writes from `offset` on: so many bytes from the start of `data` the server has now. Fewer
    /// than all: there was an error after them, which the next write will have.
    ///
    /// The requests of one write are carried out in any order. After a write that is incomplete, or
    /// was given up, bytes beyond those that are reported may have been written as well. To a file
    /// that was opened for appending this is [`append`](Self::append).
    ///
    /// # Errors
    /// The server's, if it has nothing; `EBADF` if it is not open for writing, `EINVAL` beyond
    /// 2^63 bytes.
    pub async fn write_at(&self, data: &[u8], offset: u64) -> Result<usize, Error> {
        if self.appends() {
            return self.append(data).await;
        }
        self.check_write(offset)?;
        let limits = self.shared().limits;
        let _writing = self.shared().writing(self.qid());
        if (1..=self.next_piece(usize::MAX)).contains(&data.len()) {
            return written(self.ask_write(offset, 0, data)?.await, data.len());
        }
        let mut flight: VecDeque<(Pending<C>, usize)> = VecDeque::new();
        let (mut asked, mut answered, mut done) = (0, 0, 0);
        let (mut stopped, mut failed) = (false, None);
        loop {
            while !stopped
                && asked < data.len()
                && self.may_ask(
                    flight.len(),
                    asked - answered,
                    limits.requests,
                    limits.bytes,
                )
            {
                let count = self.next_piece(data.len() - asked);
                match self.ask_write(offset, asked, &data[asked..asked + count]) {
                    Ok(call) => flight.push_back((call, count)),
                    // What is under way is waited for; then it is tried again.
                    Err(_) if !flight.is_empty() => break,
                    Err(error) => {
                        stopped = true;
                        failed = Some(error);
                        break;
                    }
                }
                asked += count;
            }
            // All of them are waited for, whatever happens: a write that comes after this one must
            // not be overtaken by a piece of it.
            let Some((call, count)) = flight.pop_front() else {
                break;
            };
            let answer = written(call.await, count);
            answered += count;
            if stopped {
                continue;
            }
            match answer {
                Ok(len) => {
                    done += len;
                    stopped = len < count;
                }
                Err(error) => {
                    stopped = true;
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if done == 0 => Err(error),
            _ => Ok(done),
        }
    }

    /// Writes to the end of the file, one request at a time.
    ///
    /// Each request goes to where the end is when the server carries it out, if nothing else, then
    /// by the flag that the file was opened with.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at); `EBADF` if it was not opened for appending.
    pub async fn append(&self, data: &[u8]) -> Result<usize, Error> {
        self.check_write(0)?;
        if !self.appends() {
            return Err(Errno::EBADF.into());
        }
        let _writing = self.shared().writing(self.qid());
        let mut done = 0;
        while done < data.len() {
            let count = self.next_piece(data.len() - done);
            let answer = self.append_piece(&data[done..done + count]).await;
            match answer {
                Ok(len) => {
                    done += len;
                    if len < count {
                        return Ok(done);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// The server knows where the end is. The request says where we think it is, which would be the
    /// right place for a server that does not know the flag.
    async fn append_piece(&self, data: &[u8]) -> Result<usize, Error> {
        let end = match self.end.load(Ordering::Relaxed) {
            u64::MAX => self.attributes().await?.size,
            end => end,
        };
        let answer = self.ask_write(end, 0, data)?.await;
        let written = written(answer, data.len());
        let end = match written {
            Ok(len) => place(end, len).unwrap_or(u64::MAX),
            Err(_) => u64::MAX,
        };
        self.end.store(end, Ordering::Relaxed);
        written
    }

    fn ask_write(&self, offset: u64, skip: usize, data: &[u8]) -> Result<Pending<C>, Error> {
        let request = Request::Write {
            fid: self.fid(),
            offset: place(offset, skip)?,
            data,
        };
        Pending::new(self.shared(), &request)
    }
}

/// How many of `count` bytes were written.
fn written(answer: Result<Response, Error>, count: usize) -> Result<usize, Error> {
    match answer? {
        Response::Written(len) => usize::try_from(len)
            .ok()
            .filter(|&len| len <= count)
            .ok_or(Error::Answer("more bytes written than there were")),
        _ => Err(OTHER_KIND),
    }
}
