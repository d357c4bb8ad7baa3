/** Checks of one participant's Bridge: one call, what it says, and whose clock it shows. */
import { randomUUID } from 'node:crypto';
import type { ParticipantConfig } from '../../config/config.ts';
import { LIST_POLICY } from '../../domain/catalog.ts';
import { checkAnswer } from '../../domain/validation.ts';
import type { PoliciesAnswer } from '../../domain/validation.ts';
import { createBridgeClient } from '../../poll/bridgeClient.ts';
import { BridgeError } from '../../poll/bridgeError.ts';
import type { BridgeStatus } from '../../poll/bridgeError.ts';
import { bridgeProxy } from '../../poll/proxy.ts';
import { visible } from '../../visible.ts';
import { clockFinding } from './clock.ts';
import { fail, ok, warn } from './finding.ts';
import { messageOf } from '../../errors.ts';
import type { Finding } from './finding.ts';
import { probe } from './probe.ts';
import type { Explanation } from './probe.ts';
import type { KnownPolicy } from './storageChecks.ts';

export interface BridgeFindings {
  readonly findings: readonly Finding[];
  readonly policies: readonly KnownPolicy[];
}

const DEADLINE_MS = 10_000;

/** Costs one token of POLICIES_LIST, as a poll does. */
export async function checkBridge(entry: ParticipantConfig, signal: AbortSignal): Promise<BridgeFindings> {
  const check = `Bridge of ${entry.participant}`;
  const asked = Date.now();
  let answer: PoliciesAnswer;
  try {
    answer = await askOnce(entry, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { findings: [await explain(check, entry, error)], policies: [] };
  }
  return judge(check, entry.participant, answer, asked, Date.now());
}

async function askOnce(entry: ParticipantConfig, signal: AbortSignal): Promise<PoliciesAnswer> {
  const client = createBridgeClient({ ...entry.bridge, participant: entry.participant });
  try {
    const correlationId = randomUUID().replaceAll('-', '');
    return await client.listPolicies({ correlationId, deadlineMs: DEADLINE_MS, signal });
  } finally {
    client.close();
  }
}

function judge(
  check: string,
  participant: string,
  answer: PoliciesAnswer,
  asked: number,
  answered: number,
): BridgeFindings {
  const clock =
    answer.responseTime === null
      ? []
      : [clockFinding(`DICT clock, ${participant}`, answer.responseTime, asked, answered)];
  const poll = { participant, pollId: randomUUID(), correlationId: null, observedAt: answered };
  const checked = checkAnswer(answer, poll);
  if (!checked.ok) {
    const remedy = 'Every poll would be refused for this: take it up with whoever runs the Bridge.';
    return { findings: [fail(check, checked.detail, remedy), ...clock], policies: [] };
  }
  const { observations, rejected } = checked;
  const proxy = bridgeProxy();
  const way = proxy === null ? '' : ` through the proxy ${proxy} of grpc_proxy`;
  const detail = `answered ${observations.length} policies, category ${visible(answer.category ?? 'unknown', 20)}, in ${answered - asked} ms${way}; cost one token of ${LIST_POLICY}`;
  const names = rejected.map(
    ({ reading, reason }) => `${reading.name === '' ? '(no name)' : visible(reading.name, 100)} (${reason})`,
  );
  const notBelieved = `${detail}; not believed: ${names.join(', ')}`;
  const remedy = 'Take it up with whoever runs the Bridge.';
  const judged = observations.length === 0 ? fail : warn;
  const answering = rejected.length === 0 ? ok(check, detail) : judged(check, notBelieved, remedy);
  const policies = observations.map(({ policy, capacity, refillTokens, refillPeriodSec }) => ({
    ...{ participant, name: policy, capacity, refillTokens, refillPeriodSec },
  }));
  return { findings: [answering, ...clock], policies };
}

/** Statuses that say by themselves what to do. */
const REMEDIES: Readonly<Partial<Record<BridgeStatus, string>>> = {
  UNAUTHENTICATED:
    'The Bridge does not know who calls: check the client certificate it expects (BRIDGE_TLS_CERT_FILE, BRIDGE_TLS_KEY_FILE).',
  PERMISSION_DENIED:
    'The Bridge knows the caller but refuses this participant: check PARTICIPANT, and that it is enabled there.',
  RESOURCE_EXHAUSTED: `The bucket ${LIST_POLICY} is empty: someone polls too often with this ISPB. It refills one token per 10 s.`,
  DEADLINE_EXCEEDED: `No answer within ${DEADLINE_MS / 1000} s: check the load of the Bridge, and its way to DICT.`,
  UNAVAILABLE:
    'The port is open, yet no gRPC is spoken as configured: a Bridge that wants TLS needs BRIDGE_TLS=true or its files, one that does not must go without.',
  UNIMPLEMENTED: 'Another service answers at this address: check host and port.',
};

/** What lies behind a proxy can't be looked at from here. */
async function throughProxy(proxy: string): Promise<Explanation> {
  const found = await probe(proxy, null);
  return {
    what: `through the proxy ${proxy} of grpc_proxy${found === null ? '' : `, which does not answer: ${found.what}`}`,
    remedy:
      found === null
        ? 'The proxy answers: check that it lets CONNECT through to this address, or exempt the host in no_grpc_proxy.'
        : 'Check grpc_proxy; unset it, or exempt the host in no_grpc_proxy, if the Bridge is reached directly.',
  };
}

async function explain(check: string, { bridge }: ParticipantConfig, error: unknown): Promise<Finding> {
  if (!(error instanceof BridgeError)) {
    return fail(check, messageOf(error), 'Check the TLS files of this participant.');
  }
  const detail = `${bridge.address}: ${error.message}`;
  if (error.code === 'RESOURCE_EXHAUSTED') return warn(check, detail, REMEDIES.RESOURCE_EXHAUSTED ?? '');
  if (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED') {
    const proxy = bridgeProxy();
    const found = proxy === null ? await probe(bridge.address, bridge.tls) : await throughProxy(proxy);
    if (found !== null) return fail(check, `${detail} (${found.what})`, found.remedy);
  }
  return fail(check, detail, REMEDIES[error.code] ?? 'See the log of the Bridge for this call.');
}
