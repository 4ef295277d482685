"""The command line: puts the module together, and runs it until it is told to stop."""

import argparse
import logging
import signal
import threading
from pathlib import Path

from payment.keys import Keys
from payment.payments import Payments
from payment.peer import Peer
from payment.routes import Routes
from payment.rpc import Rpc
from payment.server import Server, announce, serve_until
from payment.signature import SHORTEST
from payment.store import Store
from payment.tokens import Tokens
from payment.webhooks import Webhooks
from payment.work import Listener, Worker

CONTRACTS = Path(__file__).parents[3] / "contracts" / "0.1"


def main(arguments: list[str] | None = None) -> int:
    """Runs it."""
    options = parsed(arguments)
    logging.basicConfig(level=options.log.upper(), format="%(asctime)s %(levelname)s %(message)s")
    secret = options.secret.read_text().rstrip("\r\n").encode()
    if len(secret) < SHORTEST:
        raise SystemExit(f"the secret needs at least {SHORTEST} characters; `openssl rand -hex 32` makes one")
    store = Store(options.data)
    payments = Payments(store)
    webhooks = Webhooks(store, payments)
    routes = Routes(payments, webhooks, Tokens(Peer(options.user, secret)), Keys(store))
    host, _, port = options.listen.rpartition(":")
    server = Server((host.strip("[]"), int(port)), Rpc(secret, options.contracts, store, payments), routes)

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    work = [Worker(store, payments, webhooks), Listener(store, Peer(options.order, secret))]
    threads = [threading.Thread(target=one.run, args=(stopping,), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    announce(server.server_address[:2])
    serve_until(server, stopping)
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="payment-python", description="The payment module of a Cleave shop, in Python."
    )
    parser.add_argument("--listen", default="127.0.0.1:9081", help="the internal address (%(default)s)")
    parser.add_argument("--secret", type=Path, required=True, help="the file with the secret of the shop")
    parser.add_argument("--user", required=True, metavar="URL", help="where the user module is")
    parser.add_argument("--order", required=True, metavar="URL", help="where the order module is")
    parser.add_argument("--data", default="payment.sqlite", metavar="FILE", help="the database (%(default)s)")
    parser.add_argument(
        "--contracts", type=Path, default=CONTRACTS, metavar="FOLDER", help="the released contracts (%(default)s)"
    )
    parser.add_argument("--log", default="warning", help="debug, info, warning or error (%(default)s)")
    return parser.parse_args(arguments)
