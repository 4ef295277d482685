//! The binary, as somebody at the machine meets it.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the binary should stop")]

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// A folder with a shop in it.
struct Machine(TempDir);

/// A shop that is open until it is told to stop.
struct Serving {
    child: Child,
    lines: BufReader<ChildStdout>,
    address: String,
    internal: String,
}

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cleave"));
        command.args(arguments).current_dir(self.0.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints when all goes well.
    #[track_caller]
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints for programs, line by line.
    #[track_caller]
    fn says_json(&self, arguments: &[&str]) -> Vec<Value> {
        self.says(&[arguments, &["--json"]].concat())
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What a command prints when it cannot do what it should.
    #[track_caller]
    fn complains(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} went well");
        String::from_utf8(output.stderr).unwrap()
    }

    fn hire(&self) -> Output {
        let arguments = [
            "staff",
            "create",
            "--email",
            "ada@example.com",
            "--name",
            "Ada",
            "--role",
            "owner",
            "--password-stdin",
        ];
        let mut child = self.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn serve(&self, arguments: &[&str]) -> Serving {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--json"];
        let mut child = self.command(&[&serve, arguments].concat()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let open = next(&mut lines);
        assert_eq!(open["event"], "open");
        let said = |field: &str| open[field].as_str().unwrap().to_owned();
        Serving { child, lines, address: said("address"), internal: said("internal") }
    }
}

impl Serving {
    /// Says stop and waits for the end. Returns how long it took.
    fn stop(&mut self) -> Duration {
        let began = Instant::now();
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        assert!(rest.contains("\"closing\"") && rest.contains("\"closed\""), "{rest}");
        began.elapsed()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next(lines: &mut impl std::io::BufRead) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is not JSON"))
}

fn client() -> reqwest::Client {
    platform::tls::plain_client().unwrap().no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
}

/// A customer who has said half of what makes an account.
struct Speaking {
    stream: TcpStream,
    rest: String,
}

impl Speaking {
    fn to(address: &str, number: usize) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let body = json!({ "email": format!("{number}@example.com"), "name": "Ada", "password": PASSWORD })
            .to_string();
        let (half, rest) = body.split_at(body.len() / 2);
        write!(
            stream,
            "POST /v1/auth/register HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{half}",
            body.len()
        )
        .unwrap();
        Self { stream, rest: rest.to_owned() }
    }

    /// Says the rest and listens until nothing more is said.
    fn answer(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A module of this version works beside the others of the last, and the other way round.
#[test]
fn every_contract_works_with_every_released_version_of_it() {
    let machine = Machine::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let names = String::from_utf8(machine.run(&["contract"]).stdout).unwrap();
    let mut compared = 0;
    for release in std::fs::read_dir(root).unwrap() {
        let release = release.unwrap().path();
        for name in names.lines() {
            let released = release.join(format!("{name}.json"));
            let output = machine.run(&["contract", name, "--against", released.to_str().unwrap()]);
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name} against {}: {said}", release.display());
            compared += 1;
        }
    }
    assert!(compared >= 5);
}

#[test]
fn a_new_shop_is_migrated_and_then_well() {
    let machine = Machine::new();
    let unwell = machine.run(&["doctor", "--json"]);
    assert!(!unwell.status.success(), "nothing was migrated yet");

    let applied = machine.says_json(&["migrate"]);
    assert_eq!(
        applied.iter().map(|line| &line["module"]).collect::<Vec<_>>(),
        ["user", "product", "payment", "order"]
    );
    assert!(applied.iter().all(|line| line["applied"].as_u64().unwrap() > 0));
    assert!(machine.says_json(&["migrate"]).iter().all(|line| line["applied"] == 0));

    assert!(machine.says_json(&["doctor"]).iter().all(|line| line["healthy"] == true));
    assert!(machine.says(&["doctor"]).contains("well"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_let_in_at_the_machine_can_sign_in() {
    let machine = Machine::new();
    let hired = machine.hire();
    assert!(hired.status.success(), "{}", String::from_utf8_lossy(&hired.stderr));
    let twice = machine.hire();
    assert!(!twice.status.success());
    let mut shop = machine.serve(&[]);

    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let reply = client().post(format!("{}/v1/auth/login", shop.address)).json(&login).send().await.unwrap();
    let tokens: Value = reply.error_for_status().unwrap().json().await.unwrap();
    let token = tokens["accessToken"].as_str().unwrap();
    let orders =
        client().get(format!("{}/v1/admin/orders", shop.address)).bearer_auth(token).send().await.unwrap();

    assert_eq!(orders.status(), 200);
    assert!(shop.stop() < Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_owners_token_works_once() {
    let machine = Machine::new();
    let mut shop = machine.serve(&[]);
    let setup = next(&mut shop.lines);
    let body =
        json!({ "token": setup["token"], "email": "ada@example.com", "name": "Ada", "password": PASSWORD });
    let path = format!("{}/v1/auth/setup", shop.address);

    let first = client().post(&path).json(&body).send().await.unwrap();
    let second = client().post(&path).json(&body).send().await.unwrap();

    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 400));
    shop.stop();
    let mut again = machine.serve(&[]);
    again.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_shop_sells_and_tells_what_happened() {
    let machine = Machine::new();
    let mut shop = machine.serve(&["--demo"]);
    next(&mut shop.lines);
    let products = client().get(format!("{}/v1/products", shop.address)).send().await.unwrap();
    let products: Value = products.json().await.unwrap();
    assert!(!products["data"].as_array().unwrap().is_empty());

    // Others may look while the shop is open.
    let events = machine.says_json(&["events", "tail"]);
    assert!(events.iter().any(|event| event["type"] == "product.created"), "{events:?}");
    assert!(machine.says_json(&["events", "tail", "--type", "nothing."]).is_empty());
    assert!(machine.says_json(&["process", "list"]).is_empty());
    assert!(machine.says(&["process", "list"]).contains("No checkout is on its way"));
    assert!(shop.stop() < Duration::from_secs(8));
}

#[test]
fn what_is_said_is_described_without_opening_a_shop() {
    let machine = Machine::new();
    let document = &machine.says_json(&["events", "schema"])[0];
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["channels"]["order.created"]["address"], "cleave.shop.order.order.created");
    let canvases = machine.says_json(&["modules", "canvas"]);
    let names: Vec<_> = canvases.iter().map(|canvas| canvas["module"].as_str().unwrap()).collect();
    assert_eq!(names, ["user", "product", "payment", "order"]);
    assert!(machine.says(&["modules", "canvas", "order"]).contains("- payment: pay, resolve, cancel"));
    assert!(machine.complains(&["modules", "canvas", "orders"]).contains("there are user, product"));
    assert!(machine.says(&["modules", "diagram"]).starts_with("flowchart LR"));
    assert!(!machine.0.path().join("data").exists());
}

#[test]
fn a_product_file_is_tried_before_it_is_taken_in() {
    let machine = Machine::new();
    let file = "Handle,Title,Variant SKU,Variant Inventory Qty,Variant Price\nmug,Mug,MUG,5,9.99\ncup,Cup,CUP,2,8.50\n";
    std::fs::write(machine.0.path().join("good.csv"), file).unwrap();
    std::fs::write(machine.0.path().join("bad.csv"), format!("{file}jug,Jug,JUG,many,7\n")).unwrap();

    let tried = machine.says_json(&["import", "products", "good.csv", "--dry-run"]);
    let last = tried.last().unwrap();
    assert_eq!((&last["dryRun"], &last["counts"]["products"]), (&json!(true), &json!(2)));
    assert!(machine.says_json(&["events", "tail", "--type", "product."]).is_empty());
    let bad = machine.run(&["import", "products", "bad.csv", "--json"]);
    assert!(!bad.status.success());
    let said = String::from_utf8(bad.stdout).unwrap();
    let fault: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&fault["error"]["row"], &fault["error"]["column"]),
        (&json!(4), &json!("Variant Inventory Qty"))
    );
    assert!(machine.says(&["import", "products", "good.csv"]).contains("Taken in"));
    assert_eq!(machine.says_json(&["events", "tail", "--type", "product.created"]).len(), 2);
    assert!(machine.complains(&["import", "products", "none.csv"]).contains("none.csv"));
}

#[test]
fn what_cannot_be_understood_is_said_clearly() {
    let machine = Machine::new();
    std::fs::write(machine.0.path().join("shop.toml"), "[shop]\ndefault_curency = \"EUR\"\n").unwrap();

    assert!(machine.complains(&["serve", "--colour", "red"]).contains("--colour"));
    assert!(machine.complains(&["sell"]).contains("sell"));
    assert!(machine.complains(&["serve", "--listen", "somewhere"]).contains("somewhere"));
    let setting = machine.complains(&["doctor", "--config", "shop.toml"]);
    assert!(setting.contains("default_curency") && setting.contains("default_currency"), "{setting}");
    assert!(machine.complains(&["doctor", "--config", "none.toml"]).contains("none.toml"));
    let mut with_environment = machine.command(&["doctor"]);
    let output = with_environment.env("CLEAVE__SHOP__CURENCY", "EUR").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(!output.status.success() && said.contains("curency"), "{said}");
    let unread =
        machine.complains(&["staff", "create", "--email", "a@b.de", "--name", "A", "--role", "owner"]);
    assert!(unread.contains("--password-stdin"), "{unread}");
    assert!(!Path::new(&machine.0.path().join("data")).exists(), "a mistake made files");
}

#[test]
fn a_second_shop_on_the_same_port_is_told_which_flag_to_use() {
    let machine = Machine::new();
    let mut shop = machine.serve(&[]);
    let address = shop.address.trim_start_matches("http://").to_owned();
    let other = Machine::new();

    let refused = other.complains(&["serve", "--listen", &address, "--internal", "127.0.0.1:0"]);

    assert!(refused.contains("--listen") && refused.contains(&address), "{refused}");
    shop.stop();
}

#[test]
fn a_shop_that_is_open_is_ready_and_one_that_is_closed_is_not() {
    let machine = Machine::new();
    let mut shop = machine.serve(&[]);
    let internal = shop.internal.trim_start_matches("http://").to_owned();
    assert_eq!(machine.says_json(&["ready", "--internal", &internal]), [json!({ "ready": true })]);
    let anywhere = internal.replace("127.0.0.1", "0.0.0.0");
    assert_eq!(machine.says(&["ready", "--internal", &anywhere]), "ready\n");

    shop.stop();
    assert!(machine.complains(&["ready", "--internal", &internal]).contains(&internal));
}

/// Eight customers are in the middle of what they have to say when the shop is told to end.
#[test]
fn whoever_is_being_served_when_the_shop_is_told_to_end_is_answered() {
    let machine = Machine::new();
    let mut shop = machine.serve(&[]);
    let address = shop.address.trim_start_matches("http://").to_owned();
    let speaking: Vec<_> = (0..8).map(|number| Speaking::to(&address, number)).collect();

    let served = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        speaking.into_iter().map(Speaking::answer).collect::<Vec<_>>()
    });
    let ended_in = shop.stop();

    for answer in served.join().unwrap() {
        assert!(answer.starts_with("HTTP/1.1 201 ") && answer.trim_end().ends_with('}'), "{answer:?}");
    }
    assert!(ended_in > Duration::from_millis(300), "nobody was being served any more");
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn every_command_explains_itself() {
    let machine = Machine::new();
    for arguments in [
        vec!["--help"],
        vec!["serve", "--help"],
        vec!["import", "products", "--help"],
        vec!["staff", "create", "--help"],
        vec!["events", "tail", "--help"],
        vec!["process", "list", "--help"],
        vec!["ready", "--help"],
    ] {
        let help = machine.says(&arguments);
        assert!(help.contains("Example") && help.contains("cleave "), "{arguments:?}: {help}");
    }
    assert!(machine.says(&["--version"]).starts_with("cleave "));
}

/// A process that shows what `cleave certs` has made is opened, and asked by somebody with the same settings.
#[test]
fn certificates_are_made_once_and_used() {
    let machine = Machine::new();
    let made = machine.says_json(&[
        "certs",
        "--dir",
        "certs",
        "--process",
        "shop",
        "--run",
        "user,product,order,payment",
    ]);
    assert_eq!(made[0]["state"], "made");
    assert_eq!((&made[1]["process"], &made[1]["state"]), (&json!("shop"), &json!("issued")));
    let folder = machine.0.path().join("certs");
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let before = (read("ca.key"), read("shop.pem"));
    for file in ["ca.key", "ca.pem", "shop.key", "shop.pem"] {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = std::fs::metadata(folder.join(file)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{file}");
    }

    let again = machine.says_json(&["certs", "--dir", "certs"]);
    assert_eq!(again[0]["state"], "kept");
    assert_eq!(again.len(), 6, "four modules and a gateway: {again:?}");
    assert!(again[1..].iter().all(|issued| issued["state"] == "issued" && issued["lacks"].is_null()));
    let kept = machine.says_json(&["certs", "--dir", "certs", "--module", "user", "--name", "user.example"]);
    assert_eq!(kept[1]["state"], "kept");
    assert!(kept[1]["lacks"].as_str().unwrap().contains("user.example"), "{kept:?}");
    assert_eq!((read("ca.key"), read("shop.pem")), before, "nothing is written over");

    let text = machine.says(&["certs", "--dir", "certs", "--process", "shop", "--run", "user"]);
    let settings = text.split_once("[contracts.tls]").unwrap().1;
    std::fs::write(machine.0.path().join("shop.toml"), format!("[contracts.tls]{settings}")).unwrap();
    let mut shop = machine.serve(&["--config", "shop.toml"]);
    let internal = shop.internal.trim_start_matches("https://").to_owned();
    assert_ne!(internal, shop.internal, "it speaks TLS");
    let asked = ["topology", "show", "--internal", &internal];
    assert!(machine.complains(&asked).contains("[contracts.tls]"));
    let shown = machine.says(&[&asked[..], &["--config", "shop.toml"]].concat());
    assert!(shown.contains("payment  here"), "{shown}");
    let ready = ["ready", "--internal", &internal];
    machine.says(&[&ready[..], &["--config", "shop.toml"]].concat());
    machine.complains(&ready);
    shop.stop();

    std::fs::remove_file(folder.join("ca.key")).unwrap();
    assert!(machine.complains(&["certs", "--dir", "certs"]).contains("bring it back"));
}
