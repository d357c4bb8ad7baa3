/** How `balde start --simulate` is set, where nothing else is said. */
export const SIMULATED_DEFAULTS = { POLL_INTERVAL: '10s', STALE_AFTER: '1m', LOG_LEVEL: 'warn' } as const;
