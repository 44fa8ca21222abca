"""Keeps the generated requests harmless, and apart: loaded by schemathesis, which run.ts starts."""

import itertools
import os
import re

import schemathesis
from requests.adapters import HTTPAdapter

OWN_KEY_ID = os.environ["SLIPWAY_OWN_KEY_ID"]
RECEIVER = os.environ["SLIPWAY_RECEIVER"]

# What is in the seed, and can be upgraded.
FIRMWARE_IDS = [1]
DEVICE_IDS = ["terminal-0000000001", "terminal-0000000002", "terminal-0000000003"]

requests_sent = itertools.count(1)
send = HTTPAdapter.send


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict):
        return
    # Webhooks that might be taken lead to our own receiver, never to a host of the world.
    if "/webhooks" in case.path and isinstance(url := body.get("url"), str):
        if re.sub(r"[\x00-\x20]", "", url).lower().startswith("http"):
            body["url"] = RECEIVER
    # Made-up ids name nothing, and every order would end there.
    if case.path.endswith(("/upgrade-tasks", "/upgrade-tasks/plan")) and is_positive(case):
        body["firmwareIds"] = FIRMWARE_IDS
        if "deviceIds" in body:
            body["deviceIds"] = DEVICE_IDS


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


def stand_apart(self, request, **kwargs):
    """Sends what would otherwise be answered for what earlier requests did."""
    number = next(requests_sent)
    # Refused keys are counted for each address: after thirty in a minute the answer is 429 and not 401.
    request.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    # Generators love "0": as the key of every request it is nothing but a conflict. Every other one stays as it was.
    key = request.headers.get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) < 100 and number % 2 == 0:
        request.headers["Idempotency-Key"] = f"{key}-{number}"
    return send(self, request, **kwargs)


# Below schemathesis, which judges by what stands in the case, and sends some requests past its hooks.
HTTPAdapter.send = stand_apart


@schemathesis.hook("filter_case").apply_to(operation_id="revokeApiKey")
def leaves_own_key(context, case):
    """The key in use stays in use."""
    return str((case.path_parameters or {}).get("keyId")) != OWN_KEY_ID
