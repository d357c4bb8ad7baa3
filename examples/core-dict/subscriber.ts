/** Follows the alert topic of Balde and prints one line per event. The contract is docs/alert-topic.md. */
import { readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import Pulsar from 'pulsar-client';

type Fields = Record<string, unknown>;
type Arguments = ReturnType<typeof readArguments>;

const HELP = `Follows the alert topic of Balde and prints one line per event.

  --url URL            the broker (pulsar://localhost:6650), or pulsar+ssl://host:6651
  --admin-url URL      its REST interface (the same host, port 8080 or 8443)
  --topic TOPIC        persistent://lb-conn/dict/rate-limit-alerts
  --subscription NAME  names your place in the topic (core-dict)
  --token TOKEN
  --token-file FILE    read anew for each connection
  --ca FILE            authorities to trust, PEM
  --from-beginning     a new subscription starts with the oldest event
  --count N            end after so many events
  --json               print whole events
`;

function readArguments() {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'pulsar://localhost:6650' },
      'admin-url': { type: 'string' },
      topic: { type: 'string', default: 'persistent://lb-conn/dict/rate-limit-alerts' },
      subscription: { type: 'string', default: 'core-dict' },
      token: { type: 'string' },
      'token-file': { type: 'string' },
      ca: { type: 'string' },
      'from-beginning': { type: 'boolean', default: false },
      count: { type: 'string', default: 'Infinity' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return values;
}

function tokenOf(args: Arguments): string | undefined {
  const file = args['token-file'];
  return file === undefined ? args.token : readFileSync(file, 'utf8').trim();
}

/** Names of the fields that the topic's registered schema has, in its order. */
async function registeredFields(args: Arguments): Promise<string[]> {
  const [, tls, host = ''] = /^pulsar(\+ssl)?:\/\/([^,/]+):\d+/.exec(args.url) ?? [];
  const admin = args['admin-url'] ?? (tls === undefined ? `http://${host}:8080` : `https://${host}:8443`);
  const path = `${args.topic.replace('persistent://', '/admin/v2/schemas/')}/schema`;
  const { data } = JSON.parse(await fetchText(new URL(path, admin), args)) as { data: string };
  return (JSON.parse(data) as { fields: { name: string }[] }).fields.map(({ name }) => name);
}

/** Follows redirects: one broker of a cluster sends the client on to another. */
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

async function subscribe(client: Pulsar.Client, args: Arguments): Promise<Pulsar.Consumer> {
  // No schema: the payload is JSON, and a definition of our own could only disagree with the registered one.
  return await client.subscribe({
    topic: args.topic,
    subscription: args.subscription,
    // One active consumer per partition: the events of a bucket stay in order. The others stand by.
    subscriptionType: 'Failover',
    subscriptionInitialPosition: args['from-beginning'] ? 'Earliest' : 'Latest',
  });
}

/** Types that come later are passed over, as the contract asks; so are fields that are not known. */
const KNOWN_TYPES: readonly unknown[] = [
  'AlertRaised',
  'AlertResolved',
  'CategoryChanged',
  'ForecastRaised',
  'ForecastResolved',
  'CallAlertRaised',
  'CallAlertResolved',
];

/** The ids handled last. A service stores them, in the transaction of what it does with the event. */
class Handled {
  readonly #ids = new Set<string>();

  has(eventId: string): boolean {
    return this.#ids.has(eventId);
  }

  add(eventId: string): void {
    this.#ids.add(eventId);
    const [oldest] = this.#ids;
    if (this.#ids.size > 100_000 && oldest !== undefined) this.#ids.delete(oldest);
  }
}

/** What your service does with an event goes here. An error ends the program: the event comes again. */
function handle(event: Fields, args: Arguments): void {
  const { timestamp, event_type: type, message } = event;
  const line = `${String(timestamp)}  ${String(type).padEnd(17)}  ${String(message)}`;
  process.stdout.write(`${args.json ? JSON.stringify(event) : line}\n`);
}

async function follow(consumer: Pulsar.Consumer, fields: readonly string[], args: Arguments): Promise<void> {
  const handled = new Handled();
  const nulls = Object.fromEntries(fields.map((name) => [name, null]));
  for (let count = 0; count < Number(args.count);) {
    const message = await consumer.receive();
    const eventId = message.getProperties()['event_id'] ?? message.getMessageId().toString();
    if (!handled.has(eventId)) {
      // Absent means null: every registered field is there from here on.
      const event = { ...nulls, ...(JSON.parse(message.getData().toString()) as Fields) };
      if (KNOWN_TYPES.includes(event['event_type'])) {
        handle(event, args);
        count += 1;
      }
      handled.add(eventId);
    }
    // After handling: what was not acknowledged comes again, to this process or to the next.
    await consumer.acknowledge(message);
  }
}

/** Ends on Ctrl-C and SIGTERM too. */
async function followUntilStopped(
  consumer: Pulsar.Consumer,
  fields: readonly string[],
  args: Arguments,
): Promise<void> {
  let closing: Promise<null> | undefined;
  const close = async (): Promise<null> => await (closing ??= consumer.close());
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => void close());
  try {
    await follow(consumer, fields, args);
  } catch (error) {
    // Closing ends the wait for the next message with an error.
    if (closing === undefined) throw error;
  } finally {
    await close();
  }
}

async function main(args: Arguments): Promise<void> {
  const fields = await registeredFields(args);
  const client = connect(args);
  try {
    // From here on the client connects again by itself, as often as needed.
    await followUntilStopped(await subscribe(client, args), fields, args);
  } finally {
    await client.close();
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
