import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { type Loopback, type Reply, startLoopback } from '../registry/loopback.js';
import { MerkleTree } from './merkle.js';

const ORIGIN = '127.0.0.1';
const NOTE_ED25519 = 0x01;
const WIDTH = 256;

/** A log with the read API of Rekor v2 (C2SP tlog-tiles) that can be told to misbehave. */
export interface TileLogDouble {
  readonly url: string;
  /** Leaves as they are served; a test may swap or drop some between requests: the log then signs what it now has. */
  readonly entries: Buffer[];
  readonly requests: Loopback['requests'];
  /** Member of `tlogs` in a trusted root. */
  readonly trusted: Readonly<Record<string, unknown>>;
  /** Changes what is answered for a path below `/api/v2/`; undefined: answers 404. */
  tamper: ((path: string, bytes: Buffer) => Buffer | undefined) | undefined;
  checkpoint(size?: number): string;
  close(): Promise<void>;
}

export async function startTileLog(): Promise<TileLogDouble> {
  const keys = generateKeyPairSync('ed25519');
  const publicKey = keys.publicKey.export({ format: 'der', type: 'spki' });
  const logId = createHash('sha256')
    .update(`${ORIGIN}\n`)
    .update(Buffer.from([NOTE_ED25519]))
    .update(publicKey.subarray(-32))
    .digest();
  const entries: Buffer[] = [];
  const checkpoint = (size = entries.length) => {
    const note = `${ORIGIN}\n${size}\n${treeOf(entries.slice(0, size)).root().toString('base64')}\n`;
    const signature = Buffer.concat([logId.subarray(0, 4), sign(null, Buffer.from(note), keys.privateKey)]);
    return `${note}\n\u2014 ${ORIGIN} ${signature.toString('base64')}\n`;
  };
  const loopback = await startLoopback({ handle: async (_request, { pathname }) => answer(pathname) });
  function answer(pathname: string): Reply {
    const path = pathname.replace('/api/v2/', '');
    const bytes = path === 'checkpoint' ? Buffer.from(checkpoint()) : tileBytes(entries, path);
    const body = bytes === undefined || double.tamper === undefined ? bytes : double.tamper(path, bytes);
    return body === undefined ? { status: 404 } : { status: 200, body };
  }
  const double: TileLogDouble = {
    url: loopback.url,
    entries,
    requests: loopback.requests,
    trusted: {
      baseUrl: loopback.url,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: publicKey.toString('base64'),
        keyDetails: 'PKIX_ED25519',
        validFor: { start: new Date(Date.now() - 3_600_000).toISOString() },
      },
      logId: { keyId: logId.toString('base64') },
    },
    tamper: undefined,
    checkpoint,
    close: () => loopback.close(),
  };
  return double;
}

/** `tile/<level>/<index>` or `tile/entries/<index>`, with `.p/<width>` for a partial one; undefined where the tree has none. */
function tileBytes(entries: readonly Buffer[], path: string): Buffer | undefined {
  const match = /^tile\/(entries|\d)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path);
  if (match === null) return undefined;
  const index = Number(match[2]?.replaceAll(/[x/]/g, ''));
  const width = Number(match[3] ?? WIDTH);
  const [from, to] = [index * WIDTH, index * WIDTH + width];
  if (match[1] === 'entries') return to > entries.length ? undefined : bundle(entries.slice(from, to));
  const span = WIDTH ** Number(match[1]);
  if (to * span > entries.length) return undefined;
  const hashes = Array.from({ length: width }, (_, at) =>
    treeOf(entries.slice((from + at) * span, (from + at + 1) * span)).root(),
  );
  return Buffer.concat(hashes);
}

function bundle(entries: readonly Buffer[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

function treeOf(entries: readonly Buffer[]): MerkleTree {
  const tree = new MerkleTree();
  for (const entry of entries) tree.append(entry);
  return tree;
}
