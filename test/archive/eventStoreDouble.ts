/**
 * Stands in for EventStoreDB where no server can be had: a gRPC server that serves the service definitions which the
 * client ships (Append and Read of the streams) with the client's own message classes. Of the documented behaviour it
 * keeps: expected revisions, idempotent appends (the same ids at the same place succeed and change nothing), reading a
 * stream in both directions, and reading $all forwards with a filter of stream prefixes.
 */
import { createRequire } from 'node:module';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type {
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall,
  sendUnaryData,
} from '@grpc/grpc-js';
import type * as Shared from '@eventstore/db-client/generated/shared_pb.js';
import type * as Streams from '@eventstore/db-client/generated/streams_pb.js';
import type * as StreamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';

const load = createRequire(import.meta.url);
const generated = '@eventstore/db-client/generated';
const streams = load(`${generated}/streams_pb.js`) as typeof Streams;
const { StreamsService } = load(`${generated}/streams_grpc_pb.js`) as typeof StreamsGrpc;
const shared = load(`${generated}/shared_pb.js`) as typeof Shared;

export interface DoubleEvent {
  readonly stream: string;
  readonly id: string;
  type: string;
  contentType: string;
  data: Uint8Array;
  metadata: Uint8Array;
}

type Proposed = Streams.AppendReq.ProposedMessage;
/** −1: no stream; `null`: any. */
type Expected = number | null;
type Outcome = { readonly ok: true; readonly revision: number } | { readonly ok: false; readonly current: number };

