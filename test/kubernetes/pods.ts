/** The processes of Balde that an overlay starts, as the tests read them. */
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../src/packageRoot.ts';
import { kustomize } from './kustomize.ts';
import type { Resource } from './kustomize.ts';

export const FOLDER = join(packageRoot, 'deploy', 'kubernetes');
export const OVERLAYS = ['overlays/embedded-log', 'overlays/pulsar'] as const;
/** To be added where it is wanted. */
export const ARCHIVE = 'overlays/pulsar/archive';

const httpGet = z.object({ path: z.string(), port: z.string() });
const probe = z.object({ httpGet, periodSeconds: z.number(), failureThreshold: z.number() });

const container = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })),
  envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }) })),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  securityContext: z.unknown(),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
});
export type Container = z.infer<typeof container>;

const deployment = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    replicas: z.number(),
    strategy: z.unknown(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
      }),
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        enableServiceLinks: z.boolean(),
        automountServiceAccountToken: z.boolean(),
        securityContext: z.unknown(),
        initContainers: z.array(container),
        containers: z.tuple([container]),
        volumes: z.array(z.object({ name: z.string(), secret: z.object({ secretName: z.string() }) })),
      }),
    }),
  }),
});
export type Deployment = z.infer<typeof deployment>;

export const resourcesOf = (overlay: string): Resource[] => kustomize(join(FOLDER, overlay));

export const deploymentsOf = (overlay: string): Deployment[] =>
  resourcesOf(overlay)
    .filter(({ kind }) => kind === 'Deployment')
    .map((one) => deployment.parse(one));

/** What a container finds in its environment: settings of the overlay, then its own. */
export function environmentOf(overlay: string, { env, envFrom }: Container): Record<string, string> {
  const maps = resourcesOf(overlay).filter(({ kind }) => kind === 'ConfigMap');
  const given = envFrom.map(({ configMapRef }) => maps.find(({ metadata }) => metadata.name === configMapRef.name));
  return Object.assign(
    {},
    ...given.map((map) => map?.['data']),
    Object.fromEntries(env.map(({ name, value }) => [name, value])),
  ) as Record<string, string>;
}

/** `start --roles a,b`, or all of them. */
export const rolesOf = ({ args }: Container, all: readonly string[]): readonly string[] =>
  args.includes('--roles') ? (args[args.indexOf('--roles') + 1]?.split(',') ?? []) : all;
