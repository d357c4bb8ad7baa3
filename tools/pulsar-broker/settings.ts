/** The broker's configuration file and the arguments of its Java. */
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { toolFolder } from './jars.ts';

export type Settings = Readonly<Record<string, string | number | boolean>>;

/** Ports on 127.0.0.1; the last two with TLS only. */
export interface BrokerPorts {
  readonly service: number;
  readonly admin: number;
  readonly serviceTls?: number;
  readonly adminTls?: number;
}

export interface TlsFiles {
  /** PEM files: the broker's certificate and its key (PKCS #8), and the authority by which clients are checked. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Clients must show a certificate of that authority. */
  readonly requireClientCertificates?: boolean;
}

export interface TokenSettings {
  readonly secretFile: string;
  readonly superUser: string;
  readonly token: string;
}

/** Where one broker keeps everything. */
export interface BrokerFolder {
  readonly configuration: string;
  readonly log: string;
  readonly metadata: string;
  readonly bookkeeper: string;
  /** What Java unpacks; new at each start. */
  readonly temporary: string;
}

export function brokerFolder(dataDir: string): BrokerFolder {
  const folder = resolve(dataDir);
  return {
    configuration: join(folder, 'standalone.conf'),
    log: join(folder, 'broker.log'),
    metadata: join(folder, 'metadata'),
    bookkeeper: join(folder, 'bookkeeper'),
    temporary: join(folder, 'tmp'),
  };
}

const DEFAULTS: Settings = {
  clusterName: 'standalone',
  bindAddress: '127.0.0.1',
  advertisedAddress: '127.0.0.1',
  managedLedgerDefaultEnsembleSize: 1,
  managedLedgerDefaultWriteQuorum: 1,
  managedLedgerDefaultAckQuorum: 1,
  allowAutoTopicCreation: true,
  topicLevelPoliciesEnabled: true,
  systemTopicEnabled: true,
  loadBalancerEnabled: false,
  brokerDeduplicationEnabled: false,
  // Room for the headers around the largest message: the bookie refuses it otherwise, and the broker tries for ever.
  nettyMaxFrameSizeBytes: 5_253_120,
  // A developer's disk is often fuller than the 95 % at which the bookie stops writing.
  diskUsageThreshold: 0.99,
  diskUsageWarnThreshold: 0.98,
};

const tlsSettings = ({ certFile, keyFile, caFile, requireClientCertificates }: TlsFiles): Settings => ({
  tlsCertificateFilePath: resolve(certFile),
  tlsKeyFilePath: resolve(keyFile),
  tlsTrustCertsFilePath: resolve(caFile),
  tlsRequireTrustedClientCertOnConnect: requireClientCertificates ?? false,
});

const tokenSettings = ({ secretFile, superUser, token }: TokenSettings): Settings => ({
  authenticationEnabled: true,
  authorizationEnabled: true,
  authenticationProviders: 'org.apache.pulsar.broker.authentication.AuthenticationProviderToken',
  tokenSecretKey: pathToFileURL(resolve(secretFile)).href,
  superUserRoles: superUser,
  brokerClientAuthenticationPlugin: 'org.apache.pulsar.client.impl.auth.AuthenticationToken',
  brokerClientAuthenticationParameters: `token:${token}`,
});

/** Text of standalone.conf; `extra` wins over everything else. */
export function configurationText(
  ports: BrokerPorts,
  tls: TlsFiles | undefined,
  token: TokenSettings | undefined,
  extra: Settings,
): string {
  const settings: Settings = {
    ...DEFAULTS,
    brokerServicePort: ports.service,
    webServicePort: ports.admin,
    ...(ports.serviceTls === undefined ? {} : { brokerServicePortTls: ports.serviceTls }),
    ...(ports.adminTls === undefined ? {} : { webServicePortTls: ports.adminTls }),
    ...(tls === undefined ? {} : tlsSettings(tls)),
    ...(token === undefined ? {} : tokenSettings(token)),
    ...extra,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** As in the start script of the distribution. */
const OPENED = [
  ...['jdk.internal.loader', 'java.lang', 'java.io', 'java.util.zip', 'java.nio', 'jdk.internal.misc'].map(
    (name) => `java.base/${name}`,
  ),
  'java.base/java.net',
  'java.base/jdk.internal.platform',
  'java.management/sun.management',
  'jdk.management/com.sun.management.internal',
];

export interface JavaOptions {
  readonly classPath: string;
  /** Heap and direct memory each, as Java writes sizes: `512m`, `1g`. */
  readonly memory: string;
  readonly quickStart: boolean;
  /** A file of classes, to be used or to be made at the end. */
  readonly archive?: { readonly file: string; readonly isMade: boolean };
  /** The folder holds metadata of an earlier run. */
  readonly isOld: boolean;
}

export function javaArguments(folder: BrokerFolder, options: JavaOptions): string[] {
  const { classPath, memory, quickStart, archive, isOld } = options;
  return [
    `-Xmx${memory}`,
    `-XX:MaxDirectMemorySize=${memory}`,
    '-XX:+ExitOnOutOfMemoryError',
    ...(quickStart ? ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] : []),
    ...(archive === undefined
      ? []
      : [`-XX:${archive.isMade ? 'SharedArchiveFile' : 'ArchiveClassesAtExit'}=${archive.file}`]),
    ...OPENED.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    `-Dlog4j2.configurationFile=${pathToFileURL(join(toolFolder, 'log4j2.xml')).href}`,
    '-Dio.netty.tryReflectionSetAccessible=true',
    `-Djava.io.tmpdir=${folder.temporary}`,
    ...['-cp', classPath, 'Standalone', folder.metadata, folder.bookkeeper, isOld ? 'old' : 'new'],
    ...['--config', folder.configuration, '-nfw', '-nss', '-a', '127.0.0.1'],
    ...['--metadata-dir', folder.metadata, '--bookkeeper-dir', folder.bookkeeper],
  ];
}
