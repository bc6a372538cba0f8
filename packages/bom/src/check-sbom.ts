import type { Digest } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { BomError } from './error.js';
import { byText } from './identity.js';
import { elementsOf, isList, membersOf, type Part, readPart } from './json-parts.js';
import { assertNoStatement, assertShallow, kindOf, MAX_COMPONENTS, MAX_SBOM_BYTES, parseSbom } from './parse-sbom.js';
import { readCycloneDx } from './read-cyclonedx.js';
import { readSpdx } from './read-spdx.js';
import { assertSbomSchema, requiredMembers, type SbomKind, separateLists } from './schema.js';
import { contentKey } from './unique-items.js';

/** What has to be known of a document to sign it, and the document to be signed. */
export interface CheckedSbom {
  readonly kind: SbomKind;
  /** Digests of what it describes, sorted; empty when it does not say. */
  readonly subjects: readonly Digest[];
  /** RFC 8785 bytes of the document, in pieces. */
  readonly canonical: readonly Buffer[];
}

/** A smaller document is read whole: it is the list of a large one that must not be in memory as objects. */
const WHOLE_BYTES = 1024 * 1024;
/** Elements are read and checked so many bytes at a time. */
const CHUNK_BYTES = 256 * 1024;
const PIECE_LENGTH = 64 * 1024;

/**
 * Checks a document as {@link parseSbom} does, and writes it canonically, with no more of it in memory than a piece. The root schema of
 * each format says nothing of its lists but what their elements are and whether they differ, so that holding the rest of the document
 * and every piece of a list to the schema, and all elements to being different, is holding the document to it.
 * @throws {BomError} as `parseSbom`; `SBOM_MALFORMED` also for a name that is twice in the outermost object
 */
export function checkSbom(bytes: Uint8Array, wholeBytes = WHOLE_BYTES): CheckedSbom {
  if (bytes.length > MAX_SBOM_BYTES || bytes.length <= wholeBytes) return checkWhole(bytes);
  return new SbomReader(bytes).check();
}

function checkWhole(bytes: Uint8Array): CheckedSbom {
  const { kind, subjects } = parseSbom(bytes);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  return { kind, subjects, canonical: [Buffer.from(canonicalJson(JSON.parse(text)))] };
}

type Members = Readonly<Record<string, unknown>>;

