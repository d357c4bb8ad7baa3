/** deploy/kubernetes without a cluster: the published schemas of its kinds, kubectl, and what it says about Balde. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { afterAll, describe, expect, it } from 'vitest';
import { migrateCommand } from '../../src/cli/commands/migrate.ts';
import { startCommand } from '../../src/cli/commands/start.ts';
import { inspectConfig } from '../../src/config/config.ts';
import { ROLES } from '../../src/config/roles.ts';
import { settingsSchema } from '../../src/config/schema.ts';
import { readText } from '../compose/files.ts';
import { PATH_FOLDERS, programIn } from '../support/onPath.ts';
import { extract, objections } from './definitions.ts';
import { ARCHIVE, deploymentsOf, environmentOf, FOLDER, OVERLAYS, resourcesOf, rolesOf } from './pods.ts';
import type { Container, Deployment } from './pods.ts';

const swagger = process.env['UPDATE_KUBERNETES'];
if (swagger !== undefined) extract(swagger);

const ALL = [...OVERLAYS, ARCHIVE];
const containerOf = ({ spec }: Deployment): Container => spec.template.spec.containers[0];

describe('deploy/kubernetes', () => {
  it.each(ALL)('%s: every field is one of its kind [OPS-40]', (overlay) => {
    const resources = resourcesOf(overlay);
    expect(resources.length).toBeGreaterThanOrEqual(2);
    for (const resource of resources) expect([resource.metadata.name, ...objections(resource)]).toHaveLength(1);
  });

  it('a field that is misspelt, of another type or missing is found [OPS-40]', () => {
    const found = (change: (text: string) => string): string[] => {
      const [one] = resourcesOf(OVERLAYS[0]).filter(({ kind }) => kind === 'Deployment');
      return objections(JSON.parse(change(JSON.stringify(one))) as Parameters<typeof objections>[0]);
    };
    expect(found((text) => text)).toEqual([]);
    expect(found((text) => text.replace('"readinessProbe"', '"readynessProbe"')).join()).toContain('readynessProbe');
    expect(found((text) => text.replace('"replicas":2', '"replicas":"2"')).join()).toContain('/spec/replicas');
    expect(found((text) => text.replace('"selector"', '"annotations"')).join()).toContain("'selector'");
    expect(found((text) => text.replace('apps/v1', 'apps/v2')).join()).toContain('apps/v2');
  });

  const kubectl = programIn(PATH_FOLDERS, 'kubectl');
  // Where there is none, the others go by this project's own reading of kustomizations.
  if (kubectl !== null) {
    it.each(ALL)('%s: kubectl makes the same of it', (overlay) => {
      const made = execFileSync(kubectl, ['kustomize', join(FOLDER, overlay)], { encoding: 'utf8' });
      const theirs = parseAllDocuments(made.replace(/\b(name: balde)-[a-z0-9]{10}$/gm, '$1')).map(
        (document) => document.toJS() as { kind: string; metadata: { name: string } },
      );
      const place = (one: (typeof theirs)[number]): string => `${one.kind} ${one.metadata.name}`;
      const sorted = (all: typeof theirs) => [...all].sort((a, b) => (place(a) < place(b) ? -1 : 1));
      expect(sorted(resourcesOf(overlay))).toEqual(sorted(theirs));
    });
  }

  it.each(OVERLAYS)('%s: every role runs in two pods, and a budget keeps one of them [OPS-41]', (overlay) => {
    const deployments = deploymentsOf(overlay);
    const run = deployments.flatMap((one) => rolesOf(containerOf(one), ROLES));
    const optional = overlay === OVERLAYS[1] ? deploymentsOf(ARCHIVE) : [];
    const more = optional.flatMap((one) => rolesOf(containerOf(one), ROLES));
    expect(new Set([...run, ...more])).toEqual(new Set(ROLES));
    const budgets = resourcesOf(overlay).filter(({ kind }) => kind === 'PodDisruptionBudget');
    for (const { metadata, spec } of deployments) {
      expect(spec.replicas).toBe(2);
      expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
      const own = budgets.find((budget) => budget.metadata.name === metadata.name);
      expect(own?.['spec']).toMatchObject({ maxUnavailable: 1, selector: { matchLabels: spec.selector.matchLabels } });
      expect(spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    }
    const selectors = deployments.map(({ spec }) => JSON.stringify(spec.selector.matchLabels));
    expect(new Set(selectors).size).toBe(deployments.length);
  });

  it('on Pulsar the groups are those of an upgrade [OPS-41]', () => {
    const groups = deploymentsOf('overlays/pulsar').map((one) => rolesOf(containerOf(one), ROLES));
    const [readers, deciders, poller] = ['states', 'alerting', 'poller'].map((role) =>
      groups.find((roles) => roles.includes(role)),
    );
    expect(groups).toHaveLength(3);
    expect(readers).toEqual(expect.arrayContaining(['alerts', 'forecasts', 'rollups']));
    expect(deciders).toContain('relay');
    expect(poller).toEqual(['poller', 'http']);
  });
});

const pods = ALL.flatMap((overlay) => deploymentsOf(overlay).map((one) => [overlay, one.metadata.name, one] as const));

describe.each(pods)('%s %s', (overlay, _name, { spec }) => {
  const pod = spec.template.spec;
  const container = pod.containers[0];
  const all = [...pod.initContainers, container];

  it('is called with commands and options that Balde has', () => {
    for (const { args } of all) {
      const [command = '', ...rest] = args;
      const known = [migrateCommand(), startCommand()].find((one) => one.name() === command);
      const { operands, unknown } = known?.parseOptions(rest) ?? expect.fail(`no command ${command}`);
      expect([operands, unknown]).toEqual([[], []]);
    }
    expect(all.map(({ args }) => args[0])).toEqual(['migrate', 'start']);
  });

  it('runs without rights, token, links and writable files [OPS-42]', () => {
    expect([pod.enableServiceLinks, pod.automountServiceAccountToken]).toEqual([false, false]);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(readText('Dockerfile')).toContain('\nUSER 1000:1000\n');
    for (const { securityContext, volumeMounts } of all) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      for (const { name } of volumeMounts) expect(pod.volumes.map((volume) => volume.name)).toContain(name);
    }
    expect(pod.volumes).toEqual([
      { name: 'secrets', secret: expect.objectContaining({ secretName: 'balde' }) as unknown },
    ]);
  });

  it('has settings that are right together, and secrets by reference alone [OPS-42]', () => {
    // The archive is read as a part of the overlay that it belongs to.
    const settings = environmentOf(overlay === ARCHIVE ? 'overlays/pulsar' : overlay, container);
    const { problems, warnings } = inspectConfig(secretsIn(settings), {
      serving: true,
      withoutParticipants: !rolesOf(container, ROLES).includes('poller'),
    });
    expect([problems, warnings]).toEqual([[], []]);
    for (const [name, value] of Object.entries(settings)) {
      expect(name).not.toMatch(/^(DATABASE_URL|EVENTSTORE_URL|PULSAR_TOKEN|HTTP_TOKEN)$/);
      if (name.endsWith('_FILE')) expect(value).toMatch(/^\/run\/secrets\/balde\/[\w.-]+$/);
    }
    expect(settings['DATABASE_URL_FILE']).toBeDefined();
    expect(settings['PULSAR_URL'] !== undefined).toBe(overlay !== OVERLAYS[0]);
  });

  it('is scraped and probed where it listens', () => {
    const port = settingsSchema.shape.HTTP_PORT.parse(undefined);
    expect(container.ports).toEqual([{ name: 'http', containerPort: port }]);
    expect(readText('Dockerfile')).toContain('HTTP_HOST=0.0.0.0');
    expect(spec.template.metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(port),
      'prometheus.io/path': '/metrics',
    });
    expect(rolesOf(container, ROLES)).toContain('http');
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(probe?.httpGet.port).toBe('http');
  });

  it('is given as long for its start as it waits for database and broker', () => {
    const { periodSeconds = 0, failureThreshold = 0 } = container.startupProbe ?? {};
    expect(periodSeconds * failureThreshold).toBeGreaterThan(60);
  });

  it('runs the image of this version', () => {
    const { version } = JSON.parse(readText('package.json')) as { version: string };
    for (const { image } of all)
      expect(image).toBe(overlay === ARCHIVE ? 'balde' : `registry.example.com/balde:${version}`);
  });
});

const secrets = mkdtempSync(join(tmpdir(), 'balde-secrets-'));
afterAll(() => rmSync(secrets, { recursive: true, force: true }));

const CONTENTS: Readonly<Record<string, string>> = {
  'database-url': 'postgresql://balde:secret@db/balde',
  'http-token': 'in-place-of-what-openssl-prints',
  'eventstore-url': 'esdb://user:secret@eventstore:2113?tls=true',
};

/** The same settings with files that are there. */
const secretsIn = (settings: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      if (!name.endsWith('_FILE')) return [name, value];
      const path = join(secrets, basename(value));
      writeFileSync(path, CONTENTS[basename(value)] ?? 'secret');
      return [name, path];
    }),
  );
