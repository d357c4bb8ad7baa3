/** What spans say of messages, by OpenTelemetry's conventions for messaging. */
import type { Attributes } from '@opentelemetry/api';
import type { EventLog } from './eventLog.ts';

/** `create`: a message is decided, and sent later. `process`: a batch is brought to its commit. */
type Operation = 'create' | 'send' | 'process';

export const messagingAttributes = (
  operation: Operation,
  { system }: Partial<Pick<EventLog, 'system'>>,
  topic: string,
): Attributes => ({
  'messaging.system': system,
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
  'messaging.destination.name': topic,
});
