/** Times that people type: with an offset, or as clocks of the reader's zone show them. */
import type { Zone } from './reader.ts';

const LOCAL = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)?$/;
const WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** @returns milliseconds; `null` for what is no time */
export function momentOf(text: string, zone: Zone): number | null {
  const at = WITH_OFFSET.test(text) ? Date.parse(text) : localMoment(text, zone);
  return Number.isNaN(at) ? null : at;
}

function localMoment(text: string, zone: Zone): number {
  const [, day = '', time = '00:00', seconds = ':00'] = LOCAL.exec(text) ?? [];
  const asIfUtc = Date.parse(`${day}T${time}${seconds}Z`);
  if (Number.isNaN(asIfUtc)) return NaN;
  // A second look where the first one fell on the other side of a change of the clocks.
  const first = asIfUtc - offsetOf(asIfUtc, zone);
  return asIfUtc - offsetOf(first, zone);
}

/** `2026-01-31T12:00:00`, as `<input type="datetime-local">` has it. */
export const localText = (at: number, zone: Zone): string =>
  new Date(Math.floor(at / 1000) * 1000 + offsetOf(at, zone)).toISOString().slice(0, 19);

/** What the zone's clocks are ahead of UTC. Milliseconds. */
function offsetOf(at: number, zone: Zone): number {
  if (zone === 'UTC') return 0;
  const whole = Math.floor(at / 1000) * 1000;
  const shown = new Date(whole).toLocaleString('sv-SE', { timeZone: zone });
  return Date.parse(`${shown.replace(' ', 'T')}Z`) - whole;
}
