/**
 * Forms of the log's lines for those who collect them: the names that Elastic's Common Schema and OpenTelemetry's data
 * model of logs have for what every line says. What else it says is Balde's, and stands apart from them.
 */
import type { LogFormat } from '../config/schema.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A line as it is written without any of them. */
interface Line extends Fields {
  readonly time?: string;
  readonly level?: string;
  readonly msg?: string;
  readonly trace_id?: string;
  readonly span_id?: string;
}

const ECS_VERSION = '8.11.0';

/** The lowest number of each range of OpenTelemetry's severities. */
const SEVERITIES: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

function ecs({ time, level, msg, trace_id: traceId, span_id: spanId, ...others }: Line): Fields {
  const { error, fields } = errorOf(others);
  return {
    '@timestamp': time,
    'log.level': level,
    message: msg,
    'ecs.version': ECS_VERSION,
    'trace.id': traceId,
    'span.id': spanId,
    'error.type': error?.type,
    'error.message': error?.message,
    'error.stack_trace': error?.stack,
    balde: isEmpty(fields) ? undefined : fields,
  };
}

function otel({ time, level = '', msg, trace_id, span_id, ...others }: Line): Fields {
  const { error, fields } = errorOf(others);
  const attributes = {
    'exception.type': error?.type,
    'exception.message': error?.message,
    'exception.stacktrace': error?.stack,
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`balde.${name}`, value])),
  };
  return {
    timestamp: time,
    severity_text: level.toUpperCase(),
    severity_number: SEVERITIES[level],
    body: msg,
    trace_id,
    span_id,
    attributes,
  };
}

interface LoggedError {
  readonly type?: unknown;
  readonly message?: unknown;
  readonly stack?: unknown;
}

/** A line names its error `err` or `error`: whole, or by its message alone. Of two, one stays among the fields. */
function errorOf({ err, error, ...fields }: Fields): { error: LoggedError | null; fields: Fields } {
  const [first, second] = [err, error].filter((one) => one !== undefined);
  const rest = second === undefined ? fields : { ...fields, error: second };
  if (first === undefined || first === null) return { error: null, fields: rest };
  if (typeof first !== 'object') return { error: { message: first }, fields: rest };
  // What an error has beside these three, such as its code, is worth keeping.
  const { type, message, stack, ...more } = first as LoggedError & Fields;
  return { error: { type, message, stack }, fields: isEmpty(more) ? rest : { ...rest, error_details: more } };
}

const isEmpty = (fields: Fields): boolean => Object.keys(fields).length === 0;

const FORMS: Readonly<Record<LogFormat, ((line: Line) => Fields) | null>> = { pino: null, ecs, otel };

/** A line of JSON in another form, its end included. */
export const inForm = (format: LogFormat, line: string): string =>
  FORMS[format] === null ? line : `${lineOf(format, JSON.parse(line) as Line)}\n`;

/** A line that no logger makes. */
export const lineOf = (format: LogFormat, line: Line): string => JSON.stringify(FORMS[format]?.(line) ?? line);
