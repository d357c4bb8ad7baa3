/** Texts of the alert events: raw data, no advice. */
import type { EndReason, PolicyStateObserved, Severity } from '../../src/domain/events.ts';
import { percentText } from '../../src/domain/percent.ts';

type Bucket = Pick<PolicyStateObserved, 'policy' | 'participant' | 'availableTokens' | 'capacity'>;

const left = ({ availableTokens, capacity }: Bucket): string =>
  `${availableTokens} of ${capacity} tokens left (${((availableTokens / capacity) * 100).toFixed(1)}%)`;

export const raisedMessage = (bucket: Bucket, severity: Severity, thresholdPercent: number): string =>
  `${severity}: ${bucket.policy} of ${bucket.participant} at or below ${percentText(thresholdPercent)}%: ${left(bucket)}`;

const ENDINGS: Readonly<Record<EndReason, string>> = {
  RECOVERED: 'recovered',
  ESCALATED: 'escalated to CRITICAL',
  DEESCALATED: 'eased to WARNING',
  SUPERSEDED: 'superseded: decided anew without it',
  RETIRED: 'ended: the policy is not listed any more; last seen',
};

export const resolvedMessage = (bucket: Bucket, severity: Severity, reason: EndReason): string =>
  `${severity} of ${bucket.policy} of ${bucket.participant} ${ENDINGS[reason]}: ${left(bucket)}`;

export const categoryMessage = (bucket: Bucket, from: string, to: string): string =>
  `Category of ${bucket.participant} changed from ${from} to ${to}; ${bucket.policy} now: ${left(bucket)}`;
