use super::*;
use utoipa::openapi::{InfoBuilder, OpenApiBuilder, Paths};

/// A gate of eight places.
fn gate() -> Arc<Admission> {
    let steering = Steering { least: 8, most: 8, target: Duration::from_millis(10) };
    let settings =
        Admitting { steering, wait: Duration::from_millis(100), payment_wait: Duration::from_millis(250) };
    let api = OpenApiBuilder::new().info(InfoBuilder::new().build()).paths(Paths::new()).build();
    Arc::new(Admission::new(settings, &api))
}

/// Lets in browsing until no more fits.
async fn crowd(gate: &Arc<Admission>) -> Vec<Place> {
    let mut crowd = Vec::new();
    while let Some(place) = gate.take(Priority::Browsing) {
        crowd.push(place);
    }
    crowd
}

fn waits(gate: &Admission) -> u32 {
    gate.waiting.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_waits_a_little_and_is_turned_away() {
    let gate = gate();
    let crowd = crowd(&gate).await;
    let began = tokio::time::Instant::now();
    assert!(gate.enter(Priority::Browsing).await.is_none());
    assert!((100..=102).contains(&began.elapsed().as_millis()), "100 ms, and what a timer adds");

    let payments: Vec<_> = std::iter::from_fn(|| gate.take(Priority::Payment)).collect();
    let began = tokio::time::Instant::now();
    assert!(gate.enter(Priority::Payment).await.is_none());
    assert!((250..=252).contains(&began.elapsed().as_millis()));

    drop((crowd, payments));
    assert!(gate.enter(Priority::Staff).await.is_some());
    let [_, _, (_, browsing), (_, staff)] = gate.standings();
    assert_eq!((browsing.shed, staff.admitted, staff.taken, browsing.waiting), (1, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_given_back_goes_to_the_most_urgent_and_of_those_to_the_last() {
    let gate = gate();
    let mut crowd = crowd(&gate).await;
    crowd.extend(std::iter::from_fn(|| gate.take(Priority::Checkout)));
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiting = tokio::task::JoinSet::new();
    for (name, priority) in
        [("staff", Priority::Staff), ("first", Priority::Checkout), ("last", Priority::Checkout)]
    {
        if name == "staff" {
            // Given back last, or staff would be below their share and be let in for that.
            crowd.splice(0..0, gate.take(priority));
        }
        let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
        waiting.spawn(async move {
            let place = gate.wait(priority).await;
            order.lock().unwrap().push((name, place.is_some()));
            place
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(waits(&gate), 3);
    while waits(&gate) > 1 {
        crowd.pop();
        tokio::task::yield_now().await;
    }
    assert_eq!(*order.lock().unwrap(), [("last", true), ("first", true)]);
    drop(crowd);
    assert!(waiting.join_all().await.iter().all(Option::is_some));
    assert_eq!(gate.places.taken().all(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_leaves_nothing_behind() {
    let gate = gate();
    let crowd = crowd(&gate).await;
    let mut leaving = tokio::task::JoinSet::new();
    leaving.spawn({
        let gate = Arc::clone(&gate);
        async move { gate.enter(Priority::Browsing).await.is_some() }
    });
    tokio::task::yield_now().await;
    assert_eq!(waits(&gate), 1);
    leaving.abort_all();
    assert!(leaving.join_next().await.unwrap().unwrap_err().is_cancelled());
    assert_eq!(waits(&gate), 0);
    drop(crowd);
    assert_eq!(gate.places.taken().all(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_than_are_worked_on() {
    let gate = gate();
    let crowd = crowd(&gate).await;
    let waiting = futures::future::join_all((0..20).map(|_| gate.enter(Priority::Browsing)));
    let began = tokio::time::Instant::now();
    let turned_away = tokio::time::timeout(Duration::from_millis(1), waiting).await;
    assert!(turned_away.is_err(), "some wait");
    assert!(began.elapsed() < Duration::from_millis(5));
    assert_eq!(gate.standings()[Priority::Browsing as usize].1.shed, 12, "and the others need not");
    drop(crowd);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_its_client_lends_its_place() {
    let gate = gate();
    let crowd = crowd(&gate).await;
    let taken = gate.places.taken().all();
    let slow: Vec<_> = crowd.iter().map(Place::aside).collect();
    assert_eq!(gate.places.taken().all(), 0);
    let quick = gate.enter(Priority::Browsing).await.unwrap();
    drop(slow);
    assert_eq!(gate.places.taken().all(), taken + 1, "who had a place has it again");
    drop((quick, crowd));
    assert_eq!(gate.places.taken().all(), 0);
}

#[tokio::test]
async fn places_are_neither_lost_nor_made_when_all_come_and_go_at_once() {
    let gate = gate();
    let mut coming = tokio::task::JoinSet::new();
    for number in 0..4000_usize {
        let gate = Arc::clone(&gate);
        coming.spawn(async move {
            let priority = Priority::ALL[number % 4];
            let entering = gate.enter(priority);
            let patience = Duration::from_micros(200 * (number % 7) as u64 + 1);
            let place = tokio::time::timeout(patience, entering).await;
            tokio::task::yield_now().await;
            drop(place);
        });
    }
    coming.join_all().await;
    assert_eq!((gate.places.taken().all(), waits(&gate)), (0, 0));
}

#[test]
fn those_who_are_turned_away_come_back_at_different_times() {
    let gate = gate();
    let later = |_| {
        let refusal = gate.refusal("req-7");
        refusal.headers().get("retry-after").unwrap().to_str().unwrap().to_owned()
    };
    let mut told: Vec<_> = (0..5).map(later).collect();
    told.sort();
    assert_eq!(told, ["1", "2", "3", "4", "5"]);
}
