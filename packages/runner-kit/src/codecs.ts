import { type Digest, parseDigest } from '@paved/digest';
import { RunnerError } from './error.js';
import { quote } from './plain-text.js';

const INTEGER = /^-?(0|[1-9][0-9]{0,15})$/;
const DURATION = /^([1-9][0-9]{0,6}|0)(s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

export function invalid(name: string, text: string, state: string, hint: string, cause?: unknown): RunnerError {
  return new RunnerError('INPUT_INVALID', `Cannot read input "${name}" ${quote(text)}: ${state}`, { hint, cause });
}

export function parseBoolean(name: string, text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw invalid(name, text, 'it is neither true nor false', `Set ${name} to true or false, in lower case`);
}

export function parseInteger(name: string, text: string, range: { min?: number; max?: number }): number {
  const value = Number(text);
  const min = range.min ?? Number.MIN_SAFE_INTEGER;
  const max = range.max ?? Number.MAX_SAFE_INTEGER;
  if (INTEGER.test(text) && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(name, text, `it is not an integer from ${min} to ${max}`, `Set ${name} to a decimal integer`);
}

export function parseList(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

export function parseDigestInput(name: string, text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw invalid(name, text, 'it is not a digest', `Set ${name} to sha256:<64 lower-case hexadecimal digits>`, cause);
  }
}

export function parseUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text is not quoted: a URL with a password in it would be copied into the log.
  const refuse = (state: string, hint: string) =>
    new RunnerError('INPUT_INVALID', `Cannot read input "${name}": ${state}`, { hint });
  if (url === undefined) throw refuse('it is not a URL', `Set ${name} to an absolute https URL`);
  if (url.username !== '' || url.password !== '') {
    throw refuse('the URL carries credentials', 'Pass credentials in an input of their own');
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))) return url;
  throw refuse(`the URL uses ${url.protocol}//`, `Set ${name} to an https URL; http is for loopback hosts alone`);
}

export function parseChoice(name: string, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  throw invalid(name, text, 'it is not one of the choices', `Set ${name} to ${choices.join(', ')}`);
}

/** Value in milliseconds. */
export function parseDuration(name: string, text: string): number {
  const match = DURATION.exec(text);
  const unit = UNIT_MS[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw invalid(name, text, 'it is not a duration', `Set ${name} to a number and a unit, as 90s, 15m, 24h or 7d`);
  }
  return Number(match[1]) * unit;
}
