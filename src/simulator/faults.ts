/** Faults of the Bridge, switched on and off while it serves. */
import type { status } from '@grpc/grpc-js';
import { compose, type Garble } from './garbage.ts';
import { uniform } from './random.ts';

export type Method = 'GetRateLimitPolicies' | 'GetRateLimitPolicy';

/**
 * - `status`: fails with a gRPC status code before DICT is reached; nothing is charged.
 * - `slow`: DICT answers and charges at once, the answer takes `delayMs` (real time) to travel.
 * - `hung`: never answers, charges nothing.
 * - `garbage`: answers, and charges, but not as it should.
 */
export type Fault =
  | { readonly kind: 'status'; readonly code: status; readonly details?: string }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'hung' }
  | { readonly kind: 'garbage'; readonly garble: Garble };

/** Which calls are hit: every one, the next `times`, or each with `probability`. */
export type When = 'always' | { readonly times: number } | { readonly probability: number };

/** Narrows a fault to a method or a participant. */
export interface Scope {
  readonly method?: Method;
  readonly participant?: string;
}

/** What the faults in force do to one call. */
export interface FaultEffects {
  readonly failure: { readonly code: status; readonly details: string } | null;
  readonly hung: boolean;
  /** Sum over the faults that hit. */
  readonly delayMs: number;
  readonly garble: Garble | null;
}

interface ActiveFault {
  readonly fault: Fault;
  readonly scope: Scope;
  readonly probability: number;
  left: number;
}

const UNHARMED: FaultEffects = { failure: null, hung: false, delayMs: 0, garble: null };

/** Faults are looked at in the order added: the first failure counts, delays add up, garbage composes. */
export class Faults {
  readonly #seed: number;
  readonly #rules = new Set<ActiveFault>();
  #draws = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Puts a fault in force. Returns how to lift it; it also ends by itself after `times` calls. */
  add(fault: Fault, when: When = 'always', scope: Scope = {}): () => void {
    const rule: ActiveFault = {
      fault,
      scope,
      probability: typeof when === 'object' && 'probability' in when ? when.probability : 1,
      left: typeof when === 'object' && 'times' in when ? when.times : Number.POSITIVE_INFINITY,
    };
    if (rule.left > 0) this.#rules.add(rule);
    return () => {
      this.#rules.delete(rule);
    };
  }

  /** Lifts every fault. */
  clear(): void {
    this.#rules.clear();
  }

  /** Faults in force. */
  get size(): number {
    return this.#rules.size;
  }

  /** What happens to one call; uses up the faults that hit it. */
  draw(method: Method, participant: string): FaultEffects {
    if (this.#rules.size === 0) return UNHARMED;
    const hits = [...this.#rules].filter((rule) => this.#hits(rule, method, participant));
    return hits.length === 0 ? UNHARMED : effectsOf(hits.map((rule) => rule.fault));
  }

  #hits(rule: ActiveFault, method: Method, participant: string): boolean {
    if ((rule.scope.method ?? method) !== method) return false;
    if ((rule.scope.participant ?? participant) !== participant) return false;
    if (rule.probability < 1 && uniform(this.#seed, this.#draws++) >= rule.probability) return false;
    rule.left -= 1;
    if (rule.left <= 0) this.#rules.delete(rule);
    return true;
  }
}

function effectsOf(faults: readonly Fault[]): FaultEffects {
  let failure: FaultEffects['failure'] = null;
  let hung = false;
  let delayMs = 0;
  const garbles: Garble[] = [];
  for (const fault of faults) {
    switch (fault.kind) {
      case 'status':
        failure ??= { code: fault.code, details: fault.details ?? 'injected fault' };
        break;
      case 'slow':
        delayMs += fault.delayMs;
        break;
      case 'hung':
        hung = true;
        break;
      case 'garbage':
        garbles.push(fault.garble);
        break;
    }
  }
  return { failure, hung, delayMs, garble: garbles.length === 0 ? null : compose(...garbles) };
}
