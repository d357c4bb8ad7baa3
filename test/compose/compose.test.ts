/** docker-compose.yml without an engine: the published schema and a linter, and what it says about Balde. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { migrateCommand } from '../../src/cli/commands/migrate.ts';
import { simulateCommand } from '../../src/cli/commands/simulate.ts';
import { startCommand } from '../../src/cli/commands/start.ts';
import { inspectConfig } from '../../src/config/config.ts';
import { ROLES } from '../../src/config/roles.ts';
import { settingsSchema } from '../../src/config/schema.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { readCompose, readText } from './files.ts';
import type { Service } from './files.ts';

const { services, volumes } = readCompose();
const names = Object.keys(services);
const balde = names.filter((name) => services[name]?.image === 'balde:local');
const isOneShot = ({ restart }: Service): boolean => restart === 'no';
const serviceOf = (name: string): Service => services[name] ?? expect.fail(`no service ${name}`);
const rolesOf = ({ command = [] }: Service): string[] => command[command.indexOf('--roles') + 1]?.split(',') ?? [];

/** What is used of the linter: the types it ships name their files without endings, which TypeScript can't follow. */
interface Linter {
  readonly DCLinter: new (config: object) => {
    lintFiles(
      paths: string[],
      recursively: boolean,
    ): { messages: { readonly line: number; readonly message: string }[] }[];
  };
}
const { DCLinter } = (await import('dclint')) as unknown as Linter;

/** Only the order in which things are written is left to the author: it follows the reader, not the alphabet. */
const UNORDERED = {
  'service-keys-order': 0,
  'services-alphabetical-order': 0,
  'top-level-properties-order': 0,
} as const;

describe('docker-compose.yml', () => {
  it('follows the Compose specification and has nothing its linter objects to', () => {
    const linter = new DCLinter({ rules: UNORDERED, quiet: true, debug: false, exclude: [] });
    const results = linter.lintFiles([join(packageRoot, 'docker-compose.yml')], false);
    expect(results).toHaveLength(1);
    expect(results.flatMap(({ messages }) => messages.map((m) => `${m.line}: ${m.message}`))).toEqual([]);
  });

  it.each(names)('%s has a fixed image, limits, and ports for this machine only', (name) => {
    const { image, deploy, ports, privileged, volumes: mounts } = serviceOf(name);
    expect(image).toMatch(/^[a-z/]+:[\w.-]+$/);
    expect(image).not.toContain(':latest');
    expect(deploy.resources.limits.memory).toMatch(/^\d+[MG]$/);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(privileged).toBeUndefined();
    for (const mount of mounts) {
      const [from = '', , mode] = mount.split(':');
      // A volume, or a file that is shipped and stays as it is.
      if (!from.startsWith('./')) expect(Object.keys(volumes)).toContain(from);
      else expect([existsSync(join(packageRoot, from)), mode]).toEqual([true, 'ro']);
    }
  });

  it.each(names)('%s says when it is well, or ends by itself', (name) => {
    const service = serviceOf(name);
    const { healthcheck } = service;
    if (isOneShot(service)) {
      expect(healthcheck?.disable).toBe(true);
      return;
    }
    expect(service.restart).toBe('unless-stopped');
    // Without one of its own the image's applies, which asks the http role.
    if (healthcheck === undefined) expect(rolesOf(service)).toContain('http');
    else expect(healthcheck.test?.[0]).toBe('CMD');
  });

  it.each(names)('%s waits for services that can become what it waits for', (name) => {
    for (const [other, { condition }] of Object.entries(serviceOf(name).depends_on)) {
      // Whoever is started has what it waits for started, too.
      expect([[], serviceOf(name).profiles]).toContainEqual(serviceOf(other).profiles);
      expect(condition).toBe(isOneShot(serviceOf(other)) ? 'service_completed_successfully' : 'service_healthy');
      expect(Object.keys(serviceOf(other).depends_on)).not.toContain(name);
    }
  });

  it('builds the image of Balde once, for all of its services', () => {
    expect(balde.length).toBeGreaterThan(4);
    expect(balde.filter((name) => serviceOf(name).build !== undefined)).toEqual(['migrate']);
    // Else Compose would first ask a public registry for an image that anyone may have put there.
    for (const name of balde) expect(serviceOf(name).pull_policy).toBe('never');
  });

  it.each(balde)('%s runs without rights it does not need', (name) => {
    const service = serviceOf(name);
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
  });

  it.each(balde)('%s is called with a command and options that Balde has', (name) => {
    const [command = '', ...args] = serviceOf(name).command ?? [];
    const known = [migrateCommand(), simulateCommand(), startCommand()].find((c) => c.name() === command);
    const { operands, unknown } = known?.parseOptions(args) ?? expect.fail(`no command ${command}`);
    expect([operands, unknown]).toEqual([[], []]);
  });

  it('runs every role, the poller and the folds twice', () => {
    const started = balde.filter((name) => serviceOf(name).command?.[0] === 'start');
    expect(new Set(started.flatMap((name) => rolesOf(serviceOf(name))))).toEqual(new Set(ROLES));
    for (const name of started) {
      const twice = rolesOf(serviceOf(name)).some((role) => ['poller', 'states'].includes(role));
      expect(serviceOf(name).deploy.replicas).toBe(twice ? 2 : undefined);
    }
  });
});

