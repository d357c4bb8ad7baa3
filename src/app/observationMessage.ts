/** An event of topic `policy-states` as the message that it travels in. */
import { encodeObservation, propertiesOf } from '../codec/observation.ts';
import { bucketKey } from '../domain/events.ts';
import type { PolicyStateEvent } from '../domain/events.ts';
import type { OutgoingMessage } from '../log/eventLog.ts';

export function toMessage(observation: PolicyStateEvent, sequenceId: number): OutgoingMessage {
  return {
    key: bucketKey(observation),
    payload: encodeObservation(observation),
    properties: propertiesOf(observation),
    eventTime: observation.responseTime,
    sequenceId,
  };
}
