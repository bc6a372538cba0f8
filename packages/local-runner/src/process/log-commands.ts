import type { Annotation } from '../result.js';
import type { Masker } from './masker.js';

const COMMAND = /^\s*::([a-z-]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$/s;
const MAX_ANNOTATIONS_PER_LEVEL = 10;
const MAX_ANNOTATION_LENGTH = 4096;
const MAX_LOG_LENGTH = 8 * 1024 * 1024;
const LEVELS = new Set(['error', 'warning', 'notice']);
const IGNORED = new Set(['debug', 'echo', 'add-matcher', 'remove-matcher']);
/** Commands that the service has switched off, because a line of untrusted output could change later steps. */
const DISABLED = new Set(['set-env', 'add-path']);

/** Reads what a step prints: workflow commands take effect, all the rest becomes the log. */
export class LogReader {
  readonly annotations: Annotation[] = [];
  readonly outputs = new Map<string, string>();
  readonly state = new Map<string, string>();
  /** Set by a disabled command; fails the step. */
  failure: string | undefined;
  readonly #masker: Masker;
  #lines: string[] = [];
  #length = 0;
  #stopToken: string | undefined;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  line(text: string): void {
    const command = COMMAND.exec(text);
    if (this.#stopToken !== undefined) {
      if (text.trim() === `::${this.#stopToken}::`) this.#stopToken = undefined;
      else this.#append(text);
      return;
    }
    if (command === null) this.#append(text);
    else this.#command(command[1] ?? '', properties(command[2] ?? ''), unescapeData(command[3] ?? ''), text);
  }

  /** An annotation of the runner itself. */
  annotate(level: Annotation['level'], message: string, place: Partial<Annotation> = {}): void {
    this.#append(`##[${level}]${message}`);
    if (this.annotations.filter((item) => item.level === level).length >= MAX_ANNOTATIONS_PER_LEVEL) return;
    this.annotations.push({ ...place, level, message: this.#masker.mask(message).slice(0, MAX_ANNOTATION_LENGTH) });
  }

  /** Masked again as a whole, because a secret may have been registered after it was printed. */
  text(): string {
    return this.#masker.mask(this.#lines.join('\n'));
  }

  #command(name: string, values: ReadonlyMap<string, string>, data: string, text: string): void {
    if (LEVELS.has(name)) {
      this.annotate(name as Annotation['level'], data, place(values));
    } else if (DISABLED.has(name)) {
      this.failure = `The \`${name}\` command is disabled. Use environment files instead`;
    } else if (name === 'add-mask') {
      this.#masker.add(data);
    } else if (name === 'stop-commands') {
      this.#stopToken = data;
    } else if (name === 'set-output') {
      this.outputs.set(values.get('name') ?? '', data);
    } else if (name === 'save-state') {
      this.state.set(values.get('name') ?? '', data);
    } else if (name === 'group' || name === 'endgroup') {
      this.#append(`##[${name}]${data}`);
    } else if (!IGNORED.has(name)) {
      this.#append(text);
    }
  }

  #append(line: string): void {
    this.#length += line.length;
    if (this.#length <= MAX_LOG_LENGTH) this.#lines.push(line);
  }
}

function properties(text: string): ReadonlyMap<string, string> {
  const entries = text.split(',').flatMap((part) => {
    const equals = part.indexOf('=');
    return equals < 0 ? [] : [[part.slice(0, equals).trim(), unescapeProperty(part.slice(equals + 1))] as const];
  });
  return new Map(entries);
}

function place(values: ReadonlyMap<string, string>): Partial<Annotation> {
  const [title, file, line] = [values.get('title'), values.get('file'), Number(values.get('line'))];
  return {
    ...(title === undefined ? {} : { title }),
    ...(file === undefined ? {} : { file }),
    ...(Number.isInteger(line) ? { line } : {}),
  };
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
}
