/** The map that people read is the one that is held. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';

const require = createRequire(import.meta.url);
const { MAP } = require(join(packageRoot, 'dependency-map.cjs')) as {
  readonly MAP: Readonly<Record<string, readonly string[]>>;
};

/** Rows of the table: `| \`src/log\` | what it holds | store, domain |`. */
const rows = [
  ...readFileSync(join(packageRoot, 'CONTRIBUTING.md'), 'utf8').matchAll(/^\| `([^`]+)` \|.*\| (.*) ?\|$/gm),
]
  .map(([, folder = '', allowed = '']): [string, string[]] => [folder, allowed.split(', ').map((name) => name.trim())])
  .filter(([folder]) => /^(src|tools)\/|^projections$/.test(folder));

const full = (name: string, folder: string): string =>
  name === 'all of `src`' ? 'src' : name === 'projections' ? name : `${folder.split('/')[0] ?? ''}/${name}`;

it('CONTRIBUTING lists each folder with what it may import, as the rules have it', () => {
  const table = Object.fromEntries(
    rows.map(([folder, names]) => [
      folder,
      names
        .filter(Boolean)
        .map((name) => full(name, folder))
        .sort(),
    ]),
  );
  // A projection stands outside of src.
  const told = { ...table, projections: ['src/domain'] };
  const held = Object.entries(MAP).map(([folder, allowed]) => [folder, [...allowed].sort()]);
  expect(rows).toHaveLength(held.length);
  expect(told).toEqual(Object.fromEntries(held));
});
