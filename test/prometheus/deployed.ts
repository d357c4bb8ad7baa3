/** The rules and their tests as they are shipped. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageRoot } from '../../src/packageRoot.ts';

export const DEPLOYED = join(packageRoot, 'deploy', 'prometheus');

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

export const filesIn = (folder: string): string[] =>
  readdirSync(join(DEPLOYED, folder)).map((name) => join(DEPLOYED, folder, name));

export const readYaml = (path: string): unknown => parse(readFileSync(path, 'utf8'));

export const rules = (): Rule[] =>
  filesIn('rules').flatMap((path) => (readYaml(path) as RuleFile).groups.flatMap((group) => group.rules));

/** For each alert, what its tests expect in order of time: whether it fires. */
export function expectations(): Map<string, boolean[]> {
  const found = new Map<string, boolean[]>();
  for (const path of filesIn('tests')) {
    for (const { alert_rule_test: checks } of (readYaml(path) as RuleTests).tests) {
      for (const { alertname, exp_alerts: expected } of checks)
        found.set(alertname, [...(found.get(alertname) ?? []), expected.length > 0]);
    }
  }
  return found;
}
