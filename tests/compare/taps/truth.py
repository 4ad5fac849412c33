"""The streams that the taps have in common, and what the account holds of each."""

from __future__ import annotations

import urllib.parse

from taps.compare import Stream, truth_by_key
from taps.fold import Row, decode
from taps.stage import Account
from taps.tools import STRIPE_KEY


STRIPE_STREAMS = [
    Stream("balance_transactions"), Stream("charges"), Stream("coupons"), Stream("customers"), Stream("invoices"),
    Stream("payment_intents"), Stream("plans"), Stream("products"), Stream("subscriptions"),
    Stream("events", told=False),  # which age out
    Stream("invoice_line_items", above=("invoices", "invoice")),
    Stream("subscription_items", above=("subscriptions", "subscription")),
]

# Of what is read by the time of its last change, nothing tells of deletions. What has no such filter is read whole by all.
RECHARGE_STREAMS = [
    *(Stream(name, told=False) for name in ("addresses", "charges", "customers", "discounts", "onetimes", "orders", "plans", "subscriptions")),
    Stream("collections"), Stream("metafields_store"), Stream("metafields_customer"), Stream("metafields_subscription"),
]

STREAMS = {"stripe": STRIPE_STREAMS, "recharge": RECHARGE_STREAMS}

# Lists below other objects.
CHILDREN = {
    "invoice_line_items": ("invoices", "/v1/invoices/{id}/lines"),
    "subscription_items": ("subscriptions", "/v1/subscription_items?subscription={id}"),
}


def truth_of(account: Account) -> dict[str, dict[tuple, Row]]:
    """Everything that the account holds now, by stream and key."""
    return {s.name: truth_by_key(s, objects(account, s.name)) for s in STREAMS[account.api]}


def objects(account: Account, stream: str) -> list[Row]:
    """The objects of a stream, as the API shows each by itself."""
    if stream not in CHILDREN:
        return [decode(line) for line in account.call("GET", f"/_control/objects/{stream}").split(b"\n") if line]
    parents, path = CHILDREN[stream]
    found = []
    for parent in objects(account, parents):
        found += walk(account, path.replace("{id}", urllib.parse.quote(parent["id"])))
    return found


def walk(account: Account, path: str) -> list[Row]:
    """A list of Stripe's, to its end."""
    rows: list[Row] = []
    joint = "&" if "?" in path else "?"
    while True:
        after = "&starting_after=" + rows[-1]["id"] if rows else ""
        page = decode(account.call("GET", f"{path}{joint}limit=100{after}", STRIPE_KEY))
        rows += page["data"]
        if not page["has_more"]:
            return rows
