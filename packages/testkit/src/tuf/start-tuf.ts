import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { canonicalJson } from '@paved/json';
import { listenOnLoopback } from '../issuer/listen.js';

export type TufRole = 'root' | 'timestamp' | 'snapshot' | 'targets';

export interface TufPublication {
  /** Targets from now on, by name; those of before when absent. */
  readonly targets?: Readonly<Record<string, string>>;
  /** Versions from now on, in place of the next ones. */
  readonly versions?: Partial<Record<TufRole, number>>;
  readonly expires?: Partial<Record<TufRole, string>>;
  /** Roles that a stranger's key signs. */
  readonly strangers?: readonly TufRole[];
  /** New keys of every role; the new root is signed by the old root key and the new one, or by only one of them. */
  readonly rotate?: 'both' | 'old' | 'new';
}

/** An update repository that signs what a test asks for. */
export interface TufDouble {
  readonly url: string;
  /** The first root, to be embedded. */
  readonly root: Buffer;
  /** What is served, by path; a test may change any byte. */
  readonly files: Map<string, Buffer>;
  /** Paths in the order in which they were asked for. */
  readonly requests: string[];
  /** Answers every request with this status. */
  outage: number | undefined;
  publish(publication?: TufPublication): void;
  close(): Promise<void>;
}

interface Key {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicHex: string;
}

type Keys = Readonly<Record<TufRole, Key>>;

const ROLES: readonly TufRole[] = ['root', 'timestamp', 'snapshot', 'targets'];
const FAR = '2099-01-01T00:00:00Z';

export async function startTuf(targets: Readonly<Record<string, string>>): Promise<TufDouble> {
  const files = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').slice(1));
    requests.push(path);
    const bytes = files.get(path);
    if (double.outage !== undefined) response.writeHead(double.outage).end();
    else if (bytes === undefined) response.writeHead(404).end();
    else response.end(bytes);
  });
  const { url, close } = await listenOnLoopback(server);
  const publisher = new Publisher(files, targets);
  const root = publisher.publish({});
  const double: TufDouble = {
    ...{ url, root, files, requests, outage: undefined, close },
    publish: (publication = {}) => void publisher.publish(publication),
  };
  return double;
}

/** Writes the metadata of one state after the other; consistent snapshots, one key for each role. */
class Publisher {
  readonly #files: Map<string, Buffer>;
  #targets: Readonly<Record<string, string>>;
  #keys: Keys = newKeys();
  #versions: Record<TufRole, number> = { root: 0, timestamp: 0, snapshot: 0, targets: 0 };
  #root: Buffer = Buffer.alloc(0);

  constructor(files: Map<string, Buffer>, targets: Readonly<Record<string, string>>) {
    this.#files = files;
    this.#targets = targets;
  }

  /** @returns the newest root */
  publish({ targets, versions = {}, expires = {}, strangers = [], rotate }: TufPublication): Buffer {
    this.#targets = targets ?? this.#targets;
    const old = this.#keys;
    if (rotate !== undefined) this.#keys = newKeys();
    const newRoot = rotate !== undefined || this.#versions.root === 0 || expires.root !== undefined;
    for (const role of ROLES) {
      const next = this.#versions[role] + (role === 'root' && !newRoot ? 0 : 1);
      this.#versions[role] = versions[role] ?? next;
    }
    const seal = (role: TufRole, body: Readonly<Record<string, unknown>>, keys: readonly Key[]): Buffer =>
      metadata({ ...body, _type: role, version: this.#versions[role], expires: expires[role] ?? FAR }, keys);
    const signers = (role: TufRole) => (strangers.includes(role) ? [newKey()] : [this.#keys[role]]);
    if (newRoot || strangers.includes('root')) {
      const both = rotate === 'old' ? [old.root] : rotate === 'new' ? [this.#keys.root] : [old.root, this.#keys.root];
      const body = rootBody(this.#keys);
      this.#root = seal('root', body, strangers.includes('root') ? [newKey()] : both);
      this.#files.set(`${this.#versions.root}.root.json`, this.#root);
    }
    this.#publishMetadata(seal, signers);
    return this.#root;
  }

  #publishMetadata(
    seal: (role: TufRole, body: Readonly<Record<string, unknown>>, keys: readonly Key[]) => Buffer,
    signers: (role: TufRole) => readonly Key[],
  ): void {
    const infos = Object.entries(this.#targets).map(([name, text]) => {
      const bytes = Buffer.from(text);
      this.#files.set(`targets/${hex(bytes)}.${name}`, bytes);
      return [name, { length: bytes.length, hashes: { sha256: hex(bytes) } }] as const;
    });
    const targets = seal('targets', { targets: Object.fromEntries(infos) }, signers('targets'));
    const meta = (role: TufRole, bytes: Buffer) => ({
      [`${role}.json`]: { version: this.#versions[role], length: bytes.length, hashes: { sha256: hex(bytes) } },
    });
    const snapshot = seal('snapshot', { meta: meta('targets', targets) }, signers('snapshot'));
    this.#files.set(`${this.#versions.targets}.targets.json`, targets);
    this.#files.set(`${this.#versions.snapshot}.snapshot.json`, snapshot);
    const timestamp = seal('timestamp', { meta: meta('snapshot', snapshot) }, signers('timestamp'));
    this.#files.set('timestamp.json', timestamp);
  }
}

function rootBody(keys: Keys): Readonly<Record<string, unknown>> {
  return {
    consistent_snapshot: true,
    keys: Object.fromEntries(
      ROLES.map((role) => {
        const { id, publicHex } = keys[role];
        return [id, { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } }];
      }),
    ),
    roles: Object.fromEntries(ROLES.map((role) => [role, { keyids: [keys[role].id], threshold: 1 }])),
  };
}

/** Everything in it is plain ASCII, for which RFC 8785 and the canonical form of TUF are the same. */
function metadata(body: Readonly<Record<string, unknown>>, keys: readonly Key[]): Buffer {
  const signed = { spec_version: '1.0.31', ...body };
  const bytes = Buffer.from(canonicalJson(signed));
  const signatures = [...new Set(keys)].map(({ id, privateKey }) => ({
    keyid: id,
    sig: sign(null, bytes, privateKey).toString('hex'),
  }));
  return Buffer.from(JSON.stringify({ signatures, signed }));
}

function newKeys(): Keys {
  return { root: newKey(), timestamp: newKey(), snapshot: newKey(), targets: newKey() };
}

function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { id: hex(raw), privateKey, publicHex: raw.toString('hex') };
}

function hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
