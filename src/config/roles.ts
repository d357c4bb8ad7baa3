/** What a process may do. */
export const ROLES = [
  'poller',
  'states',
  'alerting',
  'alerts',
  'forecasts',
  'rollups',
  'outcomes',
  'payers',
  'relay',
  'retention',
  'archive',
  'http',
] as const;
export type Role = (typeof ROLES)[number];
