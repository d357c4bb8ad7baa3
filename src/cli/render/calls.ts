/** What the calls of 24 hours came to, where there is something to say. */
import type { BucketName, CallsSummary } from '../../api/answers.ts';
import { numberText, timeText } from '../../format.ts';
import { isTold } from '../../domain/notFoundRate.ts';
import { rateText } from './consumers.ts';

interface Called extends BucketName {
  readonly calls: CallsSummary | null;
}

/** A part of its own, or nothing. */
export function callsText(buckets: readonly Called[]): string[] {
  const told = buckets.flatMap(({ participant, endpoint_id: policy, calls }) =>
    calls === null ? [] : sentences(calls).map((sentence) => `  ${participant} ${policy}: ${sentence}`),
  );
  return told.length === 0 ? [] : ['', 'calls:', ...told];
}

function sentences({ unexplained_at_least: tokens, unexplained_since: since, ...rate }: CallsSummary): string[] {
  const at = since === null ? null : Date.parse(since);
  return [
    ...(isTold(rate) ? [rateText({ hours: 24, ...rate })] : []),
    ...(tokens === null || tokens === 0
      ? []
      : [`UNEXPLAINED: at least ${numberText(tokens)} tokens since ${timeText(at)}: balde consumers says more`]),
  ];
}
