/**
 * Reading $all with a filter that the server applies. The protocol has that (ReadReq.Options.filter of streams.proto),
 * but the client offers it for subscriptions only, which have no end: the request is made here from the client's own
 * classes and sent over its connection.
 */
import { createRequire } from 'node:module';
import type { EventStoreDBClient } from '@eventstore/db-client';
import type * as Shared from '@eventstore/db-client/generated/shared_pb.js';
import type * as Grpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type * as Streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { required } from '../../required.ts';
import type { StoredEvent } from './storedEvent.ts';

/** Their exports are made when they run, so that an import statement does not find them. */
const load = createRequire(import.meta.url);
const generated = '@eventstore/db-client/generated';
const grpc = load(`${generated}/streams_grpc_pb.js`) as typeof Grpc;
const streams = load(`${generated}/streams_pb.js`) as typeof Streams;
const shared = load(`${generated}/shared_pb.js`) as typeof Shared;

type ResponseStream = ReturnType<StreamsClient['read']>;

/** What of the client is used that its types keep for itself and its subclasses. */
export interface Openable {
  GRPCStreamCreator(
    client: typeof StreamsClient,
    name: string,
    open: (client: StreamsClient) => ResponseStream,
  ): () => Promise<ResponseStream>;
  /** Metadata and options of a call: passed on as they are. */
  callArguments(base: object, options: object): [never, never];
  getChannel(): Promise<{ close(): void }>;
}

export interface FilteredRead {
  readonly events: AsyncIterable<StoredEvent>;
  cancel(): void;
}

/** From the beginning to where $all ends when the server gets there. */
export async function filteredRead(client: EventStoreDBClient, prefixes: readonly string[]): Promise<FilteredRead> {
  const request = requestFor(prefixes);
  const inner = client as unknown as Openable;
  const stream = await inner.GRPCStreamCreator(grpc.StreamsClient, 'readAllFiltered', (streamsClient) =>
    streamsClient.read(request, ...inner.callArguments({}, { deadline: Infinity })),
  )();
  return { events: eventsOf(stream), cancel: () => stream.cancel() };
}

function requestFor(prefixes: readonly string[]): ReadReq {
  const { Options } = streams.ReadReq;
  const expression = new Options.FilterOptions.Expression();
  expression.setPrefixList([...prefixes]);
  const filter = new Options.FilterOptions();
  filter.setStreamIdentifier(expression);
  filter.setCount(new shared.Empty());
  filter.setCheckpointintervalmultiplier(1);
  const all = new Options.AllOptions();
  all.setStart(new shared.Empty());
  const uuid = new Options.UUIDOption();
  uuid.setString(new shared.Empty());
  const options = new Options();
  options.setAll(all);
  options.setReadDirection(Options.ReadDirection.FORWARDS);
  options.setResolveLinks(false);
  options.setCount(String(Number.MAX_SAFE_INTEGER));
  options.setFilter(filter);
  options.setUuidOption(uuid);
  const request = new streams.ReadReq();
  request.setOptions(options);
  return request;
}

async function* eventsOf(stream: AsyncIterable<ReadResp>): AsyncGenerator<StoredEvent> {
  for await (const response of stream) {
    const recorded = response.getEvent()?.getEvent();
    if (recorded !== undefined) yield convert(recorded);
  }
}

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

function convert(recorded: ReadResp.ReadEvent.RecordedEvent): StoredEvent {
  const entries = recorded.getMetadataMap();
  const isJson = entries.get('content-type') === 'application/json';
  const data = recorded.getData_asU8();
  return {
    stream: utf8(required(recorded.getStreamIdentifier(), 'an event is in a stream').getStreamName_asU8()),
    revision: BigInt(recorded.getStreamRevision()),
    type: required(entries.get('type'), 'an event has a type'),
    data: isJson ? parseJson(data) : data,
    metadata: parseJson(recorded.getCustomMetadata_asU8()),
  };
}

/** Streams that others wrote may hold anything: `null` for what is not JSON. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8(bytes));
  } catch {
    return null;
  }
}
