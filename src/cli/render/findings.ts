/** What the doctor found, as text and as JSON. */
import { numbered } from '../../format.ts';
import { hasFailed } from '../../operate/doctor/finding.ts';
import type { Finding } from '../../operate/doctor/finding.ts';

export const findingsJson = (findings: readonly Finding[]) => ({ ok: !hasFailed(findings), checks: findings });

/** One block per check, what to do below what was found. */
export function findingsText(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(width + 8);
  const blocks = findings.map(({ check, status, detail, remedy }) => {
    const head = `${status.padEnd(4)}  ${check.padEnd(width)}  ${detail.replaceAll('\n', `\n${indent}`)}`;
    return remedy === null ? head : `${head}\n${indent}→ ${remedy}`;
  });
  const count = (status: Finding['status']): number => findings.filter((f) => f.status === status).length;
  return [...blocks, '', `${count('ok')} ok, ${numbered(count('warn'), 'warning')}, ${count('fail')} failed`];
}
