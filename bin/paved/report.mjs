import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { tableOf } from './table.mjs';

const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** The document that is the answer: its members are the result's own, whatever its size (docs/schemas/findings.schema.json). */
const MAIN_DOCUMENT = { 'scan-gate': 'verdict-path' };

/** Prints the result: one JSON document, or text for people. */
export function report(action, { status, errors, outputs }, json) {
  const ok = status === 0;
  if (!json) {
    process.stdout.write(tableOf(action.name, (name) => readDocument(outputs[name] ?? '', Number.POSITIVE_INFINITY)));
    for (const [name, value] of Object.entries(outputs)) process.stdout.write(`${name}: ${value}\n`);
    process.stdout.write(`${action.name}: ${ok ? 'passed' : 'failed'}\n`);
    return;
  }
  const documents = {};
  const main = MAIN_DOCUMENT[action.name];
  const answer = main === undefined ? undefined : readDocument(outputs[main] ?? '', Number.POSITIVE_INFINITY);
  for (const [name, value] of Object.entries(outputs)) {
    const document = name === main && answer !== undefined ? undefined : readDocument(value, MAX_DOCUMENT_BYTES);
    if (document !== undefined) documents[name] = document;
  }
  const [error] = errors.map(parseAnnotation);
  const result = {
    ...answer,
    ok,
    action: action.name,
    exitStatus: status,
    outputs,
    documents,
    ...(error === undefined ? {} : { error }),
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

/** A small JSON document that an output names, parsed; anything else stays a path. */
function readDocument(value, maxBytes) {
  try {
    const path = resolve(value);
    const info = statSync(path);
    if (!info.isFile() || info.size > maxBytes || !path.endsWith('.json')) return undefined;
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function parseAnnotation(text) {
  const [first, ...rest] = text.split('\n');
  const match = /^([A-Z][A-Z0-9_]*): (.*)$/.exec(first);
  const hint = rest.join('\n');
  return { code: match?.[1] ?? 'INTERNAL', message: match?.[2] ?? first, ...(hint === '' ? {} : { hint }) };
}
