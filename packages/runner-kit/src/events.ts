import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { RunnerError } from './error.js';
import type { Secrets } from './secrets.js';
import { systemErrorCode } from './system-error.js';

export type EventValue =
  | string
  | number
  | boolean
  | null
  | readonly (string | number)[]
  | Readonly<Record<string, number>>;

/** One event of docs/schemas/event.schema.json, without what the log adds (`action`, `at`, `durationMs`). */
export interface EventFields {
  /** Kebab-case name of the stage, such as `sign`. */
  readonly stage: string;
  /** Kebab-case name of what happened, such as `certificate-issued`. */
  readonly event: string;
  /** Duration of what happened in milliseconds; without it, the time since the action started. */
  readonly durationMs?: number;
  readonly [field: string]: EventValue | undefined;
}

export interface EventLog {
  /** Appends one JSON line. @throws {RunnerError} `EVENT_INVALID` for a name that the schema refuses */
  emit(fields: EventFields): void;
  /** The file, once an event was written. */
  readonly path: string | undefined;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const FIELD = /^[a-z][A-Za-z0-9]*$/;
const RESERVED = new Set(['action', 'at']);

export class JsonLinesEvents implements EventLog {
  readonly #action: string;
  readonly #temp: () => string;
  readonly #secrets: Secrets;
  // Not performance.now(): Node loads a dozen modules for the first call of it.
  readonly #started = process.hrtime.bigint();
  #path: string | undefined;

  constructor(action: string, temp: () => string, secrets: Secrets) {
    this.#action = action;
    this.#temp = temp;
    this.#secrets = secrets;
  }

  get path(): string | undefined {
    return this.#path;
  }

  emit(fields: EventFields): void {
    assertFields(fields);
    const { stage, event, durationMs, ...rest } = fields;
    const line = {
      stage,
      event,
      action: this.#action,
      at: new Date().toISOString(),
      durationMs: Math.round(durationMs ?? Number(process.hrtime.bigint() - this.#started) / 1e6),
      ...rest,
    };
    this.#path ??= createFile(join(this.#temp(), 'paved', 'events'), this.#action);
    appendFileSync(this.#path, `${this.#secrets.redact(JSON.stringify(line))}\n`);
  }
}

function assertFields(fields: EventFields): void {
  if (!NAME.test(fields.stage) || !NAME.test(fields.event)) {
    throw new RunnerError('EVENT_INVALID', 'Cannot write an event: stage and event are not kebab-case names');
  }
  for (const name of Object.keys(fields)) {
    if (!FIELD.test(name) || RESERVED.has(name)) {
      throw new RunnerError('EVENT_INVALID', 'Cannot write an event: a field is not a camelCase name of its own');
    }
  }
}

/** The first number that is free: an action that runs twice in a job has two files. */
function createFile(folder: string, action: string): string {
  mkdirSync(folder, { recursive: true });
  for (let number = 1; ; number++) {
    const path = join(folder, `${action}-${number}.jsonl`);
    try {
      closeSync(openSync(path, 'wx', 0o600));
      return path;
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  }
}
