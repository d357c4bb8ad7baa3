/** How long the runs of faults are, and what they say at their end. */
import type { Compared } from '../oracle/compare.ts';

/** Faults of a run: in every run of the tests, and in a campaign. */
export interface Length {
  readonly short: number;
  readonly campaign: number;
}

const isCampaign = process.env['FAULTS_CAMPAIGN'] === '1';

/** Unless FAULTS_KILLS says otherwise. */
export const lengthOf = ({ short, campaign }: Length): number =>
  Number(process.env['FAULTS_KILLS'] ?? (isCampaign ? campaign : short));

/**
 * What has been compared is equal: a run that lost or doubled anything has failed before it comes here,
 * naming what.
 * @param dealt faults by their kind
 */
export function figures(
  dealt: Readonly<Record<string, number>>,
  { observations, alerts, resolved }: Pick<Compared, 'observations' | 'alerts' | 'resolved'>,
  seconds: number,
  seed: number,
): string {
  const total = Object.values(dealt).reduce((a, b) => a + b, 0);
  const kinds = Object.entries(dealt).map(([kind, n]) => `${n} ${kind}`);
  return (
    `${total} faults (${kinds.join(', ')}) in ${seconds} s: 0 lost, 0 doubled of ${observations} observations ` +
    `and ${alerts} alerts, ${resolved} of them resolved; FAULTS_SEED=${seed}`
  );
}
