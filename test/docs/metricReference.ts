/** docs/metrics.md, made from the registry of a process that has every role. */
import { FOLDS } from '../../src/topology/folds.ts';
import type { MetricSpec } from '../../src/serve/instruments.ts';
import { everyMetric } from '../prometheus/everyMetric.ts';

const HEAD = `# Metrics

Every process with the role \`http\` serves \`/metrics\` on \`HTTP_HOST\` and \`HTTP_PORT\`, in Prometheus' text format. A scrape
that the database does not answer within five seconds is a 503: half of the metrics would read as all of them. This page is
made from the registry; a test compares the two. Rules, their tests and an example of routing are in
[deploy/prometheus](../deploy/prometheus/README.md), and each alert has a [runbook](runbooks/README.md).

A series whose labels are known is there from the start, at 0, so that the first event is an increase. What is unknown is
absent, not 0. Labels: \`participant\` is an ISPB, \`endpoint_id\` and \`policy\` the name of a policy, \`processor\` (in older
names \`fold\`) one of ${FOLDS.map(({ name }) => `\`${name}\``).join(', ')}, \`version\` that of a read model.
`;

const SECTIONS = [
  {
    title: 'Buckets and alerts',
    text: 'Read from the tables at each scrape, and the same on every replica: take `max` over them, not `sum`.',
    source: 'tables',
  },
  {
    title: 'The pipeline as a whole',
    text: `Read when somebody scrapes, at most once in 5 s (lag and alerts about calls: 15 s; 404 rates and what is unexplained: a minute), and the same on
every replica. A scrape waits a second for them and then shows what was read before; after a minute without success (two, of what is
read once a minute) they are absent, and \`balde_sample_errors_total\` says so. What is unexplained is proven bucket by bucket for some
three seconds a minute: of very many buckets it may be up to ten minutes old.
Lag is what \`balde lag\` tells. A rebuild is there while it is unfinished; one from an archive that reaches further back than the
log counts as progress only what the log still has.`,
    source: 'sample',
  },
  {
    title: 'What a process did',
    text: 'Each process has its own, which begin anew when it starts: take `sum` of counters and histograms, `max` of gauges.',
    source: 'process',
  },
] as const;

const row = (spec: MetricSpec): string => {
  const labels = spec.labels.map((label) => `\`${label}\``).join(', ');
  const buckets = spec.kind === 'histogram' ? `; buckets ${spec.buckets.join(', ')}` : '';
  return `| \`${spec.name}\` | ${spec.kind} | ${labels} | ${spec.help}${buckets} |`;
};

const TAIL = `## Words in labels

- \`reason\` of a poll: \`elected\` (this process has just become the poller), \`schedule\` (a cron or an interval), and of the
  adaptive schedule \`calm\` (the longest interval is over), \`low\` and \`falling\` (a bucket asked for it), \`watch\` (a bucket that
  may empty within minutes has its turn), \`study\` (to learn when a refill lands), \`budget\` (wanted earlier, POLICIES_LIST had to
  refill first), \`mark\` (the five-minute mark), \`clock\` (it was set back).
- \`call\` of the Bridge: \`list\` (all policies) or \`read\` (one of them).
- \`result\` of a poll: \`ok\` (its observations are in the log), \`rejected\` (nothing of the answer can be believed), \`failed\`.
- \`outcome\` in \`balde_polls_total\` names the gRPC status, or what was wrong with the answer.
- \`peer\` of a certificate: \`bridge\`, \`pulsar\`, \`database\`; \`kind\`: \`client\` or \`authority\`.

## Sending them by OTLP

\`\`\`sh
OTEL_METRICS_EXPORTER=otlp OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 balde start
\`\`\`

Every process that has the variables, with or without the role \`http\`, sends once a minute what \`/metrics\` would show at that moment, and
once more when it ends; \`/metrics\` stays. Without \`OTEL_METRICS_EXPORTER=otlp\` nothing is sent or loaded.

| variable | default | meaning |
| --- | --- | --- |
| \`OTEL_METRICS_EXPORTER\` | | \`otlp\` sends; \`none\` and \`prometheus\` do not |
| \`OTEL_EXPORTER_OTLP_ENDPOINT\` | \`http://localhost:4318\` | address of the receiver; \`/v1/metrics\` is added |
| \`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT\` | | the same for metrics alone, as it is |
| \`OTEL_EXPORTER_OTLP_PROTOCOL\`, \`OTEL_EXPORTER_OTLP_METRICS_PROTOCOL\` | \`http/protobuf\` | or \`http/json\`; gRPC is not spoken |
| \`OTEL_METRIC_EXPORT_INTERVAL\` | \`60000\` | milliseconds |
| \`OTEL_METRIC_EXPORT_TIMEOUT\` | \`30000\` | milliseconds, at most the interval |
| \`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE\` | \`cumulative\` | nothing else: a Collector's processor \`cumulativetodelta\` makes differences |
| \`OTEL_SDK_DISABLED\` | | \`true\`: nothing is sent, whatever else is set |

Headers, certificates and what names the process are as for [traces](tracing.md#turning-it-on). Names, labels and values are the same as
here: a counter is a monotonic cumulative sum, a histogram has the same buckets, and the unit is what the name ends with (\`s\`, \`%\`,
\`{token}\`, \`{token}/min\`, \`1\` for a ratio). What a process did counts from its start, which each point tells. How long the tables have
counted nobody knows: those points tell no start, and don't begin anew with a process.

A receiver that is away or slow holds nothing up: the log has a warning, at most one a minute, and the next ones say it all, for they are
totals. While the database does not answer nothing is sent. When a process ends it tries for three seconds at most.
`;

export function metricReference(): string {
  const all = everyMetric();
  const sections = SECTIONS.map(({ title, text, source }) => {
    const rows = all.filter((spec) => spec.source === source).map(row);
    return `## ${title}\n\n${text}\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [HEAD, ...sections, TAIL].join('\n');
}