class SbomReader {
  readonly #bytes: Uint8Array;
  /** Members that are read at once. */
  readonly #whole: Record<string, unknown> = {};
  readonly #lists = new Map<string, Part>();
  readonly #pieces: Buffer[] = [];
  #text = '';
  /** What is kept of the elements, to say what the document describes. */
  readonly #kept: Record<string, unknown[]> = {};
  #components = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  check(): CheckedSbom {
    const members = membersOf(this.#bytes);
    const separate = new Set([...separateLists('cyclonedx').keys(), ...separateLists('spdx').keys()]);
    for (const [name, part] of members) {
      if (separate.has(name) && isList(this.#bytes, part)) this.#lists.set(name, part);
      else define(this.#whole, name, readPart(this.#bytes, part));
    }
    const skeleton = { ...this.#whole, ...Object.fromEntries([...this.#lists.keys()].map((name) => [name, []])) };
    assertShallow(skeleton);
    const kind = kindOf(skeleton);
    assertSbomSchema(kind, skeleton);
    if (kind === 'cyclonedx') this.#count(readCycloneDx(this.#whole).components.length);
    this.#write(kind, [...members.keys()].sort());
    return { kind, subjects: this.#subjects(kind), canonical: this.#pieces };
  }

  /** RFC 8785: names in the order of their UTF-16 code units. */
  #write(kind: SbomKind, names: readonly string[]): void {
    for (const [index, name] of names.entries()) {
      this.#push(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`);
      const list = this.#lists.get(name);
      if (list === undefined) this.#push(canonicalJson(this.#whole[name]));
      else this.#writeList(kind, name, list);
    }
    this.#push(names.length === 0 ? '{}' : '}');
    this.#flush();
  }

  #writeList(kind: SbomKind, name: string, list: Part): void {
    const required = Object.fromEntries(requiredMembers(kind).map((member) => [member, this.#whole[member]]));
    const seen = separateLists(kind).get(name)?.unique === true ? new Set<string>() : undefined;
    const [start, comma, end] = ['[', ',', ']'];
    let before = start;
    for (const chunk of chunksOf(elementsOf(this.#bytes, list))) {
      const elements = chunk.map((part) => readPart(this.#bytes, part));
      assertShallow({ [name]: elements });
      assertNoStatement({ [name]: elements });
      assertSbomSchema(kind, { ...required, [name]: elements });
      for (const element of elements) {
        const text = canonicalJson(element);
        if (seen !== undefined) assertNew(kind, name, seen, contentKey(text));
        this.#push(`${before}${text}`);
        before = comma;
      }
      this.#keep(kind, name, elements);
    }
    this.#push(before === start ? '[]' : end);
  }

  #push(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE_LENGTH) this.#flush();
  }

  #flush(): void {
    this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }

  /** Of what a reader needs for the subjects, each element's part; components are counted. */
  #keep(kind: SbomKind, name: string, elements: readonly unknown[]): void {
    if (kind === 'cyclonedx') {
      if (name === 'components')
        this.#count(readCycloneDx({ ...this.#whole, metadata: undefined, components: elements }).components.length);
      return;
    }
    const kept = this.#kept[name] ?? [];
    this.#kept[name] = kept;
    if (name === 'packages') {
      this.#count(elements.filter((entry) => (entry as Members).primaryPackagePurpose !== 'FILE').length);
      kept.push(...elements.map((entry) => pick(entry as Members, SPDX_PACKAGE)));
    } else if (name === 'relationships') {
      kept.push(...elements.filter((entry) => DESCRIBING.has(String((entry as Members).relationshipType))));
    } else if (name === 'documentDescribes') kept.push(...elements);
  }

  #count(components: number): void {
    this.#components += components;
    if (this.#components <= MAX_COMPONENTS) return;
    throw new BomError('SBOM_TOO_LARGE', `Cannot read the SBOM: it lists more than ${MAX_COMPONENTS} components`, {
      hint: 'Make one SBOM for each artifact instead of one for all',
    });
  }

  #subjects(kind: SbomKind): readonly Digest[] {
    const { subjects } = (kind === 'cyclonedx' ? readCycloneDx : readSpdx)({ ...this.#whole, ...this.#kept });
    return [...new Set(subjects)].sort(byText);
  }
}

const SPDX_PACKAGE = ['SPDXID', 'name', 'versionInfo', 'primaryPackagePurpose', 'checksums'] as const;
const DESCRIBING = new Set(['DESCRIBES', 'DESCRIBED_BY', 'CONTAINS', 'CONTAINED_BY']);

function pick(entry: Members, names: readonly string[]): Members {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(entry, name)).map((name) => [name, entry[name]]));
}

/** `__proto__` is a name as every other. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
}

function* chunksOf(elements: readonly Part[]): Iterable<readonly Part[]> {
  let [chunk, size]: [Part[], number] = [[], 0];
  for (const element of elements) {
    chunk.push(element);
    size += element.end - element.start;
    if (size < CHUNK_BYTES) continue;
    yield chunk;
    [chunk, size] = [[], 0];
  }
  if (chunk.length > 0) yield chunk;
}

function assertNew(kind: SbomKind, name: string, seen: Set<string>, key: string): void {
  if (!seen.has(key)) {
    seen.add(key);
    return;
  }
  const label = kind === 'spdx' ? 'SPDX' : 'CycloneDX';
  throw new BomError('SBOM_SCHEMA_INVALID', `Cannot accept the ${label} document: /${name} has an element twice`, {
    hint: 'Make it again with a newer version of the tool that wrote it, or remove the double',
  });
}
