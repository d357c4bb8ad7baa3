/** The little of Protocol Buffers' wire format that the log reads and writes itself (protobuf.dev, "Encoding"). */

const [VARINT, BYTES] = [0, 2];

/** A field's number and its value. */
type Field = readonly [number: number, value: number | Buffer];

/** Negative numbers as 64-bit two's complement. */
export const numberField = (field: number, value: number): Buffer =>
  Buffer.from([(field << 3) | VARINT, ...varint(value)]);

export function bytesField(field: number, value: string | Buffer): Buffer {
  const body = Buffer.from(value);
  return Buffer.concat([Buffer.from([(field << 3) | BYTES, ...varint(body.length)]), body]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

/** The fields of a message in their order, numbers and byte strings. @throws {RangeError} it is not such a message */
export function* fieldsIn(message: Buffer): Generator<Field> {
  let at = 0;
  const number = (): number => {
    for (let [value, factor] = [0, 1]; ; factor *= 128) {
      const byte = message.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    const [field, wireType] = [Math.floor(tag / 8), tag % 8];
    const value = number();
    if (wireType === VARINT) yield [field, value];
    else if (wireType === BYTES && at + value <= message.length) yield [field, message.subarray(at, (at += value))];
    else throw new RangeError(`byte ${at}: no number or byte string`);
  }
}
