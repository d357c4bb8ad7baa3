/** Work in pieces of a bounded size. */

/** Most items of one piece, and most of what they measure together. */
export interface ChunkLimits {
  readonly items: number;
  readonly size: number;
}

/** The items in order, as many together as the limits allow; one that is too large is a piece by itself. */
export function* inChunks<T>(
  items: readonly T[],
  limits: ChunkLimits,
  sizeOf: (item: T) => number,
): Generator<readonly T[]> {
  let [chunk, size]: [T[], number] = [[], 0];
  for (const item of items) {
    const own = sizeOf(item);
    if (chunk.length > 0 && (chunk.length >= limits.items || size + own > limits.size)) {
      yield chunk;
      [chunk, size] = [[], 0];
    }
    chunk.push(item);
    size += own;
  }
  if (chunk.length > 0) yield chunk;
}
