/** Publishes windows of calls, as JSON one a line, on the topic of Balde. The contract is docs/calls.md. */
import { readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import avro from 'avsc';
import Pulsar from 'pulsar-client';

type Arguments = ReturnType<typeof readArguments>;

/** Fields that are left out are null. Times are milliseconds since 1970. */
interface Window extends Readonly<Record<string, unknown>> {
  readonly participant: string;
  readonly policy: string;
  readonly windowEnd: number;
}

const HELP = `Publishes windows of calls, NDJSON on standard input, on Balde's topic.

  --url URL            the broker (pulsar://localhost:6650), or pulsar+ssl://host:6651
  --admin-url URL      its REST interface (the same host, port 8080 or 8443)
  --topic TOPIC        persistent://lb-conn/dict/request-outcomes
  --token TOKEN
  --token-file FILE    read anew for each connection
  --ca FILE            authorities to trust, PEM
`;

function readArguments() {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'pulsar://localhost:6650' },
      'admin-url': { type: 'string' },
      topic: { type: 'string', default: 'persistent://lb-conn/dict/request-outcomes' },
      token: { type: 'string' },
      'token-file': { type: 'string' },
      ca: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return values;
}

function tokenOf(args: Arguments): string | undefined {
  const file = args['token-file'];
  return file === undefined ? args.token : readFileSync(file, 'utf8').trim();
}

/** What the REST interface of the brokers answers. Follows redirects: one broker sends the client on to another. */
async function ask(path: string, args: Arguments): Promise<unknown> {
  const [, tls, host = ''] = /^pulsar(\+ssl)?:\/\/([^,/]+):\d+/.exec(args.url) ?? [];
  const admin = args['admin-url'] ?? (tls === undefined ? `http://${host}:8080` : `https://${host}:8443`);
  return JSON.parse(await fetchText(new URL(`/admin/v2/${path}`, admin), args));
}

async function fetchText(url: URL, args: Arguments, redirects = 5): Promise<string> {
  const token = tokenOf(args);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const trust = args.ca === undefined ? {} : { ca: readFileSync(args.ca) };
  const get = url.protocol === 'https:' ? httpsGet : httpGet;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { ...trust, headers, signal: AbortSignal.timeout(15_000) };
    get(url, options, resolve).on('error', reject);
  });
  const { statusCode, headers: answered } = response;
  const body = await text(response);
  if (answered.location !== undefined && redirects > 0)
    return await fetchText(new URL(answered.location, url), args, redirects - 1);
  if (statusCode !== 200) throw new Error(`${url.href}: ${statusCode ?? 0} ${body.slice(0, 200)}`);
  return body;
}

/** FNV-1a, 32 bits: all windows of a participant are in one partition, in order, whoever publishes them. */
function partitionOf(participant: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(participant, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}

function connect(args: Arguments): Pulsar.Client {
  // The client's own log would go to standard output.
  Pulsar.Client.setLogHandler((level, _file, _line, message) => {
    if (level >= Pulsar.LogLevel.WARN) process.stderr.write(`${message}\n`);
  });
  const token = (): string => tokenOf(args) ?? '';
  return new Pulsar.Client({
    serviceUrl: args.url,
    tlsValidateHostname: true,
    ...(args.ca === undefined ? {} : { tlsTrustCertsFilePath: args.ca }),
    ...(token() === '' ? {} : { authentication: new Pulsar.AuthenticationToken({ token }) }),
  });
}

/** Sends windows by the registered schema. */
class Publisher {
  readonly #client: Pulsar.Client;
  readonly #topic: string;
  readonly #schema: string;
  readonly #type: avro.Type;
  readonly #partitions: number;
  readonly #producers = new Map<number, Promise<Pulsar.Producer>>();

  private constructor(client: Pulsar.Client, topic: string, schema: string, partitions: number) {
    this.#client = client;
    this.#topic = topic;
    this.#schema = schema;
    // A union's value is what it is, without a wrapping that names its type.
    this.#type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: false });
    this.#partitions = partitions;
  }

  static async open(args: Arguments): Promise<Publisher> {
    const name = args.topic.replace('persistent://', '');
    const { data } = (await ask(`schemas/${name}/schema`, args)) as { data: string };
    const { partitions } = (await ask(`persistent/${name}/partitions`, args)) as { partitions: number };
    return new Publisher(connect(args), args.topic, data, partitions);
  }

  /** Resolves when the broker has it. One that failed is sent again without harm: it is the same window. */
  async send(window: Window): Promise<void> {
    const producer = await this.#producerOf(partitionOf(window.participant, this.#partitions));
    await producer.send({
      data: this.#type.toBuffer(window),
      partitionKey: `${window.participant}:${window.policy}`,
      properties: { event_type: 'RequestOutcomesObserved', schema_version: '2' },
      eventTimestamp: window.windowEnd,
    });
  }

  async close(): Promise<void> {
    for (const producer of this.#producers.values()) await (await producer).close();
    await this.#client.close();
  }

  async #producerOf(partition: number): Promise<Pulsar.Producer> {
    const schema = { name: 'RequestOutcomesObserved', schemaType: 'Avro' as const, schema: this.#schema };
    const topic = `${this.#topic}-partition-${partition}`;
    const opened =
      this.#producers.get(partition) ??
      this.#client.createProducer({ topic, schema, batchingEnabled: true, blockIfQueueFull: true });
    this.#producers.set(partition, opened);
    return await opened;
  }
}

/** Sent together and then waited for. */
const TOGETHER = 1_000;

async function main(args: Arguments): Promise<void> {
  const publisher = await Publisher.open(args);
  try {
    // Your own windows go here: one for each policy, source, operation and minute, when the minute is over.
    let count = 0;
    let sending: Promise<void>[] = [];
    for await (const line of createInterface(process.stdin)) {
      if (line.trim() === '') continue;
      sending.push(publisher.send(JSON.parse(line) as Window));
      count += 1;
      if (sending.length < TOGETHER) continue;
      await Promise.all(sending);
      sending = [];
    }
    await Promise.all(sending);
    process.stdout.write(`${count} windows stored\n`);
  } finally {
    await publisher.close().catch(() => undefined);
  }
}

const args = readArguments();
if (args.help) process.stdout.write(HELP);
else {
  await main(args).catch((error: unknown) => {
    process.stderr.write(`${args.topic}: ${String(error)}\n`);
    process.exitCode = 1;
  });
}
// A client with a token keeps the process alive until its memory is collected, long after it was closed.
process.exit();
