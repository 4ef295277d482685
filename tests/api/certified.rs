//! A shop in several processes that know each other by certificates alone.

use serde_json::{Value, json};

use crate::apart::processes;
use crate::placement::{Between, Certificates};
use crate::world::World;

const EACH_ALONE: [&str; 5] = ["", "user", "product", "order", "payment"];

async fn open(groups: &[&str]) -> World {
    World::open_over(Between { tls: true, ..Between::asked() }, &processes(groups), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_buy_from_processes_that_share_no_secret() {
    let mut world = open(&EACH_ALONE).await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 2).await;
    assert_eq!(order["paymentStatus"], "paid", "{order}");
    world.eventually("the goods leave", async || world.stock(&variant).await["onHand"] == 8).await;

    // What several modules know together, through the gateway.
    let path = format!("/v1/admin/orders/{}?expand=payment", order["id"].as_str().unwrap());
    let expanded = world.get(&path).staff().send().await.expect(200);
    assert_eq!(expanded["payment"]["status"], "succeeded", "{expanded}");
    let events = world.get("/v1/admin/events").staff().send().await.expect(200);
    assert!(events["data"].as_array().unwrap().iter().any(|event| event["type"] == "order.placed"));

    world.take_down(4).await;
    let refunds = world.get("/v1/admin/refunds").staff().send().await;
    assert_eq!(refunds.problem(503), "module_unavailable");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_who_holds_the_certificate_of_the_process() {
    let world = open(&["user+product+order+payment", "user"]).await;
    let asked = world.internal(0).to_string();
    let show = ["topology", "show", "--internal", &asked];
    let shown = world.command(0, &show).await;
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["version"], 1);

    let apply = ["topology", "apply", "user", "--here", "--internal", &asked];
    let other = world.command(1, &apply).await;
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(!other.status.success() && said.contains("Incompatible"), "{said}");
    let own = world.command(0, &apply).await;
    assert!(own.status.success(), "{}", String::from_utf8_lossy(&own.stderr));

    let in_the_clear = ["topology", "apply", "user", "--url", "http://10.0.0.7:9080", "--internal", &asked];
    let said = String::from_utf8(world.command(0, &in_the_clear).await.stderr).unwrap();
    assert!(said.contains("write it with https://"), "{said}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_certificate_and_are_nothing_else() {
    let mut world = open(&["user+product+order+payment"]).await;
    let plain = platform::tls::plain_client().unwrap().no_proxy().build().unwrap();
    let internal = plain.get(format!("http://{}/readyz", world.internal(0))).send().await;
    assert!(internal.is_err(), "{internal:?}");
    let trusting = plain.get(format!("{}/readyz", world.url(0))).send().await;
    assert!(trusting.is_err(), "nobody showed a certificate: {trusting:?}");

    world.restart(0, |text| format!("probes = \"127.0.0.1:0\"\n{text}")).await;
    let probes = world.probes(0).unwrap();
    let get = async |path: &str| plain.get(format!("http://{probes}{path}")).send().await.unwrap().status();
    assert_eq!(get("/livez").await, 204);
    assert_eq!(get("/readyz").await, 200);
    assert_eq!(get("/metrics").await, 200);
    for path in ["/rpc/users.v1", "/v1/products", "/v1/admin/orders"] {
        assert_eq!(get(path).await, 404, "{path}");
    }
    world.close().await;
}

/// What `cleave doctor` says of the settings in the folder.
async fn doctor(world: &World) -> (bool, String) {
    let files: Vec<String> =
        (0..2).map(|at| world.folder().join(format!("{at}.toml")).display().to_string()).collect();
    let output = world.command(0, &["doctor", &files[0], &files[1]]).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_whose_certificates_do_not_fit_is_refused() {
    let world = open(&["user+product+order", "payment"]).await;
    let settings = |at: usize| world.folder().join(format!("{at}.toml"));
    // They were told where they are, and each took a free port.
    for at in 0..2 {
        let text = std::fs::read_to_string(settings(at)).unwrap();
        std::fs::write(settings(at), format!("internal = \"{}\"\n{text}", world.internal(at))).unwrap();
    }
    let (well, said) = doctor(&world).await;
    assert!(well, "{said}");

    let others = tempfile::tempdir().unwrap();
    Certificates::of(others.path()).issue(1, &["payment".to_owned()]);
    let before = std::fs::read_to_string(settings(1)).unwrap();
    let (ours, theirs) = (world.folder().display(), others.path().display());
    let mut strange = before.clone();
    for file in ["ca.pem", "1.pem", "1.key"] {
        strange = strange.replace(&format!("{ours}/{file}"), &format!("{theirs}/{file}"));
    }
    std::fs::write(settings(1), strange).unwrap();
    let (well, said) = doctor(&world).await;
    assert!(!well && said.contains("is not signed by an authority in `ca`"), "{said}");

    std::fs::write(settings(1), before.replace("/1.pem", "/0.pem").replace("/1.key", "/0.key")).unwrap();
    let (well, said) = doctor(&world).await;
    assert!(!well && said.contains("spiffe://cleave/shop/module/payment"), "{said}");

    std::fs::write(settings(1), &before).unwrap();
    let shop = std::fs::read_to_string(settings(0)).unwrap();
    let away = shop.replace(&world.url(1), "https://payment.example:9080");
    assert_ne!(away, shop);
    std::fs::write(settings(0), away).unwrap();
    let (well, said) = doctor(&world).await;
    assert!(!well && said.contains("does not cover `payment.example`"), "{said}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_contract_is_called_over_tls_in_one_process_too() {
    let mut world = open(&["user+product+order+payment"]).await;
    let over_http = |text: String| text.replace("mode = \"local\"", "mode = \"http\"") + "\n";
    world.restart(0, over_http).await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    assert_eq!(world.buy(&variant, 1).await["paymentStatus"], json!("paid"));
    world.close().await;
}
