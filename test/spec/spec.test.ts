/** Every invariant of SPEC.md is cited by the title of at least one test, and tests cite only what is there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';

const ID = /[A-Z]+-\d+/;

const invariants = [...readFileSync(join(packageRoot, 'SPEC.md'), 'utf8').matchAll(/^\| ([A-Z]+-\d+) \|/gm)].map(
  ([, id]) => id ?? '',
);

/** Ids in square brackets inside the titles of tests and suites, such as `[LOG-3]` or `[FOLD-1, OUT-2]`. */
function citedIds(): Set<string> {
  const cited = new Set<string>();
  const folder = join(packageRoot, 'test');
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts') || entry.startsWith('spec')) continue;
    const source = readFileSync(join(folder, entry), 'utf8');
    for (const [list] of source.matchAll(/\[[A-Z]+-\d+(?:, [A-Z]+-\d+)*\]/g)) {
      for (const [id] of list.matchAll(new RegExp(ID, 'g'))) cited.add(id);
    }
  }
  return cited;
}

describe('SPEC.md', () => {
  const cited = citedIds();

  it('names each invariant once', () => {
    expect(invariants.length).toBeGreaterThan(40);
    expect(new Set(invariants).size).toBe(invariants.length);
  });

  it.each(invariants)('%s is cited by a test', (id) => {
    expect(cited).toContain(id);
  });

  it('is not cited for what it does not say', () => {
    expect([...cited].filter((id) => !invariants.includes(id))).toEqual([]);
  });
});
