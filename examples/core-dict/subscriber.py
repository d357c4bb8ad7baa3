#!/usr/bin/env python3
"""Follows the alert topic of Balde and prints one line per event. The contract is docs/alert-topic.md."""

import argparse
import json
import logging
import os
import re
import signal
import ssl
import sys
import urllib.request
from collections import OrderedDict

import pulsar


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="pulsar://localhost:6650", help="the broker, or pulsar+ssl://host:6651")
    parser.add_argument("--admin-url", help="its REST interface (default: the same host, port 8080 or 8443)")
    parser.add_argument("--topic", default="persistent://lb-conn/dict/rate-limit-alerts")
    parser.add_argument("--subscription", default="core-dict", help="names your place in the topic")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token")
    token.add_argument("--token-file", help="read anew for each connection")
    parser.add_argument("--ca", help="authorities to trust, a PEM file")
    parser.add_argument("--from-beginning", action="store_true", help="a new subscription starts with the oldest event")
    parser.add_argument("--count", type=int, default=float("inf"), help="end after so many events")
    parser.add_argument("--json", action="store_true", help="print whole events")
    return parser.parse_args()


def token_of(args):
    if args.token_file:
        with open(args.token_file, encoding="utf-8") as file:
            return file.read().strip()
    return args.token


def registered_fields(args):
    """Names of the fields that the topic's registered schema has, in its order."""
    tls, host = re.match(r"pulsar(\+ssl)?://([^,/]+):\d+", args.url).groups()
    admin = args.admin_url or (f"https://{host}:8443" if tls else f"http://{host}:8080")
    path = args.topic.replace("persistent://", "/admin/v2/schemas/") + "/schema"
    request = urllib.request.Request(admin.rstrip("/") + path)
    if token := token_of(args):
        request.add_header("Authorization", f"Bearer {token}")
    context = ssl.create_default_context(cafile=args.ca) if admin.startswith("https:") else None
    with urllib.request.urlopen(request, timeout=15, context=context) as response:
        return [field["name"] for field in json.loads(json.load(response)["data"])["fields"]]


def subscribe(args):
    client = pulsar.Client(
        args.url,
        authentication=pulsar.AuthenticationToken(lambda: token_of(args)) if token_of(args) else None,
        tls_trust_certs_file_path=args.ca,
        tls_validate_hostname=True,
        logger=logging.getLogger("pulsar"),
    )
    # No schema: the payload is JSON, and a definition of our own could only disagree with the registered one.
    consumer = client.subscribe(
        args.topic,
        args.subscription,
        # One active consumer per partition: the events of a bucket stay in order. The others stand by.
        consumer_type=pulsar.ConsumerType.Failover,
        initial_position=pulsar.InitialPosition.Earliest if args.from_beginning else pulsar.InitialPosition.Latest,
    )
    return client, consumer


# Types that come later are passed over, as the contract asks; so are fields that are not known.
KNOWN_TYPES = {
    "AlertRaised",
    "AlertResolved",
    "CategoryChanged",
    "ForecastRaised",
    "ForecastResolved",
    "CallAlertRaised",
    "CallAlertResolved",
}


class Handled:
    """The ids handled last. A service stores them, in the transaction of what it does with the event."""

    def __init__(self, most=100_000):
        self._ids = OrderedDict()
        self._most = most

    def __contains__(self, event_id):
        return event_id in self._ids

    def add(self, event_id):
        self._ids[event_id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)


def handle(event, args):
    """What your service does with an event goes here. An error ends the program: the event comes again."""
    if args.json:
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    else:
        line = f"{event['timestamp']}  {event['event_type']:<17}  {event['message']}"
    print(line, flush=True)


def follow(consumer, fields, args):
    handled, count = Handled(), 0
    while count < args.count:
        message = consumer.receive()
        event_id = message.properties().get("event_id", str(message.message_id()))
        if event_id not in handled:
            # Absent means null: every registered field is there from here on.
            event = {**dict.fromkeys(fields), **json.loads(message.data())}
            if event["event_type"] in KNOWN_TYPES:
                handle(event, args)
                count += 1
            handled.add(event_id)
        # After handling: what was not acknowledged comes again, to this process or to the next.
        consumer.acknowledge(message)


def main():
    args = arguments()
    logging.basicConfig(level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        fields = registered_fields(args)
        # From here on the client connects again by itself, as often as needed.
        client, consumer = subscribe(args)
    except (OSError, pulsar.PulsarException) as error:
        sys.exit(f"{args.topic}: {error!r}")
    try:
        follow(consumer, fields, args)
    except (KeyboardInterrupt, pulsar.Interrupted):
        pass
    finally:
        client.close()
    # The client's threads live on for a moment and log through Python: while it shuts down in order, they could abort it.
    os._exit(0)


if __name__ == "__main__":
    main()
