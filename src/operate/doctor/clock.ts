/** Compares another clock with this machine's. */
import type { EpochMs } from '../../domain/events.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

/** Ages and staleness are off by the skew; from here on people see it. Milliseconds. */
const WARN_MS = 5_000;
/** Half of the usual polling interval. (The poller itself refuses answers more than a day off.) Milliseconds. */
const FAIL_MS = 150_000;

/** Skew of `other`, read at some moment between `asked` and `answered` of the local clock. Milliseconds, signed. */
export function skewMs(other: EpochMs, asked: EpochMs, answered: EpochMs): number {
  if (other < asked) return other - asked;
  return other > answered ? other - answered : 0;
}

export function clockFinding(check: string, other: EpochMs, asked: EpochMs, answered: EpochMs): Finding {
  const skew = skewMs(other, asked, answered);
  const seconds = (Math.abs(skew) / 1000).toFixed(1);
  const detail =
    skew === 0 ? 'agrees with this machine' : `${seconds} s ${skew < 0 ? 'behind' : 'ahead of'} this machine`;
  const remedy = 'Synchronise the clocks (NTP): ages, staleness and the months of history follow them.';
  if (Math.abs(skew) < WARN_MS) return ok(check, detail);
  return Math.abs(skew) < FAIL_MS ? warn(check, detail, remedy) : fail(check, detail, remedy);
}
