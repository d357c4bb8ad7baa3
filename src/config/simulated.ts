/** How `balde start --simulate` is set, where nothing else is said. */
export const SIMULATED_DEFAULTS = { STALE_AFTER: '3m', LOG_LEVEL: 'warn' } as const;
