import { readFileSync } from 'node:fs';
import { guess } from './guess.mjs';
import { UsageError } from './usage-error.mjs';

/** Kinds that take several values after one flag, or the flag several times. */
export const LISTS = new Set(['list', 'paths']);

/** Values by input name, from PAVED_INPUT_* variables and flags; a flag wins. */
export async function readInputs(action, args) {
  const values = new Map();
  for (const input of action.inputs) {
    const given = process.env[`PAVED_INPUT_${input.name.replaceAll('-', '_').toUpperCase()}`];
    if (given !== undefined) values.set(input.name, [given]);
  }
  const fromFlags = new Map();
  const add = (name, value) => fromFlags.set(name, [...(fromFlags.get(name) ?? []), value]);
  for (let index = 0; index < args.length; index++) {
    const { input, isFile, value } = parseFlag(action, args[index]);
    const many = LISTS.has(input.kind) && !isFile;
    const taken = value !== undefined ? [value] : takeValues(args, index + 1, many, input);
    if (value === undefined) index += taken.length;
    for (const text of taken) add(input.name, isFile ? await readSecretFile(input, text) : text);
  }
  for (const [name, texts] of fromFlags) {
    const { kind } = action.inputs.find((input) => input.name === name);
    if (texts.length > 1 && !LISTS.has(kind)) {
      throw new UsageError(
        'INPUT_REPEATED',
        `Cannot use --${name} more than once: it takes one value`,
        `Give --${name} once`,
      );
    }
    values.set(name, texts);
  }
  const missing = action.inputs.find((input) => input.required && (values.get(input.name) ?? []).join('') === '');
  if (missing !== undefined) {
    throw new UsageError(
      'INPUT_MISSING',
      `Cannot run ${action.name} without --${missing.name}: it is required`,
      missing.kind === 'secret' ? secretCure(missing) : `Add --${missing.name} VALUE (${missing.description})`,
    );
  }
  return values;
}

/** `--name VALUE`, `--name=VALUE`, and for secrets `--name-file PATH`. */
function parseFlag(action, argument) {
  const match = /^--([^=]+)(?:=([\s\S]*))?$/.exec(argument);
  if (match === null) {
    throw new UsageError(
      'ARGUMENT_UNEXPECTED',
      'Cannot use an argument without a flag before it',
      `Run "paved ${action.name} --help"`,
    );
  }
  const [, name, value] = match;
  const input = action.inputs.find((candidate) => candidate.name === name);
  if (input !== undefined) {
    if (input.kind === 'secret') {
      throw new UsageError(
        'SECRET_ON_COMMAND_LINE',
        `Cannot take --${name} from the command line: other processes see it`,
        secretCure(input),
      );
    }
    return { input, isFile: false, value };
  }
  const secret = action.inputs.find((candidate) => candidate.kind === 'secret' && `${candidate.name}-file` === name);
  if (secret !== undefined) return { input: secret, isFile: true, value };
  const names = action.inputs.map((candidate) =>
    candidate.kind === 'secret' ? `${candidate.name}-file` : candidate.name,
  );
  throw new UsageError(
    'INPUT_UNKNOWN',
    `Cannot use --${name}: action ${action.name} has no such input`,
    guess(name, names, `paved ${action.name} --help`, '--'),
  );
}

function takeValues(args, start, many, input) {
  const taken = [];
  for (let index = start; index < args.length && (many || taken.length === 0); index++) {
    if (args[index].startsWith('--')) break;
    taken.push(args[index]);
  }
  if (taken.length > 0) return taken;
  throw new UsageError(
    'VALUE_MISSING',
    `Cannot use --${input.name}: its value is missing`,
    `Write --${input.name} VALUE, or --${input.name}=VALUE when the value starts with dashes`,
  );
}

async function readSecretFile(input, path) {
  if (path === '-') {
    const chunks = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8').trimEnd();
  }
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    throw new UsageError(
      'SECRET_UNREADABLE',
      `Cannot read the file of --${input.name}-file`,
      'Name a file that you can read, or - for stdin',
    );
  }
}

function secretCure({ name }) {
  return `Set PAVED_INPUT_${name.replaceAll('-', '_').toUpperCase()}, or use --${name}-file PATH (- reads stdin)`;
}
