/** What `balde start` tells a person while it runs. */
import { scheduleText } from '../../operate/doctor/schedule.ts';
import type { Config } from '../../config/config.ts';
import type { AlertEvent } from '../../domain/events.ts';
import type { Role } from '../../config/roles.ts';
import type { Storage } from '../../app/storage.ts';
import { bridgeProxy } from '../../poll/proxy.ts';
import { tellLine } from '../print.ts';

type Print = (line: string) => void;

/** What is told of standing by within so long makes one line. Milliseconds. */
const GATHER_MS = 2_000;

export function announce(
  config: Config,
  storage: Storage,
  roles: readonly Role[],
  isSimulated: boolean,
  print: Print,
): void {
  const when = scheduleText(config.poll.schedule);
  print('Balde starts. Ctrl-C stops it.');
  print(`  roles      ${roles.join(', ')}`);
  print(`  database   ${storage.description}`);
  print(`  event log  ${storage.logDescription}`);
  const proxy = bridgeProxy();
  if (proxy !== null && roles.includes('poller') && !isSimulated)
    print(`  proxy      Bridges are reached through ${proxy}, because grpc_proxy is set`);
  for (const { participant, bridge } of roles.includes('poller') ? config.participants : []) {
    const kind = isSimulated ? ' (simulator)' : '';
    print(`  polling    participant ${participant} at ${bridge.address}${kind}, ${when}`);
  }
}

/** One line for all that is told within a moment: a second start learns it at once. */
export function tellStandby(): (who: string) => void {
  const told = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  const print = (): void => {
    timer = null;
    tellLine(
      `standing by: ${[...told].join(', ')}: another process does this now. It is taken over here within seconds of that one's end.`,
    );
  };
  return (who) => {
    if (told.has(who)) return;
    told.add(who);
    timer ??= setTimeout(print, GATHER_MS).unref();
  };
}

/** It is asked every second: what is said again says nothing new. */
export function tellOnce(tell: (message: string) => void): (error: Error) => void {
  let last = '';
  return ({ message }) => {
    if (message !== last) tell(message);
    last = message;
  };
}

/** Says once for each participant that polling works; after that only alerts are worth a line. */
export function tellFirstPoll(print: Print): (participant: string, observations: number) => void {
  const told = new Set<string>();
  return (participant, observations) => {
    if (told.has(participant)) return;
    told.add(participant);
    print(`polled ${participant}: ${observations} policies. Alerts follow here; "balde status" shows the rest.`);
  };
}

const SIGNS: Readonly<Record<AlertEvent['type'], string>> = {
  AlertRaised: 'RAISED  ',
  AlertResolved: 'RESOLVED',
  CategoryChanged: 'CATEGORY',
  ForecastRaised: 'FORECAST',
  ForecastResolved: 'OVER    ',
  CallAlertRaised: 'CALLS   ',
  CallAlertResolved: 'OVER    ',
};

export const alertEventText = (event: AlertEvent): string =>
  `${new Date(event.timestamp).toISOString()}  ${SIGNS[event.type]}  ${event.message}`;
