/**
 * Randomness by counter: a number is a hash of what it is for (seed, bucket, step), not of how many were drawn before.
 * So the traffic of a minute is the same however often, and in whatever order, the buckets are asked.
 */

/** 2^32 divided by the golden ratio, the increment of SplitMix (Steele, Lea and Flood, OOPSLA 2014). */
const GOLDEN = 0x9e3779b9;

/** MurmurHash3's 32-bit finalizer (Austin Appleby, public domain): every input bit reaches every output bit. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit hash of a seed and a counter or purpose (integer; its low 32 bits count). */
export function hash(seed: number, counter: number): number {
  return mix((mix(seed) + Math.imul((counter | 0) + 1, GOLDEN)) | 0);
}

/** The hash as a number in [0, 1). */
export function uniform(seed: number, counter: number): number {
  return hash(seed, counter) / 0x1_0000_0000;
}

/** A number in [low, high). */
export function between(seed: number, counter: number, low: number, high: number): number {
  return low + uniform(seed, counter) * (high - low);
}

/** FNV-1a, 32 bits, over UTF-16 units: turns a participant or a policy name into a counter. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
