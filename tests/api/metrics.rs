//! What is counted, as Prometheus reads it.

use platform::tls::plain_client;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_counted_by_route_and_by_call_and_names_nobody() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    world.post("/v1/checkout", &world.order_of(&variant, 1)).fresh_key().send().await.expect(201);
    world.get("/v1/nothing-of-the-kind").send().await.expect(404);

    let client = plain_client().unwrap().build().unwrap();
    let mut text = String::new();
    for at in 0..world.processes() {
        let answer = client.get(format!("http://{}/metrics", world.internal(at))).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        text += &answer.text().await.unwrap();
    }
    let counted = |begins: &str, has: &[&str]| {
        let line =
            text.lines().find(|line| line.starts_with(begins) && has.iter().all(|part| line.contains(part)));
        let line = line.unwrap_or_else(|| panic!("no {begins} with {has:?} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let calls = counted(
        "cleave_contract_call_seconds_count",
        &["contract=\"products.v1\"", "method=\"reserve\"", "outcome=\"answered\""],
    );
    assert!(calls >= 1.0);
    // In another process a request without a route was for a module elsewhere.
    let status = counted("cleave_http_request_seconds_count", &["method=\"POST\"", "status=\"201\""]);
    assert!(status >= 1.0);
    assert!(counted("cleave_http_request_seconds_count", &["route=\"\"", "status=\"404\""]) >= 1.0);
    for name in ["cleave_db_statements_total", "cleave_events_position", "cleave_parked_events"] {
        counted(name, &[]);
    }
    assert!(
        !text.contains('@') && !text.contains("nothing-of-the-kind") && !text.contains("cart_"),
        "{text}"
    );
    world.close().await;
}
