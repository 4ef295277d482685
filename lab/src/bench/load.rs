//! A closed loop of clients that cost as little as a client can: they share the cores with what is measured.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failure;

/// One request, sent again and again.
#[derive(Clone)]
pub(crate) struct Load {
    address: String,
    head: String,
    body: String,
}

/// What a load came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    /// Answers.
    pub(crate) answers: u64,
    /// The same per second.
    pub(crate) per_second: f64,
    /// The median, in microseconds.
    pub(crate) p50: u64,
    /// The 99th percentile, in microseconds.
    pub(crate) p99: u64,
    /// Answers that were not 2xx.
    pub(crate) refused: u64,
}

impl Rate {
    pub(crate) fn of(histogram: &Histogram<u64>, refused: u64, took: Duration) -> Self {
        Self {
            answers: histogram.len(),
            per_second: histogram.len() as f64 / took.as_secs_f64(),
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            refused,
        }
    }
}

/// So many clients at the same time, each doing this until then; each says how long its turns took, in microseconds, and
/// how many came to nothing.
pub(super) async fn everybody<F>(
    clients: usize,
    duration: Duration,
    one: impl Fn(Instant) -> F,
) -> Result<Rate, Failure>
where
    F: Future<Output = Result<(Histogram<u64>, u64), Failure>> + Send + 'static,
{
    let began = Instant::now();
    let running: Vec<_> = (0..clients).map(|_| tokio::task::spawn(one(began + duration))).collect();
    let mut all = crate::histogram();
    let mut refused = 0;
    for client in running {
        let (times, turned_away) = client.await??;
        all.add(times)?;
        refused += turned_away;
    }
    Ok(Rate::of(&all, refused, began.elapsed()))
}

impl Load {
    pub(crate) fn get(address: &str, path: &str) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
        Self { address: address.to_owned(), head, body: String::new() }
    }

    pub(crate) fn post(address: &str, path: &str, body: &Value) -> Self {
        Self::change("POST", address, path, body)
    }

    pub(crate) fn patch(address: &str, path: &str, body: &Value) -> Self {
        Self::change("PATCH", address, path, body)
    }

    fn change(method: &str, address: &str, path: &str, body: &Value) -> Self {
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        Self { address: address.to_owned(), head, body }
    }

    /// The same with a header more.
    pub(crate) fn with(mut self, header: &str, value: &str) -> Self {
        let _ = write!(self.head, "{header}: {value}\r\n");
        self
    }

    /// Sends it once. Returns how long the answer's body is.
    pub(crate) async fn once(&self) -> Result<usize, Failure> {
        let mut client = Client::connect(self).await?;
        let answer = client.ask(self).await?;
        if answer.is_well() {
            Ok(answer.body.len())
        } else {
            Err(format!("{} was refused", self.head.lines().next().unwrap_or_default()).into())
        }
    }

    /// So many clients, each sending again as soon as it was answered.
    pub(crate) async fn run(&self, clients: usize, duration: Duration) -> Result<Rate, Failure> {
        everybody(clients, duration, |until| self.clone().one(until)).await
    }

    async fn one(self, until: Instant) -> Result<(Histogram<u64>, u64), Failure> {
        let mut times = crate::histogram();
        let mut refused = 0;
        let mut client = Client::connect(&self).await?;
        while Instant::now() < until {
            let began = Instant::now();
            if client.ask(&self).await?.is_well() {
                times.saturating_record(began.elapsed().as_micros() as u64);
            } else {
                refused += 1;
            }
        }
        Ok((times, refused))
    }
}

/// A connection that is kept, and just enough of HTTP/1.1 for answers with a length.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) body: &'c [u8],
}

impl Answer<'_> {
    pub(crate) fn is_well(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Client {
    pub(crate) async fn connect(load: &Load) -> io::Result<Self> {
        let stream = TcpStream::connect(&load.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    pub(crate) async fn ask(&mut self, load: &Load) -> io::Result<Answer<'_>> {
        let mut request = load.head.clone();
        if !load.body.is_empty() {
            let _ = write!(request, "idempotency-key: {:032x}\r\n", rand::random::<u128>());
        }
        request.push_str("\r\n");
        request.push_str(&load.body);
        self.stream.write_all(request.as_bytes()).await?;

        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            while self.buffer.len() < end + 4 + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
            return Ok(Answer { status, body: &self.buffer[end + 4..] });
        }
    }
}
