/** All buckets, worst first, as they are now or were at a moment. */
import { useEffect, useState } from 'preact/hooks';
import type { Overview } from '../../api/answers.ts';
import { isFiltered, NO_FILTER, overviewAddress } from '../addresses.ts';
import type { BucketFilter } from '../addresses.ts';
import { ageAt, fits, healthAt, newLevels } from '../buckets.ts';
import { replaceAddress } from '../browser/address.ts';
import { fetched } from '../browser/fetched.ts';
import { useLive, useNow } from '../browser/useLive.ts';
import { usePlayback } from '../browser/usePlayback.ts';
import { Alerts } from '../parts/Alerts.tsx';
import { BucketTable } from '../parts/BucketTable.tsx';
import type { Row } from '../parts/BucketTable.tsx';
import { Connection } from '../parts/Connection.tsx';
import { useReading } from '../parts/context.ts';
import { Filters } from '../parts/Filters.tsx';
import { OpenForecasts } from '../parts/Forecasts.tsx';
import { LevelCounts } from '../parts/LevelCounts.tsx';
import { Pipeline } from '../parts/Pipeline.tsx';
import { Shell } from '../parts/Shell.tsx';
import { Player, TimeMachine } from '../parts/TimeMachine.tsx';

export interface OverviewPageProps {
  readonly overview: Overview;
  readonly filter: BucketFilter;
}

export function OverviewPage({ overview: initial, filter: initialFilter }: OverviewPageProps) {
  const [filter, setFilter] = useState(initialFilter);
  const live = useLive(initial);
  const [past, setPast] = useState(initial);
  const player = usePlayback({
    at: Date.parse(past.as_of),
    show: async (at, signal) => {
      const next = await fetched<Overview>(`/api/v1/overview?at=${new Date(at).toISOString()}`, signal);
      setPast(next);
      replaceAddress(overviewAddress(filter, next.as_of));
    },
  });
  const overview = initial.is_past ? past : live.overview;
  const now = useNow(overview);
  const at = overview.is_past ? overview.as_of : null;
  const choose = (next: BucketFilter) => {
    setFilter(next);
    replaceAddress(overviewAddress(next, at));
  };
  const rows = overview.buckets.map((bucket) => ({ bucket, level: healthAt(bucket, overview.thresholds, now) }));
  const newest = overview.buckets.length === 0 ? null : Math.min(...overview.buckets.map((b) => ageAt(b, now)));
  return (
    <Shell
      address={overviewAddress(filter, at)}
      here="overview"
      connection={<Connection state={live.connection} age={newest} />}
    >
      <Heading />
      <LevelCounts levels={rows.map(({ level }) => level)} filter={filter} at={at} onChange={choose} />
      <TimeMachine moment={now} isPast={overview.is_past} presentAddress={overviewAddress(filter, null)}>
        <Player {...player} />
      </TimeMachine>
      <OpenForecasts forecasts={overview.forecasts} now={now} at={at} />
      <Buckets {...{ overview, rows, filter, now, at }} onFilter={choose} />
      <Below overview={overview} now={now} />
      <Announcements overview={live.overview} before={live.before} />
    </Shell>
  );
}

const Heading = () => <h1 class="hidden">{useReading().t.overview}</h1>;

interface BucketsProps extends OverviewPageProps {
  readonly rows: readonly Row[];
  readonly now: number;
  readonly at: string | null;
  readonly onFilter: (filter: BucketFilter) => void;
}

function Buckets({ overview, rows, filter, now, at, onFilter }: BucketsProps) {
  const { t, words } = useReading();
  const shown = rows.filter(({ bucket, level }) => fits(bucket, level, filter));
  const caption = t.bucketCount(words.number(shown.length), words.number(rows.length), rows.length);
  return (
    <section aria-labelledby="buckets">
      <h2 id="buckets" class="hidden">
        {t.buckets}
      </h2>
      <Filters buckets={overview.buckets} filter={filter} at={at} onChange={onFilter} />
      {rows.length === 0 ? (
        <p class="nothing">{t.noBucket}</p>
      ) : (
        <BucketTable rows={shown} thresholds={overview.thresholds} now={now} at={at} caption={caption} />
      )}
      {rows.length > 0 && shown.length === 0 && (
        <p class="nothing">
          {t.noneFits} {isFiltered(filter) && <a href={overviewAddress(NO_FILTER, at)}>{t.clearFilter}</a>}
        </p>
      )}
    </section>
  );
}

function Below({ overview, now }: { readonly overview: Overview; readonly now: number }) {
  const { t } = useReading();
  return (
    <div class="below">
      <section aria-labelledby="alerts">
        <h2 id="alerts">{t.lastAlerts}</h2>
        <Alerts alerts={overview.alerts} now={now} />
      </section>
      {overview.pipeline !== null && (
        <section aria-labelledby="pipeline">
          <h2 id="pipeline">{t.pipeline}</h2>
          <Pipeline pipeline={overview.pipeline} now={now} />
        </section>
      )}
    </div>
  );
}

/** What a screen reader is told of: buckets whose level changed. */
function Announcements({ overview, before }: { readonly overview: Overview; readonly before: Overview }) {
  const { t, words } = useReading();
  const [text, setText] = useState('');
  useEffect(() => {
    const news = newLevels(before, overview).map(({ endpoint_id, health_status, remaining_percent }) =>
      t.newState(endpoint_id, health_status, words.percent(remaining_percent)),
    );
    if (news.length > 0) setText(news.join('. '));
  }, [overview]);
  return (
    <p class="hidden" aria-live="polite">
      {text}
    </p>
  );
}
