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
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    get(url, { ...trust, headers, timeout: 15_000 }, resolve)
      .on('timeout', function () {
        this.destroy(new Error('no answer'));
      })
      .on('error', reject);
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
