/** The settings of the Pulsar cluster, checked as far as that goes without asking it. */
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import type { Settings } from './schema.ts';
import { required } from '../required.ts';
import { readFile } from './sources.ts';
import type { Problems } from './sources.ts';

const FILES = ['PULSAR_TOKEN_FILE', 'PULSAR_CA_FILE', 'PULSAR_CERT_FILE', 'PULSAR_KEY_FILE'] as const;

/** @returns `null`: the embedded log is meant. */
export function pulsarOf(settings: Settings, problems: Problems): PulsarSettings | null {
  const { PULSAR_URL: serviceUrl } = settings;
  if (serviceUrl === undefined) return null;
  for (const name of FILES) {
    const path = settings[name];
    if (path !== undefined) readFile(path, name, problems);
  }
  return {
    serviceUrl,
    adminUrl: settings.PULSAR_ADMIN_URL ?? adminUrlOf(serviceUrl),
    tenant: settings.PULSAR_TENANT,
    namespace: settings.PULSAR_NAMESPACE,
    listener: settings.PULSAR_LISTENER ?? null,
    token: tokenOf(settings),
    tls: {
      ...(settings.PULSAR_CA_FILE === undefined ? {} : { caFile: settings.PULSAR_CA_FILE }),
      ...(settings.PULSAR_CERT_FILE === undefined ? {} : { certFile: settings.PULSAR_CERT_FILE }),
      ...(settings.PULSAR_KEY_FILE === undefined ? {} : { keyFile: settings.PULSAR_KEY_FILE }),
    },
  };
}

function tokenOf({ PULSAR_TOKEN: value, PULSAR_TOKEN_FILE: file }: Settings): PulsarSettings['token'] {
  if (value !== undefined) return { value };
  return file === undefined ? null : { file };
}

/** The same host at the port Pulsar serves its REST interface on by default. */
function adminUrlOf(serviceUrl: string): string {
  const match = /^pulsar(\+ssl)?:\/\/(?<host>[^,]+):\d+/.exec(serviceUrl);
  const { host } = required(match?.groups, 'the schema takes addresses of this form only');
  return serviceUrl.startsWith('pulsar+ssl:') ? `https://${host}:8443` : `http://${host}:8080`;
}
