/** When the certificates that are configured end. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import type { EpochMs } from '../domain/events.ts';
import type { GaugeSpec, Labels, Series } from '../serve/instruments.ts';
import type { Sample } from '../serve/samples.ts';

type CertificateConfig = Pick<Config, 'participants' | 'pulsar' | 'databaseUrl' | 'http'>;

const NOT_AFTER: GaugeSpec = {
  kind: 'gauge',
  name: 'balde_certificate_not_after_timestamp_seconds',
  help: 'When a configured certificate ends: this process’s own (client, server), or the authority it trusts that lasts longest',
  labels: ['peer', 'kind', 'participant'],
  source: 'process',
};

/** Files are replaced seldom, and long before they end. Milliseconds. */
const EVERY_MS = 60_000;

/** A certificate, or several in a row, as PEM. */
interface Configured {
  readonly labels: Labels;
  readonly read: () => Promise<Buffer> | Buffer;
}

export const certificateSample = (config: CertificateConfig): Sample => ({
  name: 'certificates',
  gauges: [NOT_AFTER],
  everyMs: EVERY_MS,
  read: async () => [await endsOf(configured(config))],
});

/** A file that can't be read just now may be about to be replaced: the next reading tells. @throws {Error} */
async function endsOf(all: readonly Configured[]): Promise<Series[]> {
  const series: Series[] = [];
  for (const { labels, read } of all) {
    const ends = endOf(await read(), labels['kind'] === 'authority');
    if (ends !== null) series.push([labels, ends / 1000]);
  }
  return series;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A client shows the first one, and those after it are its authorities; of authorities one is enough. */
function endOf(pem: Buffer, isAuthority: boolean): EpochMs | null {
  const ends = (pem.toString('latin1').match(PEM) ?? []).map((text) => Date.parse(new X509Certificate(text).validTo));
  if (isAuthority) return ends.length === 0 ? null : Math.max(...ends);
  return ends[0] ?? null;
}

function configured({ participants, pulsar, databaseUrl, http }: CertificateConfig): Configured[] {
  const file = (peer: string, kind: 'client' | 'authority' | 'server', path: string | null | undefined): Configured[] =>
    path === null || path === undefined || path === ''
      ? []
      : [{ labels: { peer, kind, participant: '' }, read: async () => await readFile(path) }];
  const url = databaseUrl === null || !URL.canParse(databaseUrl) ? null : new URL(databaseUrl).searchParams;
  return [
    ...participants.flatMap(ofBridge),
    ...file('http', 'server', http.tls?.certFile),
    ...file('pulsar', 'client', pulsar?.tls.certFile),
    ...file('pulsar', 'authority', pulsar?.tls.caFile),
    ...file('database', 'client', url?.get('sslcert')),
    ...file('database', 'authority', url?.get('sslrootcert')),
  ];
}

function ofBridge({ participant, bridge: { tls, readTls } }: Config['participants'][number]): Configured[] {
  if (tls === null) return [];
  const now = readTls ?? (() => tls);
  const of = (kind: string, read: () => Buffer): Configured => ({
    ...{ labels: { peer: 'bridge', kind, participant }, read },
  });
  return [
    ...(tls.client === undefined ? [] : [of('client', () => now().client?.cert ?? Buffer.alloc(0))]),
    ...(tls.ca === undefined ? [] : [of('authority', () => now().ca ?? Buffer.alloc(0))]),
  ];
}
