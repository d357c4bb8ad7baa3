/**
 * Checksums of a file that grows: of all of it, and of each MiB, so that a reader need not read all before it trusts
 * any.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

export const CHUNK_BYTES = 1_048_576;

export interface Checksums {
  readonly length: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of each {@link CHUNK_BYTES} bytes; the last one may cover fewer. */
  readonly chunks: readonly string[];
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export class Digests {
  #whole = createHash('sha256');
  #chunks: string[] = [];
  #chunk: Hash = createHash('sha256');
  #length = 0;

  update(bytes: Buffer): void {
    this.#whole.update(bytes);
    for (let at = 0; at < bytes.length;) {
      const room = CHUNK_BYTES - (this.#length % CHUNK_BYTES);
      const part = bytes.subarray(at, at + room);
      this.#chunk.update(part);
      this.#length += part.length;
      at += part.length;
      if (this.#length % CHUNK_BYTES === 0) this.#endChunk();
    }
  }

  checksums(): Checksums {
    const open = this.#length % CHUNK_BYTES === 0 ? [] : [this.#chunk.copy().digest('hex')];
    return {
      length: this.#length,
      sha256: this.#whole.copy().digest('hex'),
      chunks: [...this.#chunks, ...open],
    };
  }

  /** The same so far, to try what comes next. */
  copy(): Digests {
    const copy = new Digests();
    copy.#whole = this.#whole.copy();
    copy.#chunks = [...this.#chunks];
    copy.#chunk = this.#chunk.copy();
    copy.#length = this.#length;
    return copy;
  }

  #endChunk(): void {
    this.#chunks.push(this.#chunk.digest('hex'));
    this.#chunk = createHash('sha256');
  }
}