const nameOf = (identifier: Shared.StreamIdentifier | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

export class EventStoreDouble {
  /** In the order of $all. */
  events: DoubleEvent[] = [];
  /** Appends, and how many of them were repetitions. */
  readonly counts = { appends: 0, repeated: 0, conflicts: 0 };
  /** Called before each append, with its stream. */
  onAppend: (stream: string) => void = () => undefined;
  /** That many of the next appends are stored and not answered: the connection breaks instead. */
  loseAnswers = 0;
  #server: Server | null = null;
  #port = 0;
  get url(): string {
    return `esdb://127.0.0.1:${this.#port}?tls=false`;
  }

  /** Listens where it listened before, if it did. */
  async start(): Promise<this> {
    const server = new Server();
    server.addService(StreamsService, {
      append: this.#append as UntypedHandleCall,
      batchAppend: unimplemented,
      read: this.#read as UntypedHandleCall,
      delete: unimplemented,
      tombstone: unimplemented,
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    this.#server = server;
    return this;
  }

  stop(): void {
    this.#server?.forceShutdown();
    this.#server = null;
  }

  stream(name: string): DoubleEvent[] {
    return this.events.filter(({ stream }) => stream === name);
  }

  #store(stream: string, proposed: readonly Proposed[], expected: Expected): Outcome {
    this.onAppend(stream);
    const there = this.stream(stream);
    const current = there.length - 1;
    const at = expected ?? current;
    if (at > current) return this.#conflict(current);
    const ids = proposed.map((event) => event.getId()?.getString() ?? '');
    if (at < current) {
      const same = ids.every((id, i) => there[at + 1 + i]?.id === id);
      if (!same) return this.#conflict(current);
      this.counts.repeated += 1;
      return { ok: true, revision: at + ids.length };
    }
    this.counts.appends += 1;
    for (const [i, event] of proposed.entries()) {
      this.events.push({
        stream,
        id: ids[i] ?? '',
        type: event.getMetadataMap().get('type') ?? '',
        contentType: event.getMetadataMap().get('content-type') ?? '',
        data: event.getData_asU8(),
        metadata: event.getCustomMetadata_asU8(),
      });
    }
    return { ok: true, revision: current + proposed.length };
  }

  #conflict(current: number): Outcome {
    this.counts.conflicts += 1;
    return { ok: false, current };
  }

  readonly #append = (
    call: ServerReadableStream<Streams.AppendReq, Streams.AppendResp>,
    answer: sendUnaryData<Streams.AppendResp>,
  ): void => {
    let options: Streams.AppendReq.Options | undefined;
    const proposed: Streams.AppendReq.ProposedMessage[] = [];
    call.on('data', (request: Streams.AppendReq) => {
      const message = request.getProposedMessage();
      if (request.hasOptions()) options = request.getOptions();
      else if (message !== undefined) proposed.push(message);
    });
    call.on('end', () => {
      if (options === undefined) return;
      const expected = options.hasAny() ? null : options.hasNoStream() ? -1 : Number(options.getRevision());
      const outcome = this.#store(nameOf(options.getStreamIdentifier()), proposed, expected);
      if (this.#losesAnswer()) answer({ code: status.UNAVAILABLE, details: 'the connection broke' });
      else answer(null, appendAnswer(outcome, expected));
    });
    call.on('error', () => undefined);
  };

  #losesAnswer(): boolean {
    if (this.loseAnswers === 0) return false;
    this.loseAnswers -= 1;
    return true;
  }

  readonly #read = (call: ServerWritableStream<Streams.ReadReq, Streams.ReadResp>): void => {
    const options = call.request.getOptions();
    if (options === undefined) return;
    const found = options.hasStream() ? this.#ofStream(options) : this.#ofAll(options);
    if (found === null) {
      const missing = new streams.ReadResp.StreamNotFound();
      missing.setStreamIdentifier(options.getStream()?.getStreamIdentifier());
      const response = new streams.ReadResp();
      response.setStreamNotFound(missing);
      call.write(response);
    } else {
      for (const event of found.slice(0, Number(options.getCount()))) call.write(this.#response(event));
    }
    call.end();
  };

  #ofStream(options: Streams.ReadReq.Options): DoubleEvent[] | null {
    const from = options.getStream();
    const there = this.stream(nameOf(from?.getStreamIdentifier()));
    if (there.length === 0 || from === undefined) return null;
    const isBackwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    if (!isBackwards) return from.hasRevision() ? there.slice(Number(from.getRevision())) : there;
    return (from.hasRevision() ? there.slice(0, Number(from.getRevision()) + 1) : there).reverse();
  }

  #ofAll(options: Streams.ReadReq.Options): DoubleEvent[] {
    const prefixes = options.getFilter()?.getStreamIdentifier()?.getPrefixList();
    if (prefixes === undefined) return this.events;
    return this.events.filter(({ stream }) => prefixes.some((prefix) => stream.startsWith(prefix)));
  }

  #response(event: DoubleEvent): Streams.ReadResp {
    const at = String(this.events.indexOf(event) * 100);
    const id = new shared.UUID();
    id.setString(event.id);
    const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
    recorded.setId(id);
    recorded.setStreamIdentifier(identifier(event.stream));
    recorded.setStreamRevision(String(this.stream(event.stream).indexOf(event)));
    recorded.setCommitPosition(at);
    recorded.setPreparePosition(at);
    recorded.getMetadataMap().set('type', event.type).set('content-type', event.contentType).set('created', '0');
    recorded.setData(event.data);
    recorded.setCustomMetadata(event.metadata);
    const read = new streams.ReadResp.ReadEvent();
    read.setEvent(recorded);
    read.setCommitPosition(at);
    const response = new streams.ReadResp();
    response.setEvent(read);
    return response;
  }
}

const unimplemented = (_call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void =>
  answer({ code: status.UNIMPLEMENTED, details: 'not in the double' });

function identifier(name: string): Shared.StreamIdentifier {
  const made = new shared.StreamIdentifier();
  made.setStreamName(Uint8Array.from(Buffer.from(name, 'utf8')));
  return made;
}

function appendAnswer(outcome: Outcome, expected: Expected): Streams.AppendResp {
  const answer = new streams.AppendResp();
  if (outcome.ok) {
    const success = new streams.AppendResp.Success();
    success.setCurrentRevision(String(outcome.revision));
    success.setNoPosition(new shared.Empty());
    answer.setSuccess(success);
    return answer;
  }
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (outcome.current < 0) wrong.setCurrentNoStream(new shared.Empty());
  else wrong.setCurrentRevision(String(outcome.current));
  if (expected === null || expected < 0) wrong.setExpectedNoStream(new shared.Empty());
  else wrong.setExpectedRevision(String(expected));
  answer.setWrongExpectedVersion(wrong);
  return answer;
}
