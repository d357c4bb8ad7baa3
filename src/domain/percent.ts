/** Shares of a capacity, compared without rounding: a percentage is the decimal that a person wrote. */

/** More decimals than that, and a double no longer gives back what was written: events and tables carry doubles. */
export const MAX_DECIMALS = 12;

/** `units / 10^decimals`. */
interface Decimal {
  readonly units: bigint;
  readonly decimals: number;
}

/** The number as it is written, not the binary fraction next to it: 4.1 is 41/10. */
function decimalOf(value: number): Decimal {
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  const decimals = fraction.length - Number(exponent);
  const units = BigInt(`${sign}${whole}${fraction}`);
  return decimals >= 0 ? { units, decimals } : { units: units * 10n ** BigInt(-decimals), decimals: 0 };
}

/** Doubles that are further apart than this, relative to their size, are so whatever was rounded on the way. */
const IN_DOUBLE = 1e-12;

/** Whether `tokens` are at most the sum of `percents` of the capacity. Tokens and capacity are whole. */
export function isAtMost(tokens: number, capacity: number, ...percents: readonly number[]): boolean {
  const left = tokens * 100;
  const edge = percents.reduce((sum, percent) => sum + percent, 0) * capacity;
  if (Math.abs(left - edge) > IN_DOUBLE * Math.max(Math.abs(left), Math.abs(edge))) return left < edge;

  const exact = percents.map(decimalOf);
  const decimals = Math.max(0, ...exact.map((one) => one.decimals));
  const sum = exact.reduce((total, one) => total + one.units * 10n ** BigInt(decimals - one.decimals), 0n);
  return BigInt(tokens) * 100n * 10n ** BigInt(decimals) <= sum * BigInt(capacity);
}

/** As people write it: never with an exponent, 0 without a sign. */
export function percentText(percent: number): string {
  const { units, decimals } = decimalOf(percent);
  const sign = units < 0n ? '-' : '';
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return decimals === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-decimals)}`;
}

/** Whether a text of digits and a point says no more than can be carried. Zeros at its end say nothing. */
export const hasFewDecimals = (text: string): boolean =>
  (/\.(\d*?)0*$/.exec(text.trim())?.[1] ?? '').length <= MAX_DECIMALS;
