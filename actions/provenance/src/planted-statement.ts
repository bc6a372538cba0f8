import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { isEnvelopeLike, isStatementLike } from '@paved/attestation';
import { ProvenanceError } from './error.js';

const PLANTED_NAMES = [
  /\.intoto(\.jsonl?)?$/i,
  /\.sigstore(\.jsonl?)?$/i,
  /\.(sig|att|dsse)$/i,
  /(^|\/)attestation-[^/]*$/i,
];
/** JSON above this is searched as text instead of parsed. */
const MAX_PARSED_BYTES = 16 * 1024 * 1024;
const MARKERS = ['in-toto.io/', '"payloadType"', 'vnd.dev.sigstore.', '"verificationMaterial"', '"dsseEnvelope"'];
const OVERLAP_CHARACTERS = 64;

/**
 * Rule 2: a build that leaves a statement among its outputs wants it published beside the real ones.
 * @param name path inside the folder, with `/`
 * @throws {ProvenanceError} `PLANTED_STATEMENT`
 */
export async function assertNotPlanted(file: string, name: string, sizeBytes: number): Promise<void> {
  if (PLANTED_NAMES.some((pattern) => pattern.test(name))) throw planted(name, 'its name is one of an attestation');
  if (!(await startsLikeJson(file))) return;
  const found = sizeBytes > MAX_PARSED_BYTES ? await hasMarker(file) : isPlantedText(await readFile(file, 'utf8'));
  if (found) throw planted(name, 'it is a statement, an envelope or a bundle');
}

/** Also reads JSON lines: one planted line is enough. */
function isPlantedText(text: string): boolean {
  const whole = parsed(text.replace(/^\ufeff/, ''));
  const values = whole === undefined ? text.split('\n').map(parsed) : [whole];
  return values.some((value) => isStatementLike(value) || isEnvelopeLike(value));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function startsLikeJson(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const start = buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\ufeff/, '')
      .trimStart();
    // A file that begins with a page of white space could hide anything behind it.
    return start === '' ? bytesRead === 4096 : /^[{[]/.test(start);
  } finally {
    await handle.close();
  }
}

async function hasMarker(file: string): Promise<boolean> {
  let tail = '';
  for await (const chunk of createReadStream(file, 'utf8') as AsyncIterable<string>) {
    const text = tail + chunk;
    if (MARKERS.some((marker) => text.includes(marker))) return true;
    tail = text.slice(-OVERLAP_CHARACTERS);
  }
  return false;
}

function planted(name: string, state: string): ProvenanceError {
  return new ProvenanceError('PLANTED_STATEMENT', `Cannot accept output "${name.slice(0, 200)}": ${state}`, {
    hint: 'The road makes every statement itself; leave attestations and signatures out of the output folder',
  });
}
