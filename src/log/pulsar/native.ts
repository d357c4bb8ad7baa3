/** The one place that loads the client and its native addon. */
import { createRequire } from 'node:module';
import type PulsarModule from 'pulsar-client';
import { messageOf } from '../../errors.ts';
import { LogError } from '../eventLog.ts';
import { authentication } from './credentials.ts';
import type { PulsarSettings } from './settings.ts';

export type Pulsar = typeof PulsarModule;
export type NativeClient = InstanceType<Pulsar['Client']>;
export type NativeConsumer = InstanceType<Pulsar['Consumer']>;
export type NativeProducer = InstanceType<Pulsar['Producer']>;
export type NativeMessage = InstanceType<Pulsar['Message']>;

type NativeLogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Receives the client's own log lines. */
export type NativeLog = (level: NativeLogLevel, message: string) => void;

const NATIVE_LOG_LEVELS: readonly NativeLogLevel[] = ['debug', 'info', 'warn', 'error'];
/** Operations fail after this long without an answer; the caller decides whether to try again. Seconds. */
const OPERATION_TIMEOUT_S = 10;

let loaded: Pulsar | null = null;

/** @throws {LogError} the addon is not there: how to get it */
export function loadPulsar(): Pulsar {
  try {
    loaded ??= createRequire(import.meta.url)('pulsar-client') as Pulsar;
    return loaded;
  } catch (error) {
    throw new LogError(
      `the Pulsar client's native addon can't be loaded: run npm run pulsar:binding, then try again (${messageOf(error).replace(/\n[^]*/, '')})`,
      { cause: error },
    );
  }
}

/** The handler of log lines belongs to the process, not to a client: the last one given is told. */
export function createClient(settings: PulsarSettings, log: NativeLog): NativeClient {
  const pulsar = loadPulsar();
  pulsar.Client.setLogHandler((level, _file, _line, message) => log(NATIVE_LOG_LEVELS[level] ?? 'info', message));
  return new pulsar.Client({
    serviceUrl: settings.serviceUrl,
    operationTimeoutSeconds: OPERATION_TIMEOUT_S,
    connectionTimeoutMs: 5_000,
    // The interval at which the client logs statistics of its own; 0 switches them off.
    statsIntervalInSeconds: 0,
    ...(settings.listener === null ? {} : { listenerName: settings.listener }),
    ...authentication(pulsar, settings),
  });
}