describe('[GRAF-5] Grafana and Prometheus in docker-compose.yml', () => {
  const profiled = names.filter((name) => serviceOf(name).profiles.length > 0);

  it('come with the profile grafana, and nothing else does', () => {
    expect(profiled).toEqual(['grafana-role', 'prometheus', 'grafana']);
    for (const name of profiled) expect(serviceOf(name).profiles).toEqual(['grafana']);
  });

  it('share the password that the login is made with, which is not that of the owner', () => {
    const [role, grafana] = [serviceOf('grafana-role').environment, serviceOf('grafana').environment];
    expect(readText('docker-compose.yml').match(/\$\{GRAFANA_DB_PASSWORD:-[\w-]+\}/g)).toHaveLength(2);
    expect(grafana['BALDE_POSTGRES_PASSWORD']).toBe(role['GRAFANA_DB_PASSWORD']);
    expect(role['PGPASSWORD']).toBe(serviceOf('postgres').environment['POSTGRES_PASSWORD']);
    // $$ is one $ for the shell: a $ alone would be put in by Compose.
    expect(serviceOf('grafana-role').command?.at(-1)).toContain('--set=password="$$GRAFANA_DB_PASSWORD"');
  });

  it('scrapes every service that serves metrics', () => {
    const { scrape_configs: jobs } = parse(readText('docker/prometheus.yml')) as Scrapes;
    const serving = balde.filter((name) => rolesOf(serviceOf(name)).includes('http'));
    const port = String(settingsSchema.shape.HTTP_PORT.parse(undefined));
    expect(jobs.map(({ job_name: name }) => name)).toEqual(['balde']);
    expect(jobs[0]?.dns_sd_configs).toMatchObject([{ names: serving, type: 'A', port: Number(port) }]);
  });
});

interface Scrapes {
  readonly scrape_configs: readonly { readonly job_name: string; readonly dns_sd_configs: readonly object[] }[];
}

describe('settings in docker-compose.yml', () => {
  const source = [
    ...['schema', 'config', 'sources', 'participants'].map((f) => readText(`src/config/${f}.ts`)),
    ...['traceExport', 'metricExport'].map((f) => readText(`src/app/${f}.ts`)),
  ];
  // Pulsar's settings are held to the configuration from the moment it has one of them.
  const hasPulsar = source.some((text) => text.includes('PULSAR_'));
  const isKnown = (setting: string): boolean =>
    source.some((text) => new RegExp(`\\b${setting}\\b`).test(text)) || (!hasPulsar && setting.startsWith('PULSAR_'));

  it.each(balde)('%s: each is one of Balde', (name) => {
    const given = Object.keys(serviceOf(name).environment);
    expect(given.filter((setting) => !isKnown(setting))).toEqual([]);
  });

  it.each(balde)('%s: all of them together are right', (name) => {
    const { environment, command } = serviceOf(name);
    if (command?.[0] === 'simulate') {
      expect(environment).toEqual({});
      return;
    }
    const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== null));
    const polls = rolesOf(serviceOf(name)).includes('poller');
    const { problems, config } = inspectConfig(set as Record<string, string>, {
      withoutParticipants: !polls,
      serving: rolesOf(serviceOf(name)).includes('http'),
    });
    expect(problems).toEqual([]);
    expect(new URL(config.databaseUrl ?? '').password).toBe(serviceOf('postgres').environment['POSTGRES_PASSWORD']);
  });

  it('are the same wherever buckets are judged', () => {
    const judging = ['WARNING_PERCENT', 'CRITICAL_PERCENT', 'RESOLVE_MARGIN', 'FOR_OBSERVATIONS', 'STALE_AFTER'];
    const started = balde.filter((name) => serviceOf(name).command?.[0] === 'start');
    for (const setting of judging) {
      expect(new Set(started.map((name) => serviceOf(name).environment[setting])).size).toBe(1);
      for (const name of started) expect(Object.keys(serviceOf(name).environment)).toContain(setting);
    }
  });

  it('polls the simulator where it listens', () => {
    const { command = [], healthcheck } = serviceOf('bridge');
    const options = simulateCommand();
    options.parseOptions(command.slice(1));
    expect(options.getOptionValue('host')).toBe('0.0.0.0');
    const port = String(options.getOptionValue('port'));
    expect(serviceOf('poller').environment['BRIDGE_ADDRESS']).toBe(`bridge:${port}`);
    expect(healthcheck?.test?.at(-1)).toBe(`tcp://127.0.0.1:${port}`);
  });
});
