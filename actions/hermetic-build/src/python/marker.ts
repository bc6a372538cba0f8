import { HermeticBuildError } from '../error.js';

const TOKEN = /\s*(?:(\(|\))|(===|==|!=|<=|>=|~=|<|>)|"([^"]*)"|'([^']*)'|([A-Za-z_][A-Za-z0-9_.]*))/y;
const MAX_LENGTH = 4096;

type Token = { readonly kind: 'symbol' | 'word' | 'text'; readonly value: string };

/**
 * Whether an environment marker (PEP 508) holds; what is malformed is refused, never taken for true or false.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`
 */
export function markerHolds(marker: string, environment: Readonly<Record<string, string>>): boolean {
  return new Evaluator(marker, environment).result();
}

class Evaluator {
  readonly #marker: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(marker: string, environment: Readonly<Record<string, string>>) {
    this.#marker = marker;
    this.#environment = environment;
    if (marker.length > MAX_LENGTH) throw this.#invalid();
    TOKEN.lastIndex = 0;
    for (let end = marker.trimEnd().length; TOKEN.lastIndex < end; ) {
      const match = TOKEN.exec(marker);
      if (match === null) throw this.#invalid();
      const [, parenthesis, operator, double, single, word] = match;
      if (word !== undefined) this.#tokens.push({ kind: 'word', value: word });
      else if (double !== undefined || single !== undefined)
        this.#tokens.push({ kind: 'text', value: double ?? single ?? '' });
      else this.#tokens.push({ kind: 'symbol', value: parenthesis ?? operator ?? '' });
    }
  }

  result(): boolean {
    const value = this.#or();
    if (this.#at !== this.#tokens.length) throw this.#invalid();
    return value;
  }

  #or(): boolean {
    let value = this.#and();
    while (this.#take('or')) value = this.#and() || value;
    return value;
  }

  #and(): boolean {
    let value = this.#one();
    while (this.#take('and')) value = this.#one() && value;
    return value;
  }

  #one(): boolean {
    if (this.#take('(')) {
      const value = this.#or();
      if (!this.#take(')')) throw this.#invalid();
      return value;
    }
    const left = this.#operand();
    const operator = this.#operator();
    const right = this.#operand();
    const versions = [left, right].some(
      ({ name }) => name !== undefined && /version$/.test(name) && name !== 'platform_version',
    );
    return compare(left.value, operator, right.value, versions) ?? this.#fail();
  }

  #operand(): { readonly value: string; readonly name?: string } {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'text') return { value: token.value };
    if (token?.kind !== 'word') throw this.#invalid();
    const value = Object.hasOwn(this.#environment, token.value) ? this.#environment[token.value] : undefined;
    if (value === undefined) throw this.#invalid();
    return { value, name: token.value };
  }

  #operator(): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'symbol') return token.value;
    if (token?.kind === 'word' && token.value === 'in') return 'in';
    if (token?.kind === 'word' && token.value === 'not' && this.#take('in')) return 'not in';
    throw this.#invalid();
  }

  #take(value: string): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.kind === 'text' || token.value !== value) return false;
    this.#at++;
    return true;
  }

  #fail(): never {
    throw this.#invalid();
  }

  #invalid(): HermeticBuildError {
    const text = this.#marker.slice(0, 200);
    return new HermeticBuildError('LOCKFILE_INVALID', `Cannot read environment marker "${text}": it is malformed`, {
      hint: 'Write the lock file again with the package manager',
    });
  }
}

function compare(left: string, operator: string, right: string, versions: boolean): boolean | undefined {
  if (operator === 'in') return right.includes(left);
  if (operator === 'not in') return !right.includes(left);
  if (operator === '===') return left === right;
  if (versions && /^\d/.test(left) && /^\d/.test(right)) return compareVersions(left, operator, right);
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    default:
      return undefined;
  }
}

function compareVersions(left: string, operator: string, right: string): boolean | undefined {
  const wild = right.endsWith('.*');
  const wanted = numbers(right.replace(/\.\*$/, ''));
  const own = wild ? numbers(left).slice(0, wanted.length) : numbers(left);
  const order = orderOf(own, wanted);
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '~=':
      return order >= 0 && orderOf(own.slice(0, wanted.length - 1), wanted.slice(0, -1)) === 0;
    default:
      return undefined;
  }
}

/** Release numbers; a pre-release of the interpreter counts as its release. */
function numbers(version: string): readonly number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);
}

function orderOf(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
