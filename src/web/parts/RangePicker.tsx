/** Which time a bucket is shown over: by name, or from here to there. */
import { bucketAddress, bucketPath } from '../addresses.ts';
import type { BucketName } from '../../api/answers.ts';
import { localText } from '../moments.ts';
import { RANGES } from '../ranges.ts';
import type { RangeName, TimeRange } from '../ranges.ts';
import { useReading } from './context.ts';

interface RangePickerProps {
  readonly name: BucketName;
  readonly range: TimeRange;
  /** `null`: from here to there. */
  readonly chosen: RangeName | null;
  readonly at: string | null;
}

/** Links and a form, which need no script. */
export function RangePicker({ name, range, chosen, at }: RangePickerProps) {
  const { t, words, reader } = useReading();
  return (
    <div class="ranges">
      <nav aria-label={t.bucket.range}>
        {(Object.keys(RANGES) as RangeName[]).map((each) => (
          <a
            key={each}
            href={bucketAddress(name, { range: each, at })}
            aria-current={each === chosen ? 'true' : undefined}
          >
            {t.bucket.ranges[each]}
          </a>
        ))}
      </nav>
      <form method="get" action={bucketPath(name)}>
        {at !== null && <input type="hidden" name="at" value={at} />}
        {(['from', 'to'] as const).map((end) => (
          <label key={end}>
            {t.bucket[end]} ({words.zoneName})
            <input type="datetime-local" name={end} step="1" value={localText(range[end], reader.zone)} required />
          </label>
        ))}
        <button type="submit">{t.bucket.show}</button>
      </form>
    </div>
  );
}
