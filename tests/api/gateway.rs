//! What the gateway does for the world, wherever the modules run.

use serde_json::json;

use crate::world::{Reply, World};

/// A shop that believes this machine about whom requests come from.
async fn limited(settings: &str) -> World {
    World::open_with(&format!("[gateway]\ntrusted_proxies = [\"127.0.0.1\"]\n{settings}")).await
}

/// The first answer that is 429, which must not take long to come.
async fn refused(ask: impl AsyncFn() -> Reply) -> Reply {
    for _ in 0..100 {
        let reply = ask().await;
        if reply.status == 429 {
            return reply;
        }
    }
    panic!("a hundred requests in a row were let through");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_that_asks_too_much_is_turned_away_and_another_is_not() {
    let world = limited("requests_per_second = 1\nrequest_burst = 3\n").await;
    let ask = async |from: &str| world.get("/v1/products").header("x-forwarded-for", from).send().await;
    let first = ask("192.0.2.1").await;
    assert!(!first.headers.contains_key("ratelimit"), "nothing is said while there is plenty");
    first.expect(200);
    let last = refused(async || ask("192.0.2.1").await).await;
    let wait: u64 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    assert_eq!(last.headers["ratelimit"], format!("\"requests\";r=0;t={wait}"));
    assert_eq!(last.headers["ratelimit-policy"], "\"requests\";q=3;w=3");
    assert_eq!(last.body["retryable"], true);
    assert_eq!(last.problem(429), "quota_exceeded");
    ask("192.0.2.2").await.expect(200);
    // Nothing of it holds between processes, or for tools on this machine.
    for _ in 0..9 {
        world.get("/v1/products").send().await.expect(200);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_limited_wherever_it_comes_from_and_guessing_passwords_earlier() {
    let world =
        limited("requests_per_second = 1\nrequest_burst = 3\nsign_ins_per_second = 1\nsign_in_burst = 2\n")
            .await;
    let customer = world.customer("ada@example.com").await;
    let address = std::cell::Cell::new(0);
    let account = refused(async || {
        address.set(address.get() + 1);
        let request = world.get("/v1/account").bearer(&customer);
        request.header("x-forwarded-for", &format!("192.0.2.{}", address.get())).send().await
    });
    assert_eq!(account.await.problem(429), "quota_exceeded");
    assert!(address.get() > 3, "a burst of three passes");

    let guess = async |path: &str| {
        let body = json!({ "email": "ada@example.com", "password": "a guess that is wrong" });
        world.post(path, &body).header("x-forwarded-for", "198.51.100.1").send().await
    };
    assert_eq!(guess("/v1/auth/login").await.problem(401), "invalid_credentials");
    let refused = refused(async || guess("/v1/auth/log%69n").await).await;
    assert!(refused.headers["ratelimit"].to_str().unwrap().starts_with("\"sign-ins\";r=0"));
    assert_eq!(refused.problem(429), "quota_exceeded");
    world.close().await;
}
