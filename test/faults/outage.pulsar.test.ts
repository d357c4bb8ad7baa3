/** A Bridge that is away for hours, on Pulsar. */
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { onPulsar } from './onPulsar.ts';
import { outageSuite } from './outages.ts';

describePulsar('on Pulsar', () => outageSuite(() => onPulsar(pulsarBroker())));
