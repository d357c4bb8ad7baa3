#!/usr/bin/env python3
"""Publishes what calls of DICT came to, windows as JSON, one a line, on Balde's topic. The contract is docs/calls.md."""

import argparse
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


class Publisher:
    """Sends windows by the registered schema, and knows when the broker has them."""

    def __init__(self, args):
        name = args.topic.replace("persistent://", "")
        self._schema = json.loads(ask(args, f"schemas/{name}/schema")["data"])
        self._partitions = ask(args, f"persistent/{name}/partitions")["partitions"]
        self._topic = args.topic
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
            properties={"event_type": "RequestOutcomesObserved", "schema_version": "2"},
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


def main():
    args = arguments()
    publisher = None
    try:
        publisher = Publisher(args)
        # Your own windows go here: one for each policy, source, operation and minute, when the minute is over.
        count = 0
        for line in filter(str.strip, sys.stdin):
            publisher.send(json.loads(line))
            count += 1
        publisher.flush()
        print(f"{count} windows stored", flush=True)
    except (OSError, ValueError, KeyError, TypeError, pulsar.PulsarException) as error:
        sys.exit(f"{args.topic}: {error!r}")
    finally:
        if publisher is not None:
            publisher.close()
    os._exit(0)


if __name__ == "__main__":
    main()
