import type { Digest } from '@paved/digest';
import {
  parseBoolean,
  parseChoice,
  parseDigestInput,
  parseDuration,
  parseInteger,
  parseList,
  parseUrl,
} from './codecs.js';
import { parsePath, parsePaths, readDocument } from './path-codecs.js';
import type { PathScope } from './path-scope.js';

export type InputKind =
  | 'string'
  | 'integer'
  | 'boolean'
  | 'list'
  | 'path'
  | 'paths'
  | 'digest'
  | 'url'
  | 'choice'
  | 'secret'
  | 'document'
  | 'duration';

/** One declared input: data for the generated files, and the codec that turns the runner's text into `T`. */
export interface InputDeclaration<T> {
  readonly kind: InputKind;
  readonly description: string;
  readonly required: boolean;
  /** The text that stands in action.yml; parsed like any given value. */
  readonly default: string | undefined;
  readonly choices: readonly string[] | undefined;
  /** `name` is for the error; `text` is trimmed and, unless it is the default of a list, not empty. */
  readonly parse: (name: string, text: string, scope: PathScope) => T | Promise<T>;
}

/** `required` and `default` decide whether the value can be `undefined`; a required input has no default. */
export interface InputOptions<D> {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: D;
}

type Value<T, O> = O extends { readonly required: true }
  ? T
  : O extends { readonly default: NonNullable<unknown> }
    ? T
    : T | undefined;

type Parse<T> = InputDeclaration<T>['parse'];

function declare<T>(
  kind: InputKind,
  options: InputOptions<unknown>,
  parse: Parse<unknown>,
  choices?: readonly string[],
): InputDeclaration<T> {
  return {
    kind,
    description: options.description,
    required: options.required ?? false,
    default: defaultText(options.default),
    choices,
    parse: parse as Parse<T>,
  };
}

function defaultText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join('\n') : String(value);
}

/** The kinds of input, one codec per meaning; each refuses what it does not understand with `INPUT_INVALID`. */
export const input = {
  /** Text as given, trimmed; no control characters but the line feed. */
  string<const O extends InputOptions<string>>(options: O): InputDeclaration<Value<string, O>> {
    return declare('string', options, (_name, text) => text);
  },

  integer<const O extends InputOptions<number> & { readonly min?: number; readonly max?: number }>(
    options: O,
  ): InputDeclaration<Value<number, O>> {
    return declare('integer', options, (name, text) => parseInteger(name, text, options));
  },

  /** `true` or `false`; `True`, `yes` and `1` are refused, because actions disagree about them. */
  boolean<const O extends InputOptions<boolean>>(options: O): InputDeclaration<Value<boolean, O>> {
    return declare('boolean', options, parseBoolean);
  },

  /** One entry per line; blank lines and lines that start with `#` are dropped. */
  list<const O extends InputOptions<readonly string[]>>(options: O): InputDeclaration<Value<readonly string[], O>> {
    return declare('list', options, (_name, text) => parseList(text));
  },

  /** Absolute real path inside GITHUB_WORKSPACE or RUNNER_TEMP; it need not exist yet. */
  path<const O extends InputOptions<string>>(options: O): InputDeclaration<Value<string, O>> {
    return declare('path', options, parsePath);
  },

  /** As `path`, one per line; entries with `*` or `**` are patterns for files and must match something. */
  paths<const O extends InputOptions<readonly string[]>>(options: O): InputDeclaration<Value<readonly string[], O>> {
    return declare('paths', options, parsePaths);
  },

  digest<const O extends InputOptions<string>>(options: O): InputDeclaration<Value<Digest, O>> {
    return declare('digest', options, parseDigestInput);
  },

  /** https, or http for a loopback host; without user name and password. */
  url<const O extends InputOptions<string>>(options: O): InputDeclaration<Value<URL, O>> {
    return declare('url', options, parseUrl);
  },

  choice<const C extends readonly [string, ...string[]], const O extends InputOptions<C[number]>>(
    choices: C,
    options: O,
  ): InputDeclaration<Value<C[number], O>> {
    return declare('choice', options, (name, text) => parseChoice(name, text, choices), choices);
  },

  /** Masked when it is read, line by line, and taken out of the environment; never part of a message. */
  secret<const O extends Omit<InputOptions<never>, 'default'>>(options: O): InputDeclaration<Value<string, O>> {
    return declare('secret', options, (_name, text) => text);
  },

  /** Inline JSON when the text starts with `{`, else the path of a file; the value is the text, at most 16 MiB. */
  document<const O extends InputOptions<string>>(options: O): InputDeclaration<Value<string, O>> {
    return declare('document', options, readDocument);
  },

  /** `90s`, `15m`, `24h` or `7d`; the value is in milliseconds. */
  duration<const O extends InputOptions<string>>(options: O): InputDeclaration<Value<number, O>> {
    return declare('duration', options, parseDuration);
  },
} as const;
