import { parseDeclaredLicence } from '@paved/bom';
import { GateError } from './error.js';

/** A licence expression as a tree (SPDX 2.3 annex D). `later` is the `+` suffix or an id that ends in `-or-later`. */
export type LicenceExpression =
  | { readonly $case: 'and' | 'or'; readonly left: LicenceExpression; readonly right: LicenceExpression }
  | { readonly $case: 'licence'; readonly id: string; readonly later: boolean; readonly exception?: string };

type Leaf = Extract<LicenceExpression, { $case: 'licence' }>;
const MAX_LENGTH = 1000;
const TOKEN = /\s*(\(|\)|[A-Za-z0-9.:+-]+)/y;
const OPERATORS = new Set(['AND', 'OR', 'WITH', '(', ')', '']);

function tokens(text: string): readonly string[] | undefined {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  const trimmed = text.trim();
  while (TOKEN.lastIndex < trimmed.length) {
    const token = TOKEN.exec(trimmed)?.[1];
    if (token === undefined) return undefined;
    found.push(token);
  }
  return found;
}

function knownId(token: string): Leaf | undefined {
  if (/^(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$/.test(token)) {
    return { $case: 'licence', id: token, later: false };
  }
  const bare = token.endsWith('+') ? token.slice(0, -1) : token;
  const declared = parseDeclaredLicence(token);
  const id = declared.$case === 'id' ? declared.id : declared.$case === 'expression' ? bare : undefined;
  if (id === undefined) return undefined;
  const known = parseDeclaredLicence(bare);
  return {
    $case: 'licence',
    id: known.$case === 'id' ? known.id : id,
    later: id.endsWith('-or-later') || token.endsWith('+'),
  };
}

class Parser {
  readonly #tokens: readonly string[];
  #position = 0;

  constructor(list: readonly string[]) {
    this.#tokens = list;
  }

  whole(): LicenceExpression | undefined {
    const tree = this.#or();
    return this.#position === this.#tokens.length ? tree : undefined;
  }

  #peek(): string {
    return this.#tokens[this.#position] ?? '';
  }

  #or(): LicenceExpression | undefined {
    let left = this.#and();
    while (left !== undefined && this.#peek() === 'OR') {
      this.#position++;
      const right = this.#and();
      left = right === undefined ? undefined : { $case: 'or', left, right };
    }
    return left;
  }

  /** Binds more tightly than OR (annex D.4). */
  #and(): LicenceExpression | undefined {
    let left = this.#term();
    while (left !== undefined && this.#peek() === 'AND') {
      this.#position++;
      const right = this.#term();
      left = right === undefined ? undefined : { $case: 'and', left, right };
    }
    return left;
  }

  #term(): LicenceExpression | undefined {
    const token = this.#peek();
    this.#position++;
    if (token === '(') {
      const inner = this.#or();
      if (inner === undefined || this.#peek() !== ')') return undefined;
      this.#position++;
      return inner;
    }
    const leaf = OPERATORS.has(token) ? undefined : knownId(token);
    if (leaf === undefined || this.#peek() !== 'WITH') return leaf;
    const exception = this.#tokens[this.#position + 1] ?? '';
    this.#position += 2;
    return parseDeclaredLicence(exception).$case === 'id' ? { ...leaf, exception } : undefined;
  }
}

/** `undefined` for what is no expression over the SPDX list: unresolved then, never allowed. */
export function parseLicenceExpression(text: string): LicenceExpression | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const list = tokens(text);
  return list === undefined || list.length === 0 ? undefined : new Parser(list).whole();
}

/** Family and version, as `GPL` and `2.0`; licences without a version are their own family. */
function familyOf(id: string): { readonly family: string; readonly version: readonly number[] } {
  const match = /^(.*?)-(\d+(?:\.\d+)*)(-only|-or-later)?$/.exec(id);
  const [, family = id, version = ''] = match ?? [];
  return { family, version: version === '' ? [] : version.split('.').map(Number) };
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = (a[index] ?? 0) - (b[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** Two simple licences of which each may stand for later versions. */
function meets(candidate: Leaf, entry: Leaf): boolean {
  if (candidate.exception !== entry.exception) return false;
  const [left, right] = [familyOf(candidate.id), familyOf(entry.id)];
  if (left.family !== right.family) return false;
  const order = compareVersions(left.version, right.version);
  if (order === 0) return true;
  return order > 0 ? entry.later : candidate.later;
}

function leafOf(text: string): Leaf {
  const tree = parseLicenceExpression(text);
  if (tree?.$case === 'licence') return tree;
  throw new GateError(
    'LICENCE_INVALID',
    `Cannot use "${text.slice(0, 100)}" in a list of licences: it is not one licence`,
    {
      hint: 'Name one identifier of the SPDX list per entry, perhaps WITH an exception',
    },
  );
}

/** @throws {GateError} `LICENCE_INVALID` for AND, OR, and identifiers that are not on the SPDX list */
export function assertLicenceEntry(text: string): void {
  leafOf(text);
}

/** Whether the expression can be met with the listed licences alone: one side of each OR, both of each AND. */
export function isSatisfied(expression: LicenceExpression, list: readonly string[]): boolean {
  const entries = list.map(leafOf);
  const walk = (tree: LicenceExpression): boolean => {
    if (tree.$case === 'licence') return entries.some((entry) => meets(tree, entry));
    return tree.$case === 'and' ? walk(tree.left) && walk(tree.right) : walk(tree.left) || walk(tree.right);
  };
  return walk(expression);
}

/** Whether every way to meet the expression needs a denied licence. */
export function isDenied(expression: LicenceExpression, denied: readonly string[]): boolean {
  const entries = denied.map(leafOf);
  const walk = (tree: LicenceExpression): boolean => {
    if (tree.$case === 'licence') return entries.some((entry) => meets(tree, entry));
    return tree.$case === 'and' ? walk(tree.left) || walk(tree.right) : walk(tree.left) && walk(tree.right);
  };
  return walk(expression);
}
