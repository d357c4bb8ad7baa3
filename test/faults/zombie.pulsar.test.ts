/** Paused and overtaken, on Pulsar. */
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { onPulsar } from './onPulsar.ts';
import { zombieSuite } from './zombies.ts';

describePulsar('on Pulsar', () => zombieSuite(() => onPulsar(pulsarBroker())));
