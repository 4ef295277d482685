//! HTTP by hand: what a well-kept library would not let it say, it has to be able to say.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failure;

/// The longest request that is read.
const LONGEST: usize = 64 * 1024;
/// The most headers of one.
const HEADERS: usize = 64;

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) body: Vec<u8>,
}

/// A connection, and what was read of it and not used.
pub(super) struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The next request; `None` when there is none.
    pub(super) async fn next(&mut self) -> Result<Option<Request>, Failure> {
        loop {
            if let Some(request) = self.parse()? {
                return Ok(Some(request));
            }
            if self.read.len() > LONGEST {
                return Err("the request is too long".into());
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Request>, Failure> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(begins) = head.parse(&self.read)? else { return Ok(None) };
        let header = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            String::from_utf8_lossy(found.map_or(&[][..], |header| header.value)).into_owned()
        };
        let length = match header("content-length").as_str() {
            "" => 0,
            length => length.parse::<usize>()?,
        };
        let Some(body) = self.read.get(begins..begins.saturating_add(length)) else { return Ok(None) };
        let request = Request {
            method: head.method.unwrap_or_default().to_owned(),
            path: head.path.unwrap_or_default().to_owned(),
            authorization: header("authorization"),
            body: body.to_vec(),
        };
        self.read.drain(..begins + length);
        Ok(Some(request))
    }

    /// Answers so often with this.
    pub(super) async fn answer(&mut self, status: u16, body: &Value, times: usize) -> Result<(), Failure> {
        self.answer_text(status, &body.to_string(), times).await
    }

    /// The same with a text that need not be JSON.
    pub(super) async fn answer_text(&mut self, status: u16, body: &str, times: usize) -> Result<(), Failure> {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Ok(self.stream.write_all(answer.repeat(times).as_bytes()).await?)
    }

    /// Says nothing until the other side is tired of it.
    pub(super) async fn hang(&mut self) -> Result<(), Failure> {
        while self.stream.read_buf(&mut self.read).await? > 0 && self.read.len() <= LONGEST {}
        Ok(())
    }
}
