//! The same shop on a socket, for what only shows on the wire.

use std::time::{Duration, Instant};

use actix_web::HttpServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Serves the shop until the test ends and connects to it.
macro_rules! connect {
    ($reached:expr) => {{
        let reached = $reached.clone();
        let server = HttpServer::new(move || shop!(reached)).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        actix_web::rt::spawn(server.run());
        TcpStream::connect(address).await.unwrap()
    }};
}

async fn all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A server that closes while we still send may reset; what it said before counts.
    let reading = stream.read_to_end(&mut answer);
    let closed = tokio::time::timeout(Duration::from_secs(10), reading).await;
    assert!(closed.is_ok(), "still open after {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn head_answers_like_get_without_the_body() {
    let mut stream = connect!(nobody());
    let head = format!("HEAD {ORDER} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await.to_ascii_lowercase();

    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("content-length: 14\r\n") && answer.contains("etag: \"v3\""), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[actix_web::test]
async fn an_endless_body_is_answered_and_the_connection_closed() {
    let reached = nobody();
    let mut stream = connect!(reached);
    let head = "POST /v1/orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..17 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let answer = all(&mut stream).await.to_ascii_lowercase();

    // actix-http would read on for as long as anything came, and wait for ever when nothing did.
    assert!(answer.starts_with("http/1.1 413") && answer.contains("connection: close"), "{answer}");
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let mut stream = connect!(nobody());
    let head = "POST /v1/orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
                Content-Length: 20\r\n\r\n{";
    let start = Instant::now();
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await.to_ascii_lowercase();

    assert!(answer.starts_with("http/1.1 408") && answer.contains("connection: close"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[actix_web::test]
async fn a_large_body_is_read_from_nobody_who_may_not_send_it() {
    let reached = nobody();
    let head = |token: &str, length: usize| {
        format!(
            "POST /v1/admin/files HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    // Only the head is ever sent: whoever wanted the body first would wait for it and say 408.
    for token in ["clerk", "customer"] {
        let mut stream = connect!(reached);
        stream.write_all(head(token, 1024 * 1024).as_bytes()).await.unwrap();
        let answer = all(&mut stream).await.to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 403") && answer.contains("files:write"), "{token}: {answer}");
    }

    let body = format!("{{\"quantity\":1,\"note\":\"{}\"}}", "x".repeat(512 * 1024));
    let mut stream = connect!(reached);
    let request =
        head("archivist", body.len()).replace("Host: shop", "Host: shop\r\nConnection: close") + &body;
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert_eq!(reached.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn a_panic_leaves_the_server_standing() {
    let mut stream = connect!(nobody());
    let ask = format!(
        "GET /v1/panics HTTP/1.1\r\nHost: shop\r\n\r\nGET {ORDER} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await.to_ascii_lowercase();

    assert!(answer.starts_with("http/1.1 500") && answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains("http/1.1 200"), "{answer}");
}
