//! What only shows on the wire: requests that no HTTP library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

const GET: &str = "GET /v1/products HTTP/1.1\r\nHost: shop\r\n";
const POST: &str = "POST /v1/carts HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n";

/// What the shop says to these bytes until it closes, or has said something and stays silent.
async fn said(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.public()).await.unwrap();
    // Who is refused may be cut off while still talking.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let patience = if answer.is_empty() { Duration::from_secs(15) } else { Duration::from_millis(400) };
        match tokio::time::timeout(patience, stream.read(&mut piece)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(read)) => answer.extend_from_slice(&piece[..read]),
            Err(_) if answer.is_empty() => return "nothing, and the connection stays open".into(),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends each and compares the status; a shop that closes without a word has refused, too.
async fn expect(world: &World, requests: Vec<(String, &[u16])>) {
    let mut wrong = Vec::new();
    for (request, allowed) in requests {
        let answer = said(world, request.as_bytes()).await;
        // The server says so before anybody has looked at the request; what follows is the answer.
        let answer = answer.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
        let fits = status.map_or(answer.is_empty(), |status| allowed.contains(&status));
        if !fits || answer.matches("HTTP/1.1 ").count() > 1 {
            wrong.push(format!("{request:.200?}\n    {allowed:?}: {answer:.300}"));
        }
        assert_eq!(world.get("/v1/products?limit=1").send().await.status, 200, "after {request:.200?}");
    }
    assert!(wrong.is_empty(), "{} are answered otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_request_ends_is_never_guessed() {
    let world = World::open().await;
    let cart = "{\"currency\":\"USD\"}";
    let with = |head: &str| format!("{POST}{head}\r\n{cart}");
    let chunked =
        |size: &str| format!("{POST}Transfer-Encoding: chunked\r\n\r\n{size}\r\n{cart}\r\n0\r\n\r\n");
    let requests = vec![
        with("Content-Length: 18\r\nContent-Length: 19\r\n"),
        with("Content-Length: 18, 19\r\n"),
        with("Content-Length: -1\r\n"),
        with("Content-Length: +18\r\n"),
        with("Content-Length: 0x12\r\n"),
        with("Content-Length: 99999999999999999999\r\n"),
        with("Content-Length: 18\r\nTransfer-Encoding: chunked\r\n"),
        with("Transfer-Encoding: xchunked\r\n"),
        with("Transfer-Encoding: chunked, identity\r\n"),
        with("Transfer-Encoding: gzip\r\n"),
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        with("Transfer-Encoding : chunked\r\n"),
        chunked("FFFFFFFFFFFFFFFF0"),
        chunked("0x12"),
        chunked(""),
        chunked("-1"),
        format!(
            "POST /v1/carts HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{cart}\r\n0\r\n\r\n"
        ),
    ];
    let refused: &[u16] = &[400, 413, 501];
    expect(&world, requests.into_iter().map(|request| (request, refused)).collect()).await;

    let (carts,): (i64,) = world.database("order").query("SELECT COUNT(*) FROM carts").one().await.unwrap();
    assert_eq!(carts, 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_and_harms_nobody() {
    let world = World::open().await;
    let fields = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect::<Vec<_>>().concat();
    let rows: Vec<(String, &[u16])> = vec![
        ("GET /v1/products HTTP/1.1\r\n\r\n".into(), &[400]),
        (format!("{GET}Host: other\r\n\r\n"), &[400]),
        ("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n".into(), &[400, 404, 405]),
        (format!("{GET}X-Big: {}\r\n\r\n", "x".repeat(1024 * 1024)), &[400, 431]),
        (format!("{GET}X-Big: {}\r\n\r\n", "x".repeat(20 * 1024)), &[400, 431]),
        (format!("{GET}{fields}\r\n"), &[400, 431]),
        (format!("GET /{} HTTP/1.1\r\nHost: shop\r\n\r\n", "x".repeat(5000)), &[400, 414]),
        ("GET /v1/products HTTP/9.9\r\nHost: shop\r\n\r\n".into(), &[400, 505]),
        ("GET  /v1/products HTTP/1.1\r\nHost: shop\r\n\r\n".into(), &[400]),
        (format!("{GET}Bad Header: 1\r\n\r\n"), &[400]),
        (format!("{GET}X-Bad: a\0b\r\n\r\n"), &[400]),
        (format!("{GET} folded\r\n\r\n"), &[400]),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{7f}\x03\x03\r\n\r\n".into(), &[400]),
        ("GET /v1/orders/..%2f..%2fadmin/orders HTTP/1.1\r\nHost: shop\r\n\r\n".into(), &[404]),
        ("GET /v1/%2e%2e/admin HTTP/1.1\r\nHost: shop\r\n\r\n".into(), &[404]),
        ("GET /v1/../v1/admin/orders HTTP/1.1\r\nHost: shop\r\n\r\n".into(), &[400, 404]),
        (format!("{POST}Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"), &[413, 417]),
        (format!("{POST}Idempotency-Key: a\u{1}b\r\nContent-Length: 2\r\n\r\n{{}}"), &[400]),
    ];
    expect(&world, rows).await;

    let noise: Vec<u8> = (0..1024 * 1024).map(|_| rand::random::<u8>()).collect();
    let answer = said(&world, &noise).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:.300}");
    world.get("/v1/products").send().await.expect(200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_gets_into_no_answer() {
    let world = World::open().await;
    let evil =
        said(&world, b"GET /v1/products/none HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            .await;
    let absolute = said(
        &world,
        b"GET http://evil.example/v1/products/none HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
    )
    .await;
    let upgrade = format!("{GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let upgrade = said(&world, upgrade.as_bytes()).await;

    assert!(evil.starts_with("HTTP/1.1 4") && !evil.contains("evil"), "{evil}");
    assert!(absolute.starts_with("HTTP/1.1 4") && !absolute.contains("evil"), "{absolute}");
    assert!(upgrade.starts_with("HTTP/1.1 200") || upgrade.starts_with("HTTP/1.1 4"), "{upgrade}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_requests_at_once_none_overtakes_another() {
    let world = World::open().await;
    let mut stream = TcpStream::connect(world.public()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let send = async {
        for number in 0..1000 {
            let last = if number == 999 { "Connection: close\r\n" } else { "" };
            let request = format!("{GET}X-Request-Id: r{number}\r\n{last}\r\n");
            // The shop may close when it has had enough; what it answered until then is in order.
            if writer.write_all(request.as_bytes()).await.is_err() {
                break;
            }
        }
    };
    let mut answer = Vec::new();
    let (_, (), other) =
        tokio::join!(reader.read_to_end(&mut answer), send, world.get("/v1/products").send());
    assert_eq!(other.status, 200);

    let answer = String::from_utf8_lossy(&answer);
    let ids: Vec<usize> =
        answer.lines().filter_map(|line| line.strip_prefix("x-request-id: r")?.parse().ok()).collect();
    assert!(!ids.is_empty());
    assert_eq!(ids, (0..ids.len()).collect::<Vec<_>>());
    world.close().await;
}
