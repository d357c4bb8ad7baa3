/**
 * What OpenTelemetry's variables say of where something is sent: read here without its SDK, which reads them again
 * once it is loaded. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
import type { Environment } from '../config/sources.ts';
import { UsageError } from '../errors.ts';

export type OtlpProtocol = 'http/protobuf' | 'http/json';

/** A variable without the blanks around it; empty when it is not set. */
export const variable = (environment: Environment, name: string): string => environment[name]?.trim() ?? '';

/** Nothing of OpenTelemetry is wanted, whatever else is set. */
export const isDisabled = (environment: Environment): boolean =>
  variable(environment, 'OTEL_SDK_DISABLED').toLowerCase() === 'true';

/**
 * The receiver's address: the first of these variables that is set.
 * @returns `null`: none is
 * @throws {UsageError} it is no address
 */
export function endpointOf(environment: Environment, names: readonly string[]): URL | null {
  const name = firstSet(environment, names);
  if (name === undefined) return null;
  const address = variable(environment, name);
  if (/^https?:\/\/[^/]/.test(address) && URL.canParse(address)) return new URL(address);
  throw new UsageError(`${name}: must be an address of the form http://host:4318`);
}

const PROTOCOLS: readonly OtlpProtocol[] = ['http/protobuf', 'http/json'];

/** Of the first of these variables that is set. @throws {UsageError} it is not spoken here */
export function protocolOf(environment: Environment, names: readonly string[]): OtlpProtocol {
  const name = firstSet(environment, names);
  if (name === undefined) return 'http/protobuf';
  const protocol = PROTOCOLS.find((one) => one === variable(environment, name));
  if (protocol !== undefined) return protocol;
  throw new UsageError(`${name}: must be one of ${PROTOCOLS.join(', ')}; a collector takes both at port 4318`);
}

const firstSet = (environment: Environment, names: readonly string[]): string | undefined =>
  names.find((name) => variable(environment, name) !== '');

/** An address without what may be a secret. */
export const described = ({ protocol, host }: URL): string => `${protocol}//${host}`;
