/** One bucket in figures. */
import type { BucketAnswer, Health } from '../../api/answers.ts';
import { useReading } from './context.ts';
import { Consumption, Outlook } from './figures.tsx';
import { Level } from './Level.tsx';
import { Fact } from './Pipeline.tsx';
import { Time } from './Time.tsx';
import { TokenBar } from './TokenBar.tsx';

interface BucketFactsProps {
  readonly answer: BucketAnswer;
  readonly level: Health;
  /** Milliseconds. */
  readonly now: number;
}

export function BucketFacts({ answer: { bucket, thresholds, refill }, level, now }: BucketFactsProps) {
  const { t, words } = useReading();
  return (
    <div class="bucket-head">
      <div class="panel bucket-now">
        <p>
          <Level level={level} />{' '}
          {bucket.level_since !== null && (
            <small title={words.time(bucket.level_since)}>{t.since(words.clock(bucket.level_since, now))}</small>
          )}
        </p>
        <p class="bucket-left">
          <b>{words.percent(bucket.remaining_percent)}</b>{' '}
          <span class="quiet">
            {t.ofCapacity(words.number(bucket.available_tokens), words.number(bucket.capacity))}
          </span>
        </p>
        <TokenBar bucket={bucket} level={level} thresholds={thresholds} />
        <p class="bucket-outlook">
          <Outlook bucket={bucket} now={now} />
        </p>
      </div>
      <dl class="panel facts">
        <Fact name={t.columns.use}>
          <Consumption rate={bucket.consumption} />
        </Fact>
        <Fact name={t.bucket.refill}>
          {t.bucket.refillText(words.number(bucket.refill_tokens), words.duration(bucket.refill_period_sec))}
        </Fact>
        <Fact name={t.bucket.mode}>{refill === null ? t.unknown : <Arrival refill={refill} />}</Fact>
        {bucket.psp_category !== null && <Fact name={t.trial.categoryName}>{bucket.psp_category}</Fact>}
        <Fact name={t.lastObservation}>
          <Time at={bucket.response_time} near={now} />
        </Fact>
      </dl>
    </div>
  );
}

function Arrival({ refill }: { readonly refill: NonNullable<BucketAnswer['refill']> }) {
  const { t, words } = useReading();
  const { mode, lump_from_seconds: from, lump_window_seconds: window } = refill;
  return (
    <>
      {mode === 'lump' && from !== null
        ? t.bucket.lumpAt(words.duration(from), words.duration(window))
        : t.bucket.modes[mode]}
      {mode !== 'unknown' && <small>{t.bucket.rises(words.number(refill.rises_seen))}</small>}
    </>
  );
}
