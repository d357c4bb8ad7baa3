/** Killed and started again, told to stop: on Pulsar. */
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { onPulsar } from './onPulsar.ts';
import { restartSuite } from './restarts.ts';

describePulsar('on Pulsar', () => restartSuite(() => onPulsar(pulsarBroker())));
