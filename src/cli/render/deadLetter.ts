/** A dead letter for the eye and for `--json`. */
import { decodeAvro } from '../../codec/observation.ts';
import { decodeOutcomesAvro } from '../../codec/outcomes.ts';
import { POLICY_STATES, REQUEST_OUTCOMES } from '../../codec/topics.ts';
import type { Letter } from '../../operate/deadLetters.ts';
import { numberText, timeText } from '../../format.ts';
import { withSnakeKeys } from '../../snakeCase.ts';
import { visible } from '../../visible.ts';

type PayloadView =
  /** Decoded by the topic's schema, whether its values can be or not. */
  | { readonly format: 'event'; readonly value: object }
  | { readonly format: 'json'; readonly value: unknown; readonly text: string }
  | { readonly format: 'hex' };

/** What the payload of a message says, by its topic. */
const READERS: Readonly<Record<string, (payload: Buffer) => object | null>> = {
  [POLICY_STATES.name]: observationOf,
  [REQUEST_OUTCOMES.name]: outcomesOf,
};

function payloadView({ source, message: { payload } }: Letter): PayloadView {
  const event = READERS[source]?.(payload) ?? null;
  if (event !== null) return { format: 'event', value: event };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return { format: 'json', value: JSON.parse(text), text };
  } catch {
    return { format: 'hex' };
  }
}

/** Times as ISO strings, as exports have them, unless they are none. */
function observationOf(payload: Buffer): object | null {
  try {
    const { type: _type, ...event } = decodeAvro(payload);
    return {
      ...withSnakeKeys(event),
      response_time: eventTimeOf(event.responseTime),
      observed_at: eventTimeOf(event.observedAt),
    };
  } catch {
    return null;
  }
}

function outcomesOf(payload: Buffer): object | null {
  try {
    const { type: _type, ...event } = decodeOutcomesAvro(payload);
    return {
      ...withSnakeKeys(event),
      window_start: eventTimeOf(event.windowStart),
      window_end: eventTimeOf(event.windowEnd),
      complete_up_to: event.completeUpTo === null ? null : eventTimeOf(event.completeUpTo),
    };
  } catch {
    return null;
  }
}

/** As it is where it is no time: others count in microseconds. */
function eventTimeOf(at: number): string | number {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toISOString();
}

/** What `list --json` has of each letter. */
export const letterJson = ({ id, topic, partition, position, processor, source, facts, message, handled }: Letter) => ({
  id,
  topic,
  partition,
  position,
  processor,
  source_topic: source,
  source_partition: facts.sourcePartition,
  source_position: facts.sourcePosition,
  set_aside_at: facts.setAsideAt === null ? null : new Date(facts.setAsideAt).toISOString(),
  event_time: eventTimeOf(facts.sourceEventTime ?? message.eventTime),
  cut_from_bytes: facts.cutFromBytes,
  key: message.key,
  reason: facts.reason,
  payload_bytes: message.payload.length,
  handled: handled === null ? null : { action: handled.action, at: new Date(handled.at).toISOString() },
});

/** What `show --json` has: the same, with the message's own properties and its payload. */
export function wholeLetterJson(letter: Letter) {
  const view = payloadView(letter);
  const { facts, message } = letter;
  return {
    ...letterJson(letter),
    event_id: facts.eventId,
    properties: facts.original,
    payload: {
      format: view.format,
      value: view.format === 'hex' ? message.payload.toString('hex') : view.value,
    },
  };
}

/** Where its message first lay: `policy-states/2/17`. */
export const sourceText = ({ source, facts }: Letter): string =>
  [source, facts.sourcePartition ?? '?', facts.sourcePosition?.replace(/(?<!\d)0+(?=\d)/g, '') ?? '?'].join('/');

export const clipped = (text: string, most: number): string => {
  const line = visible(text);
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
};

/** Everything about a letter, for people. */
export function wholeLetterText(letter: Letter): string[] {
  const { facts, message, handled } = letter;
  const properties = Object.entries(facts.original);
  return [
    `id          ${letter.id}`,
    `set aside   ${timeText(facts.setAsideAt)} by ${letter.processor}`,
    `standing    ${handled === null ? 'open' : `${handled.action} ${timeText(handled.at)}`}`,
    `reason      ${visible(facts.reason ?? '-')}`,
    `source      ${letter.source}, partition ${facts.sourcePartition ?? '?'}, position ${visible(facts.sourcePosition ?? '?')}`,
    `event id    ${visible(facts.eventId ?? '-')}`,
    `event time  ${eventTimeOf(facts.sourceEventTime ?? message.eventTime)}`,
    ...(facts.cutFromBytes === null
      ? []
      : [`cut         the message had ${numberText(facts.cutFromBytes)} bytes; it is whole at its source`]),
    `key         ${visible(message.key)}`,
    ...(properties.length === 0 ? ['properties  none'] : ['properties']),
    ...properties.map(([name, value]) => `  ${visible(name)} = ${visible(value)}`),
    ...payloadText(letter),
  ];
}

const TITLES = { event: 'read by the schema', json: 'JSON text', hex: 'neither an event nor JSON' } as const;

function payloadText(letter: Letter): string[] {
  const { payload } = letter.message;
  const view = payloadView(letter);
  const size = `${numberText(payload.length)} ${payload.length === 1 ? 'byte' : 'bytes'}`;
  const title = `payload     ${size}, ${payload.length === 0 ? 'empty' : TITLES[view.format]}`;
  switch (view.format) {
    case 'event':
      return [title, ...indented(JSON.stringify(view.value, null, 2))];
    case 'json':
      return [title, ...indented(view.text)];
    case 'hex':
      return [title, ...hexDump(payload)];
  }
}

const indented = (text: string): string[] => text.split(/\r?\n/).map((line) => `  ${visible(line)}`);

const LINE = 16;
/** A screen or two: the rest is what --raw is for. */
const MAX_BYTES = 1_024;

function hexDump(bytes: Buffer): string[] {
  const shown = bytes.subarray(0, MAX_BYTES);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += LINE) {
    const line = shown.subarray(at, at + LINE);
    const hex = [...line].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = line.toString('latin1').replace(/[^ -~]/g, '.');
    lines.push(`  ${at.toString(16).padStart(6, '0')}  ${hex.padEnd(LINE * 3)} ${text}`);
  }
  const left = bytes.length - shown.length;
  return left === 0 ? lines : [...lines, `  and ${numberText(left)} bytes more: --raw writes all of them`];
}
