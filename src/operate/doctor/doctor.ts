/** All checks that can be made from here, in the order in which they are told. */
import { inspectConfig, NO_PARTICIPANT } from '../../config/config.ts';
import type { Config, Inspection, Overrides } from '../../config/config.ts';
import { SIMULATED_DEFAULTS } from '../../config/simulated.ts';
import { checkBridge } from './bridgeChecks.ts';
import { checkOwner } from './ownerCheck.ts';
import { checkPulsar } from './pulsarChecks.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import { checkSchedule } from './schedule.ts';
import { findSource, sourceFindings } from './source.ts';
import { checkStorage } from './storageChecks.ts';
import type { StorageFindings } from './storageChecks.ts';

/** Where the configuration and the data are, if a command line says so. */
type Places = Pick<Overrides, 'configFile' | 'dataDir'>;

/** A call to each Bridge costs one token of POLICIES_LIST, as a poll does. */
export async function examine(places: Places, signal: AbortSignal): Promise<Finding[]> {
  const inspection = inspectConfig(process.env, { ...places, serving: true });
  const target = databaseOf(inspection, places);
  // Kept open meanwhile: an embedded server is started once.
  const { source, close } = await findSource(target);
  try {
    const isSimulated = source === 'simulator' && inspection.problems.includes(NO_PARTICIPANT);
    if (!isSimulated)
      return [...(await examineAll(inspection, target, signal)), ...sourceFindings(source, inspection.config)];
    const simulated = asSimulated(places);
    return await examineAll(simulated, databaseOf(simulated, places), signal, true);
  } finally {
    await close();
  }
}

/** As `balde start --simulate` would have it: it polls nobody else, and uses no other log than its own. */
function asSimulated(places: Places): Inspection {
  const inspection = inspectConfig(process.env, {
    ...places,
    withoutParticipants: true,
    serving: true,
    defaults: SIMULATED_DEFAULTS,
  });
  return { ...inspection, config: { ...inspection.config, pulsar: null } };
}

async function examineAll(
  inspection: Inspection,
  target: Config | null,
  signal: AbortSignal,
  isSimulated = false,
): Promise<Finding[]> {
  const { config } = inspection;
  const [storage, pulsar, owner, ...bridges] = await Promise.all([
    target === null ? NOT_CHECKED : checkStorage(target, isSimulated),
    config.pulsar === null ? [] : checkPulsar(config.pulsar, config.retentionMonths),
    target === null ? [] : checkOwner(target),
    ...config.participants.map(async (entry) => await checkBridge(entry, signal)),
  ]);
  const answered = bridges.flatMap(({ policies }) => policies);
  return [
    configurationFinding(inspection, isSimulated),
    ...inspection.warnings.map((warning) => warn('configuration', warning, 'Correct it, or unset the variable.')),
    ...storage.findings,
    ...pulsar,
    ...owner,
    ...bridges.flatMap(({ findings }) => findings),
    ...checkSchedule({
      schedule: config.poll.schedule,
      staleAfterMs: config.staleAfterMs,
      warningPercent: config.rules.warningPercent,
      policies: answered.length > 0 ? answered : storage.policies,
      now: Date.now(),
    }),
  ];
}

/** A database named wrongly is not replaced by the default one: checking another says nothing. */
function databaseOf({ config, databaseKnown }: Inspection, { dataDir }: Places): Config | null {
  if (dataDir !== undefined) return { ...config, databaseUrl: null };
  return databaseKnown ? config : null;
}

const NOT_CHECKED: StorageFindings = {
  findings: [warn('database', 'not checked: the configuration does not say which', 'Correct the configuration.')],
  policies: [],
};

function configurationFinding({ problems, config: { participants } }: Inspection, isSimulated: boolean): Finding {
  if (problems.length > 0) return fail('configuration', problems.join('\n'), 'Correct what is listed.');
  if (isSimulated)
    return ok(
      'configuration',
      'valid; the observations here are those of the simulator (start --simulate, demo): no participant and no Bridge are needed, and none was checked',
    );
  return ok('configuration', `valid; polls ${participants.map((p) => p.participant).join(', ')}`);
}
