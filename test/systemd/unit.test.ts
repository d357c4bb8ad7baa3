/** The unit for one machine, and its settings, without systemd: what they say about Balde. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startCommand } from '../../src/cli/commands/start.ts';
import { inspectConfig } from '../../src/config/config.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { deploymentsOf, OVERLAYS } from '../kubernetes/pods.ts';
import { readText } from '../compose/files.ts';

/** Values by name; of names given several times the last one. */
const linesOf = (path: string): Map<string, string> =>
  new Map([...readText(path).matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

const unit = linesOf('deploy/systemd/balde.service');

describe('deploy/systemd', () => {
  it('starts the program that is built, with options that it has [OPS-42]', () => {
    const [env, node, program = '', command, ...options] = unit.get('ExecStart')?.split(' ') ?? [];
    expect([env, node, command]).toEqual(['/usr/bin/env', 'node', startCommand().name()]);
    expect(startCommand().parseOptions(options).unknown).toEqual([]);
    const { bin } = JSON.parse(readText('package.json')) as { bin: { balde: string } };
    expect(program).toBe(`/opt/balde/${bin.balde}`);
    const page = unit.get('Documentation')?.replace('file:/opt/balde/', '') ?? '';
    expect(existsSync(join(packageRoot, page))).toBe(true);
  });

  it('lets it drain as long as a pod may, and tells nobody else to stop [OPS-43]', () => {
    const [pod] = deploymentsOf(OVERLAYS[0]);
    expect(Number(unit.get('TimeoutStopSec'))).toBe(pod?.spec.template.spec.terminationGracePeriodSeconds);
    expect(unit.get('KillMode')).toBe('mixed');
    expect(unit.get('Restart')).toBe('always');
  });

  it('has a folder to write to, which is the one of the data, and no rights beside it [OPS-42]', () => {
    expect(unit.get('Environment')).toBe(`DATA_DIR=/var/lib/${unit.get('StateDirectory') ?? ''}`);
    expect(Object.fromEntries(unit)).toMatchObject({
      ...{ User: 'balde', ProtectSystem: 'strict', NoNewPrivileges: 'yes', CapabilityBoundingSet: '' },
    });
  });

  it('its settings are right together, with the password in a file [OPS-42]', () => {
    const settings = Object.fromEntries(linesOf('deploy/systemd/balde.env'));
    expect(settings['DATABASE_URL_FILE']).toBe('/etc/balde/database-url');
    expect(unit.get('EnvironmentFile')).toBe('/etc/balde/balde.env');
    expect(settings['HTTP_TOKEN_FILE']).toBe('/etc/balde/http-token');
    const { DATABASE_URL_FILE: _database, HTTP_TOKEN_FILE: _token, ...others } = settings;
    const { problems, warnings } = inspectConfig({ ...others, HTTP_TOKEN: 'in-place-of-the-file' }, { serving: true });
    expect([problems, warnings]).toEqual([[], []]);
  });
});
