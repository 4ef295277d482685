//! A way to a listener that breaks as it is told to, one request a connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The connection ends, and the request never arrives.
    DropBefore,
    /// The request arrives, and the connection ends instead of answering.
    DropAfter,
    /// The request arrives twice; the second answer is given.
    Twice,
    /// It takes a while.
    Delay(Duration),
    /// Something on the way is not ready.
    Unavailable,
}

/// The way, for as long as it is kept.
pub(super) struct BrokenWay {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl BrokenWay {
    /// A way to `url`: the first requests meet these faults, later ones none.
    pub(super) async fn to(url: &str, faults: &[Fault]) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), url, faults).await
    }

    /// The same at this address.
    pub(super) async fn at(address: SocketAddr, url: &str, faults: &[Fault]) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = url.trim_start_matches("http://").to_owned();
        let faults = Arc::new(Mutex::new(faults.iter().copied().collect::<VecDeque<_>>()));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                drop(tokio::spawn(pass(client, target.clone(), Arc::clone(&faults))));
            }
        });
        Self { address, accepting }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nobody is there any more. Returns where it was.
    pub(super) async fn close(self) -> SocketAddr {
        self.accepting.abort();
        let _ = self.accepting.await;
        self.address
    }
}

async fn pass(mut client: TcpStream, target: String, faults: Arc<Mutex<VecDeque<Fault>>>) {
    let request = read(&mut client).await;
    let fault = faults.lock().unwrap().pop_front();
    let answer = match fault {
        None => send(&target, &request).await,
        Some(Fault::DropBefore) => return,
        Some(Fault::DropAfter) => {
            send(&target, &request).await;
            return;
        }
        Some(Fault::Twice) => {
            send(&target, &request).await;
            send(&target, &request).await
        }
        Some(Fault::Delay(pause)) => {
            tokio::time::sleep(pause).await;
            send(&target, &request).await
        }
        Some(Fault::Unavailable) => {
            b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbusy".to_vec()
        }
    };
    let _ = client.write_all(&answer).await;
    let _ = client.shutdown().await;
}

/// One request with its body, told to be the last on its connection.
async fn read(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = client.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if length == 0 {
                return bytes;
            }
            continue;
        };
        let announced =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if length == 0 || body.len() >= announced.unwrap_or(0) {
            return format!("{head}\r\nconnection: close\r\n\r\n{body}").into_bytes();
        }
    }
}

async fn send(target: &str, request: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(target).await.unwrap();
    server.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = server.read_to_end(&mut answer).await;
    answer
}
