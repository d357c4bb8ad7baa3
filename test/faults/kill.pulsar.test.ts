/** Kills, on Pulsar. The broker lives: see pulsarFaults.test.ts for when it does not. */
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { killSuite } from './kills.ts';
import { onPulsar } from './onPulsar.ts';

describePulsar('on Pulsar', () =>
  killSuite({ backend: () => onPulsar(pulsarBroker()), kills: { short: 12, campaign: 100 } }),
);
