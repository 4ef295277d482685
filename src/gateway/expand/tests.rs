use std::sync::Mutex;
use std::time::Duration;

use kernel::call::FailureReason;
use kernel::macros::async_trait;
use kernel::{CallFailure, Clock, Money};
use order_api::{OrderId, OrderSummaries, OrdersError};
use payment_api::{CancelPayment, PayOrder, Payment, PaymentSummaries, PaymentsError, ResolvePayment};
use user_api::{AccountId, Accounts, ListKeys, ListRevoked, Revoked, SigningKeys, UsersError};

use super::*;
use crate::gateway::routes;

/// Three modules that count what they are asked and know everything.
#[derive(Default)]
struct Modules {
    asked: Mutex<Vec<(&'static str, usize)>>,
    payments_away: bool,
}

impl Modules {
    fn asked(&self, method: &'static str, ids: usize) {
        self.asked.lock().unwrap().push((method, ids));
    }
}

fn usd(amount: i64) -> Money {
    Money::new(amount, "USD".parse().unwrap())
}

#[async_trait]
impl Users for Modules {
    async fn keys(&self, _: &Call, _: ListKeys) -> Result<SigningKeys, UsersError> {
        Err(CallFailure::internal().into())
    }

    async fn revoked(&self, _: &Call, _: ListRevoked) -> Result<Revoked, UsersError> {
        Err(CallFailure::internal().into())
    }

    async fn accounts(&self, _: &Call, request: FindAccounts) -> Result<Accounts, UsersError> {
        self.asked("accounts", request.ids.len());
        let created_at = Clock::system().now();
        let account =
            |id: AccountId| AccountSummary { id, name: "Ada".into(), email: id.to_string(), created_at };
        Ok(Accounts { accounts: request.ids.into_iter().map(account).collect() })
    }
}

#[async_trait]
impl Orders for Modules {
    async fn orders(&self, _: &Call, request: FindOrders) -> Result<OrderSummaries, OrdersError> {
        self.asked("orders", request.ids.len());
        let order = |id: OrderId| OrderSummary { id, number: None, status: "placed".into(), total: usd(1) };
        Ok(OrderSummaries { orders: request.ids.into_iter().map(order).collect() })
    }
}

#[async_trait]
impl Payments for Modules {
    async fn pay(&self, _: &Call, _: PayOrder) -> Result<Payment, PaymentsError> {
        Err(PaymentsError::NotFound)
    }

    async fn resolve(&self, _: &Call, _: ResolvePayment) -> Result<Payment, PaymentsError> {
        Err(PaymentsError::NotFound)
    }

    async fn cancel(&self, _: &Call, _: CancelPayment) -> Result<Payment, PaymentsError> {
        Err(PaymentsError::NotFound)
    }

    async fn payments(&self, _: &Call, request: FindPayments) -> Result<PaymentSummaries, PaymentsError> {
        self.asked("payments", request.order_ids.len());
        if self.payments_away {
            return Err(CallFailure::not_executed(FailureReason::Unreachable).into());
        }
        let payment = |(order_id, status): (String, &str)| PaymentSummary {
            id: Clock::system().id(),
            order_id,
            status: status.to_owned(),
            amount: usd(1),
            authorized: usd(0),
            captured: usd(1),
            refunded: usd(0),
        };
        let each = request.order_ids.into_iter().flat_map(|id| [(id.clone(), "canceled"), (id, "succeeded")]);
        Ok(PaymentSummaries { payments: each.map(payment).collect() })
    }
}

/// Orders of as many customers as are told, one of them a guest's.
fn page(orders: usize, customers: usize) -> Vec<Value> {
    let clock = Clock::system();
    let customers: Vec<AccountId> = (0..customers).map(|_| clock.id()).collect();
    let order = |at: usize| {
        let id: OrderId = clock.id();
        let mut order = json!({ "id": id });
        if at > 0 {
            order["customerId"] = json!(customers[at % customers.len()]);
        }
        order
    };
    (0..orders).map(order).collect()
}

async fn expanded(modules: Arc<Modules>, names: &[&str], things: &mut [Value]) -> Vec<Value> {
    let expander = Expander { users: modules.clone(), payments: modules.clone(), orders: modules };
    let wanted: Vec<_> = OFFERS.iter().filter(|offer| names.contains(&offer.name)).collect();
    let call = Call::by_module("gateway", Duration::from_secs(5));
    expander.expand(&wanted, &call, &mut things.iter_mut().collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_page_costs_one_call_to_each_module() {
    let modules = Arc::new(Modules::default());
    let mut things = page(100, 7);
    let warnings = expanded(Arc::clone(&modules), &["customer", "payment"], &mut things).await;

    assert_eq!(warnings, [] as [Value; 0]);
    assert_eq!(*modules.asked.lock().unwrap(), [("accounts", 7), ("payments", 100)]);
    assert_eq!(things[0]["customer"], Value::Null, "a guest");
    for order in &things[1..] {
        assert_eq!(order["customer"]["email"], order["customerId"]);
        assert_eq!(
            (&order["payment"]["orderId"], &order["payment"]["status"]),
            (&order["id"], &json!("succeeded"))
        );
    }
}

#[tokio::test]
async fn nobody_is_asked_about_nothing() {
    let modules = Arc::new(Modules::default());
    expanded(Arc::clone(&modules), &["customer", "payment"], &mut []).await;
    expanded(Arc::clone(&modules), &["customer"], &mut page(1, 1)).await;
    assert_eq!(*modules.asked.lock().unwrap(), []);
}

#[tokio::test]
async fn what_a_module_that_is_away_knows_is_null_and_told_of() {
    let modules = Arc::new(Modules { payments_away: true, ..Modules::default() });
    let mut things = page(2, 1);
    let warnings = expanded(modules, &["customer", "payment"], &mut things).await;

    assert_eq!(
        (warnings.len(), &warnings[0]["expand"], &warnings[0]["code"]),
        (1, &json!("payment"), &json!("module_unavailable"))
    );
    assert_eq!(things[1]["payment"], Value::Null);
    assert_eq!(things[1]["customer"]["name"], "Ada");
}

#[test]
fn every_offer_stands_on_routes_that_have_what_it_goes_by() {
    let shapes = crate::gateway::shapes::Shapes::new(&routes::openapi());
    for offer in &OFFERS {
        for path in offer.routes {
            let thing = shapes.thing(shapes.route(path).unwrap()).unwrap();
            assert!(shapes.has(thing, [offer.by].into_iter()), "{path} {}", offer.by);
            assert!(!shapes.has(thing, [offer.name].into_iter()), "{path} has a {} of its own", offer.name);
        }
    }
}
