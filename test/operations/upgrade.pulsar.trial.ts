/** Readers, deciders and poller, as deploy/kubernetes/overlays/pulsar groups them and docs/pulsar.md orders them. */
import { onPulsar } from '../faults/onPulsar.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { upgrades } from './upgrades.ts';

const readers = ['states', 'alerts'];

describePulsar('an upgrade on Pulsar', () => {
  upgrades(
    () => onPulsar(pulsarBroker()),
    [
      { before: readers, now: [...readers, 'forecasts', 'rollups', 'outcomes'] },
      { before: ['alerting', 'relay'], now: ['alerting', 'relay'] },
      { before: ['poller'], now: ['poller'] },
    ],
  );
});
