/** Threshold rules as people give and read them. */
import type { ThresholdRules } from '../domain/thresholds.ts';

/** The rules that a rule version such as `w20-c10-m0-n1` names; `null` for another form. */
export function rulesOf(version: string): ThresholdRules | null {
  const match = /^w([\d.]+)-c([\d.]+)-m([\d.]+)-n(\d+)$/.exec(version);
  if (match === null) return null;
  const [warningPercent = 0, criticalPercent = 0, resolveMargin = 0, forObservations = 0] = match
    .slice(1)
    .map(Number);
  return { warningPercent, criticalPercent, resolveMargin, forObservations };
}

/** Why these rules make no sense together, or `null`. The same as configuration demands of them. */
export function rulesProblem({
  warningPercent,
  criticalPercent,
  resolveMargin,
}: ThresholdRules): string | null {
  if (criticalPercent >= warningPercent) {
    return `CRITICAL (${criticalPercent} %) must be below WARNING (${warningPercent} %)`;
  }
  if (resolveMargin > 0 && warningPercent + resolveMargin >= 100) {
    return `the margin (${resolveMargin}) and WARNING (${warningPercent} %) reach 100 %: no alert could ever resolve`;
  }
  return null;
}
