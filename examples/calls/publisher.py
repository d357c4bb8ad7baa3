#!/usr/bin/env python3
"""Publishes what calls of DICT came to, windows as JSON, one a line, on Balde's topics.

The contract is docs/calls.md, and for lines with a document docs/payers.md: none leaves this program.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import ssl
import sys
import urllib.request

import pulsar
from pulsar.schema import AvroSchema


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="pulsar://localhost:6650", help="the broker, or pulsar+ssl://host:6651")
    parser.add_argument("--admin-url", help="its REST interface (default: the same host, port 8080 or 8443)")
    parser.add_argument("--topic", default="persistent://lb-conn/dict/request-outcomes")
    parser.add_argument("--payers-topic", default="persistent://lb-conn/dict/payer-outcomes")
    parser.add_argument("--payers-key-file", help="the key that Balde has as PAYERS_KEY, for lines with a document")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token")
    token.add_argument("--token-file", help="read anew for each connection")
    parser.add_argument("--ca", help="authorities to trust, a PEM file")
    return parser.parse_args()


def token_of(args):
    if args.token_file:
        with open(args.token_file, encoding="utf-8") as file:
            return file.read().strip()
    return args.token


def ask(args, path):
    """What the REST interface of the brokers answers."""
    tls, host = re.match(r"pulsar(\+ssl)?://([^,/]+):\d+", args.url).groups()
    admin = args.admin_url or (f"https://{host}:8443" if tls else f"http://{host}:8080")
    request = urllib.request.Request(f"{admin.rstrip('/')}/admin/v2/{path}")
    if token := token_of(args):
        request.add_header("Authorization", f"Bearer {token}")
    context = ssl.create_default_context(cafile=args.ca) if admin.startswith("https:") else None
    with urllib.request.urlopen(request, timeout=15, context=context) as response:
        return json.load(response)


def partition_of(participant, partitions):
    """FNV-1a, 32 bits: all windows of a participant are in one partition, in order, whoever publishes them."""
    value = 0x811C9DC5
    for byte in participant.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value % partitions


def with_digest(window, key):
    """A payer's window with the digest in the place of the document; one without either is a mark (completeUpTo)."""
    window = dict(window)
    document = re.sub(r"[.\-/\s]", "", window.pop("document", "")).upper()
    if not document and window.get("payer") is None:
        return window
    kind = "PF" if re.fullmatch(r"\d{11}", document) else "PJ" if re.fullmatch(r"[A-Z\d]{12}\d{2}", document) else None
    if kind is None:
        raise ValueError("document is no CPF or CNPJ")
    return window | {"payer": hmac.new(key, document.encode(), hashlib.sha256).digest(), "kind": kind}


def key_of(args):
    if args.payers_key_file is None:
        raise ValueError("lines with a document need --payers-key-file")
    with open(args.payers_key_file, encoding="utf-8") as file:
        return file.read().strip().encode()


class Publisher:
    """Sends windows by the registered schema, and knows when the broker has them."""

    def __init__(self, args, topic, properties):
        name = topic.replace("persistent://", "")
        self._schema = json.loads(ask(args, f"schemas/{name}/schema")["data"])
        self._partitions = ask(args, f"persistent/{name}/partitions")["partitions"]
        self._topic = topic
        self._properties = properties
        self._producers = {}
        self._errors = []
        self._client = pulsar.Client(
            args.url,
            authentication=pulsar.AuthenticationToken(lambda: token_of(args)) if token_of(args) else None,
            tls_trust_certs_file_path=args.ca,
            tls_validate_hostname=True,
            logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error),
        )

    def send(self, window):
        partition = partition_of(window["participant"], self._partitions)
        if partition not in self._producers:
            self._producers[partition] = self._client.create_producer(
                f"{self._topic}-partition-{partition}",
                schema=AvroSchema(None, schema_definition=self._schema),
                batching_enabled=True,
                block_if_queue_full=True,
            )
        # Fields that a window lacks have the default of the schema: null.
        self._producers[partition].send_async(
            window,
            self._sent,
            partition_key=f"{window['participant']}:{window['policy']}",
            properties=self._properties,
            event_timestamp=window["windowEnd"],
        )

    def _sent(self, result, _message_id):
        if result != pulsar.Result.Ok:
            self._errors.append(str(result))

    def flush(self):
        """Returns when the broker has all of them. A window that failed is sent again without harm: it is the same one."""
        for producer in self._producers.values():
            producer.flush()
        if self._errors:
            raise OSError(f"{len(self._errors)} windows are not stored, send them again: {self._errors[0]}")

    def close(self):
        self._client.close()


CALLS = {"event_type": "RequestOutcomesObserved", "schema_version": "2"}
PAYERS = {"event_type": "PayerOutcomesObserved", "schema_version": "1"}


def publish_payer(args, publishers, window):
    """What is wrong with it is told without what it says: that has a document in it."""
    key = key_of(args)
    if "payers" not in publishers:
        publishers["payers"] = Publisher(args, args.payers_topic, PAYERS)
    try:
        publishers["payers"].send(with_digest(window, key))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a payer's window can't be published: {type(error).__name__}") from None


def main():
    args = arguments()
    publishers = {}
    try:
        publishers["calls"] = Publisher(args, args.topic, CALLS)
        # Your own windows go here: one for each policy, source, operation and minute, when the minute is over.
        count = 0
        for line in filter(str.strip, sys.stdin):
            window = json.loads(line)
            if "document" in window or "payer" in window:
                publish_payer(args, publishers, window)
            else:
                publishers["calls"].send(window)
            count += 1
        for publisher in publishers.values():
            publisher.flush()
        print(f"{count} windows stored", flush=True)
    except (OSError, ValueError, KeyError, TypeError, pulsar.PulsarException) as error:
        sys.exit(f"{args.topic}: {error!r}")
    finally:
        for publisher in publishers.values():
            publisher.close()
    os._exit(0)


if __name__ == "__main__":
    main()
