"""What a request made of the description needs besides to get far into the shop, as a client of ours would send it."""

import json
import os
import re
import uuid

import schemathesis

# Ids of things there are, by the word that the ids of their kind begin with.
KNOWN = json.loads(os.environ.get("CLEAVE_LAB_IDS", "{}"))
ID = re.compile(r"^([a-z]+)_[0-9a-z]{26}$")


def known(value):
    """The thing that is there instead of one that is not, wherever it is named."""
    if isinstance(value, dict):
        return {name: known(member) for name, member in value.items()}
    if isinstance(value, list):
        return [known(item) for item in value]
    named = ID.match(value) if isinstance(value, str) else None
    return KNOWN.get(named.group(1), value) if named else value


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key that is one is a new one, or every second request would be a mistaken repetition of the first."""
    for name, key in list((case.headers or {}).items()):
        if name.lower() == "idempotency-key" and isinstance(key, str) and re.fullmatch(r"[!-~]{1,255}", key):
            case.headers[name] = uuid.uuid4().hex
    # The description is of the newest version; how an older one differs, it does not say.
    for name, version in list((case.headers or {}).items()):
        if name.lower() == "api-version" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(version)):
            del case.headers[name]
    # Half of the requests stay as they were made: what is not there has to be refused as well.
    if uuid.uuid4().int % 2:
        if case.path_parameters:
            case.path_parameters = known(case.path_parameters)
        if isinstance(case.body, (dict, list)):
            case.body = known(case.body)
