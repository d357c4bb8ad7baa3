/** Two processes with all roles, as deploy/kubernetes/overlays/embedded-log runs them. */
import { describe } from 'vitest';
import { EMBEDDED } from '../faults/backend.ts';
import { ALL_ROLES } from '../faults/world.ts';
import { upgrades } from './upgrades.ts';

const everything = { before: ['poller', 'states', 'alerting', 'alerts', 'relay'], now: ALL_ROLES };

describe('an upgrade on the embedded log', () => {
  upgrades(() => EMBEDDED, [everything, everything]);
});
