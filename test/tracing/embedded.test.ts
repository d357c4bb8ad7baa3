/** Traces over the embedded log, by the built program. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { baldeDatabase } from '../support/database.ts';
import { startOtlpReceiver } from '../support/otlp.ts';
import { expectOneTrace, tell, tracingTo } from './story.ts';
import type { World } from './story.ts';

const LONG_MS = 150_000;

async function world(): Promise<World> {
  const { url, database, log } = await baldeDatabase();
  return { environment: { DATABASE_URL: url }, database, log };
}

describe('a poll that raises an alert', () => {
  test(
    'is one trace, from the call of the Bridge to the message that is delivered; what is left is sent at the end [TRACE-1, TRACE-6, TRACE-8]',
    async () => {
      const receiver = await startOtlpReceiver();
      const withMetrics = { ...tracingTo(receiver.url), OTEL_METRICS_EXPORTER: 'otlp' };
      expectOneTrace(await tell(await world(), receiver, withMetrics), 'postgresql');
      expect(receiver.requests.map(({ path }) => path).sort()).toEqual(['/v1/metrics', '/v1/traces']);
      const polls = receiver.metrics[0]?.find(({ name }) => name === 'balde_polls_total')?.points ?? [];
      expect(polls.find(({ labels }) => labels['outcome'] === 'ok')?.asDouble).toBe(1);
    },
    LONG_MS,
  );

  test(
    'leaves nothing of it behind when the variable is not set [TRACE-4]',
    async () => {
      const { bridge, alert, lines, code } = await tell(await world(), null);
      expect(code).toBe(0);
      expect(bridge.calls.map((metadata) => metadata.get('traceparent'))).toEqual([[]]);
      expect(Object.keys(alert.properties)).not.toContain('traceparent');
      expect(lines.filter((line) => 'trace_id' in line || 'span_id' in line)).toEqual([]);
    },
    LONG_MS,
  );
});

describe('a receiver that takes nothing changes nothing but a line of the log [TRACE-6, TRACE-8]', () => {
  test(
    'nobody listens there',
    async () => {
      const nobody = createServer();
      await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
      const { port } = nobody.address() as AddressInfo;
      await new Promise((resolve) => nobody.close(resolve));
      const impatient = { OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_EXPORTER_OTLP_TIMEOUT: '200' };
      const metrics = { OTEL_METRICS_EXPORTER: 'otlp', OTEL_METRIC_EXPORT_INTERVAL: '300' };
      const more = { ...metrics, ...tracingTo(`http://127.0.0.1:${port}`), ...impatient };
      const { code, alert, lines } = await tell(await world(), null, more);
      expect(code).toBe(0);
      expect(alert.properties['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      for (const what of ['spans', 'metrics']) {
        const lost = lines.filter(({ msg }) => msg === `${what} may be missing: work goes on without them`);
        expect(lost[0]).toMatchObject({ level: 'warn', reason: expect.stringMatching(/ECONNREFUSED/) as string });
        expect(lost).toHaveLength(1);
      }
    },
    LONG_MS,
  );

  test(
    'it never answers: the process ends all the same',
    async () => {
      const receiver = await startOtlpReceiver();
      receiver.isSilent = true;
      const withMetrics = { ...tracingTo(receiver.url), OTEL_METRICS_EXPORTER: 'otlp' };
      const { code, stderr } = await tell(await world(), receiver, withMetrics);
      expect(code).toBe(0);
      expect(stderr.match(/did not take the last ones in time/g)).toHaveLength(2);
      expect(receiver.requests).not.toEqual([]);
    },
    LONG_MS,
  );
});
