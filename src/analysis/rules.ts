/** Threshold rules as people give and read them. */
import type { ThresholdRules } from '../domain/thresholds.ts';

/** The rules that a rule version such as `w20-c10-m0-n1` names; `null` for another form. */
export function rulesOf(version: string): ThresholdRules | null {
  const match = /^w([\d.]+)-c([\d.]+)-m([\d.]+)-n(\d+)$/.exec(version);
  if (match === null) return null;
  const [warningPercent = 0, criticalPercent = 0, resolveMargin = 0, forObservations = 0] = match.slice(1).map(Number);
  return { warningPercent, criticalPercent, resolveMargin, forObservations };
}

/** `WARNING at 20 %, CRITICAL at 10 %`, and the hysteresis if there is any. */
export function rulesInWords(rules: ThresholdRules): string {
  const { warningPercent, criticalPercent, resolveMargin, forObservations } = rules;
  return [
    `WARNING at ${warningPercent} %`,
    `CRITICAL at ${criticalPercent} %`,
    ...(resolveMargin > 0 ? [`better only ${resolveMargin} points above`] : []),
    ...(forObservations > 1 ? [`${forObservations} observations must agree`] : []),
  ].join(', ');
}

/** A version that names no rules stays as it is. */
export function ruleVersionInWords(version: string): string {
  const rules = rulesOf(version);
  return rules === null ? version : rulesInWords(rules);
}
