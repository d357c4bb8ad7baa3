/** What alerts about calls say, for people: raw data, no advice. */
import type { BucketKey, CallAlertEndReason, CallAlertKind, CallMeasure } from './events.ts';
import { percentText } from './percent.ts';

type MeasuredCalls = CallMeasure & { readonly callValue: number };

const named = ({ policy, participant }: BucketKey): string => `${policy} of ${participant}`;

export function callAlertMessage(
  bucket: BucketKey,
  kind: CallAlertKind,
  measured: MeasuredCalls,
  level: number,
): string {
  const set = percentText(level);
  switch (kind) {
    case 'NOT_FOUND_RATE':
      return `CALLS: ${measureText(kind, measured)} on ${named(bucket)}, above ${set}%`;
    case 'QUERIES_PER_PAYMENT_ORDER':
      return `CALLS: ${measureText(kind, measured)} on ${named(bucket)}, above ${set}`;
    case 'UNEXPLAINED':
      return `CALLS: ${measureText(kind, measured)} of ${named(bucket)}, level ${set}`;
  }
}

function measureText(kind: CallAlertKind, { callValue, queries, paymentOrders }: MeasuredCalls): string {
  switch (kind) {
    case 'NOT_FOUND_RATE':
      return `${callValue.toFixed(2)}% of ${queries ?? 0} queries in 24 hours found nothing`;
    case 'QUERIES_PER_PAYMENT_ORDER':
      return `${callValue.toFixed(2)} queries for each payment order in 24 hours (${queries ?? 0} for ${paymentOrders ?? 0})`;
    case 'UNEXPLAINED':
      return `at least ${callValue} tokens in 24 hours by no reported call`;
  }
}

const KINDS: Readonly<Record<CallAlertKind, string>> = {
  NOT_FOUND_RATE: 'the 404 rate',
  QUERIES_PER_PAYMENT_ORDER: 'queries for each payment order',
  UNEXPLAINED: 'unexplained tokens',
};

const ENDINGS: Readonly<Record<Exclude<CallAlertEndReason, 'RECOVERED'>, string>> = {
  NOT_TOLD: 'nothing can be told any more',
  SWITCHED_OFF: 'alerts of this kind were switched off',
};

/** @param end what was measured where it has recovered, else why it ends */
export const callAlertEndMessage = (
  bucket: BucketKey,
  kind: CallAlertKind,
  end: MeasuredCalls | keyof typeof ENDINGS,
): string =>
  `CALLS: alert about ${KINDS[kind]} on ${named(bucket)} over: ${typeof end === 'string' ? ENDINGS[end] : measureText(kind, end)}`;
