/**
 * Publishes windows of calls, as JSON one a line, on the topics of Balde. The contract is docs/calls.md, and for lines
 * with a document docs/payers.md: none leaves this program.
 */
import { createHmac } from 'node:crypto';
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

const HELP = `Publishes windows of calls, NDJSON on standard input, on Balde's topics.

  --url URL            the broker (pulsar://localhost:6650), or pulsar+ssl://host:6651
  --admin-url URL      its REST interface (the same host, port 8080 or 8443)
  --topic TOPIC        persistent://lb-conn/dict/request-outcomes
  --payers-topic TOPIC persistent://lb-conn/dict/payer-outcomes
  --payers-key-file FILE  the key that Balde has as PAYERS_KEY, for lines with a document
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
      'payers-topic': { type: 'string', default: 'persistent://lb-conn/dict/payer-outcomes' },
      'payers-key-file': { type: 'string' },
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

type Properties = Readonly<Record<'event_type' | 'schema_version', string>>;
const CALLS: Properties = { event_type: 'RequestOutcomesObserved', schema_version: '2' };
const PAYERS: Properties = { event_type: 'PayerOutcomesObserved', schema_version: '1' };

/** A payer's window with the digest in the place of the document; one without either is a mark (`completeUpTo`). */
function withDigest({ document, ...window }: Window, key: string): Window {
  if (document === undefined && window['payer'] === null) return window;
  const plain = String(document)
    .toUpperCase()
    .replace(/[.\-/\s]/g, '');
  const kind = /^\d{11}$/.test(plain) ? 'PF' : /^[A-Z\d]{12}\d{2}$/.test(plain) ? 'PJ' : null;
  if (kind === null) throw new Error('document is no CPF or CNPJ');
  return { ...window, payer: createHmac('sha256', key).update(plain).digest(), kind };
}

function keyOf(args: Arguments): string {
  const file = args['payers-key-file'];
  if (file === undefined) throw new Error('lines with a document need --payers-key-file');
  return readFileSync(file, 'utf8').trim();
}

/** Sends windows by the registered schema. */
class Publisher {
  readonly #client: Pulsar.Client;
  readonly #topic: string;
  readonly #properties: Properties;
  readonly #schema: string;
  readonly #type: avro.Type;
  readonly #partitions: number;
  readonly #producers = new Map<number, Promise<Pulsar.Producer>>();

  private constructor(
    client: Pulsar.Client,
    topic: string,
    properties: Properties,
    schema: string,
    partitions: number,
  ) {
    this.#client = client;
    this.#topic = topic;
    this.#properties = properties;
    this.#schema = schema;
    // A union's value is what it is, without a wrapping that names its type.
    this.#type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: false });
    this.#partitions = partitions;
  }

  static async open(args: Arguments, topic: string, properties: Properties): Promise<Publisher> {
    const name = topic.replace('persistent://', '');
    const { data } = (await ask(`schemas/${name}/schema`, args)) as { data: string };
    const { partitions } = (await ask(`persistent/${name}/partitions`, args)) as { partitions: number };
    return new Publisher(connect(args), topic, properties, data, partitions);
  }

  /** Resolves when the broker has it. One that failed is sent again without harm: it is the same window. */
  async send(window: Window): Promise<void> {
    const producer = await this.#producerOf(partitionOf(window.participant, this.#partitions));
    await producer.send({
      data: this.#type.toBuffer(window),
      partitionKey: `${window.participant}:${window.policy}`,
      properties: this.#properties,
      eventTimestamp: window.windowEnd,
    });
  }

  async close(): Promise<void> {
    for (const producer of this.#producers.values()) await (await producer).close();
    await this.#client.close();
  }

  async #producerOf(partition: number): Promise<Pulsar.Producer> {
    const schema = { name: this.#properties.event_type, schemaType: 'Avro' as const, schema: this.#schema };
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

/** What is wrong with a line is told without what it says: a document may be in it. */
function windowOf(line: string): Window {
  try {
    return JSON.parse(line) as Window;
  } catch {
    throw new Error('a line is no JSON');
  }
}

class Publishers {
  readonly #args: Arguments;
  readonly #calls: Publisher;
  #payers: Promise<Publisher> | null = null;

  private constructor(args: Arguments, calls: Publisher) {
    this.#args = args;
    this.#calls = calls;
  }

  static async open(args: Arguments): Promise<Publishers> {
    return new Publishers(args, await Publisher.open(args, args.topic, CALLS));
  }

  async send(window: Window): Promise<void> {
    if ('document' in window || 'payer' in window) await this.#sendPayer(window);
    else await this.#calls.send(window);
  }

  async close(): Promise<void> {
    await this.#calls.close();
    await (await this.#payers?.catch(() => null))?.close();
  }

  async #sendPayer(window: Window): Promise<void> {
    const key = keyOf(this.#args);
    this.#payers ??= Publisher.open(this.#args, this.#args['payers-topic'], PAYERS);
    const publisher = await this.#payers;
    try {
      await publisher.send(withDigest(window, key));
    } catch {
      throw new Error("a payer's window can't be published");
    }
  }
}

async function main(args: Arguments): Promise<void> {
  const publishers = await Publishers.open(args);
  try {
    // Your own windows go here: one for each policy, source, operation and minute, when the minute is over.
    let count = 0;
    let sending: Promise<void>[] = [];
    for await (const line of createInterface(process.stdin)) {
      if (line.trim() === '') continue;
      sending.push(publishers.send(windowOf(line)));
      count += 1;
      if (sending.length < TOGETHER) continue;
      await Promise.all(sending);
      sending = [];
    }
    await Promise.all(sending);
    process.stdout.write(`${count} windows stored\n`);
  } finally {
    await publishers.close().catch(() => undefined);
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
