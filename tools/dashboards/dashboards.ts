/** All dashboards, by the names of their files. */
import type { Page } from './classic.ts';
import { alerts } from './alerts.ts';
import { bucket } from './bucket.ts';
import { overview } from './overview.ts';
import { pipeline } from './pipeline.ts';
import { sla } from './sla.ts';

export const DASHBOARDS: Readonly<Record<string, () => Page>> = { overview, bucket, alerts, sla, pipeline };

/** As it is committed in `deploy/grafana/dashboards`. */
export const jsonOf = (dashboard: Page): string => `${JSON.stringify(dashboard, null, 2)}\n`;
