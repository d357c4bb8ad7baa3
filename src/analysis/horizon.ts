/** How far forecasts may look ahead. */
import { HOUR_MS, SECOND_MS } from '../domain/time.ts';

/** As FORECAST_HORIZON, and no longer than a forecast is held to. Milliseconds. */
export const isHorizon = (ms: number): boolean => ms >= 30 * SECOND_MS && ms <= HOUR_MS;

export const HORIZON_TEXT = 'a time from 30s to 1h, such as 10m';
