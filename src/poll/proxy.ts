/**
 * The way to the Bridge. gRPC's own rule takes any proxy of the web that the environment names, which many a container
 * has set for everything: the Bridge would be asked for through it, or not be reached, without a word. Only
 * `grpc_proxy`, which is about gRPC alone, leads to it; the hosts of `no_grpc_proxy` (or `no_proxy`) are exempt.
 */
import type { ChannelOptions } from '@grpc/grpc-js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `host:port` of the proxy, without its user and password; `null`: the Bridge is reached directly. */
export function bridgeProxy(environment: Environment = process.env): string | null {
  const value = environment['grpc_proxy'] ?? '';
  // gRPC takes no other scheme, and goes directly.
  if (!URL.canParse(value) || !value.startsWith('http:')) return null;
  const { hostname, port } = new URL(value);
  return `${hostname}:${port === '' ? '80' : port}`;
}

export const proxyOptions = (environment: Environment = process.env): ChannelOptions =>
  bridgeProxy(environment) === null ? { 'grpc.enable_http_proxy': 0 } : {};
