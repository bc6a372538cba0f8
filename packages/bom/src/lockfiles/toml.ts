import { malformed } from './lockfile.js';

export type TomlTable = { [key: string]: TomlValue };
export type TomlValue = string | number | boolean | TomlTable | TomlValue[];

const MAX_DEPTH = 100;
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\' };

/** Tables without a prototype: `__proto__` is a key like any other. */
function table(): TomlTable {
  return Object.create(null) as TomlTable;
}

/**
 * The part of TOML 1.0 that package managers write: tables, arrays of tables, strings, numbers, booleans, arrays, inline tables.
 * Dates come back as text. What is malformed is refused, never guessed.
 * @throws {BomError} `LOCKFILE_MALFORMED` with the line
 */
export function parseToml(text: string): TomlTable {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): TomlTable {
    const root = table();
    let current = root;
    for (this.#blank(true); this.#at < this.#text.length; this.#blank(true)) {
      if (this.#text.startsWith('[[', this.#at)) current = this.#header(root, '[[', ']]');
      else if (this.#text[this.#at] === '[') current = this.#header(root, '[', ']');
      else this.#pair(current, 0);
      this.#endOfLine();
    }
    return root;
  }

  #fail(state: string): never {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    throw malformed('TOML', `line ${line}: ${state}`);
  }

  #blank(newlines: boolean): void {
    const pattern = newlines ? /(?:[ \t\r\n]|#[^\n]*)*/y : /[ \t]*/y;
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }

  #take(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  #endOfLine(): void {
    const pattern = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) this.#fail('something stands after the value');
    this.#at += match[0].length;
  }

  #header(root: TomlTable, open: string, close: string): TomlTable {
    this.#take(open);
    const path = this.#key();
    this.#blank(false);
    if (!this.#take(close)) this.#fail('the table header is not closed');
    const last = path.pop() ?? '';
    const parent = path.reduce((at, part) => this.#descend(at, part), root);
    if (open === '[') return this.#descend(parent, last);
    const list = parent[last] ?? [];
    if (!Array.isArray(list)) this.#fail('a name is both a table and an array of tables');
    const added = table();
    list.push(added);
    parent[last] = list;
    return added;
  }

  #descend(parent: TomlTable, name: string): TomlTable {
    const value = parent[name] ?? table();
    parent[name] = value;
    const found = Array.isArray(value) ? value.at(-1) : value;
    if (typeof found !== 'object' || Array.isArray(found)) this.#fail('a name is both a value and a table');
    return found;
  }

  #key(): string[] {
    const parts: string[] = [];
    do {
      this.#blank(false);
      const quote = this.#text[this.#at];
      if (quote === '"' || quote === "'") parts.push(this.#string());
      else parts.push(this.#match(/[A-Za-z0-9_-]+/y, 'there is no key'));
      this.#blank(false);
    } while (this.#take('.'));
    return parts;
  }

  #match(pattern: RegExp, state: string): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) this.#fail(state);
    this.#at += match[0].length;
    return match[0];
  }

  #pair(target: TomlTable, depth: number): void {
    const path = this.#key();
    if (!this.#take('=')) this.#fail('a key has no value');
    this.#blank(false);
    const last = path.pop() ?? '';
    const parent = path.reduce((at, part) => this.#descend(at, part), target);
    if (Object.hasOwn(parent, last)) this.#fail('a key is there twice');
    parent[last] = this.#value(depth);
  }

  #value(depth: number): TomlValue {
    if (depth > MAX_DEPTH) this.#fail(`it is nested deeper than ${MAX_DEPTH} levels`);
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") return this.#string();
    if (first === '[') return this.#array(depth);
    if (first === '{') return this.#inline(depth);
    const word = this.#match(/[A-Za-z0-9+_.:-]+(?: \d\d:\d\d[0-9:.Z+-]*)?/y, 'there is no value');
    if (word === 'true' || word === 'false') return word === 'true';
    if (/^\d{4}-\d\d-\d\d|^\d\d:\d\d/.test(word)) return word;
    const number = Number(word.replaceAll('_', ''));
    if (Number.isNaN(number)) this.#fail('a value is not TOML');
    return number;
  }

  #array(depth: number): TomlValue[] {
    this.#take('[');
    const values: TomlValue[] = [];
    for (;;) {
      this.#blank(true);
      if (this.#take(']')) return values;
      values.push(this.#value(depth + 1));
      this.#blank(true);
      if (!this.#take(',') && this.#text[this.#at] !== ']') this.#fail('an array is not closed');
    }
  }

  #inline(depth: number): TomlTable {
    this.#take('{');
    const target = table();
    for (;;) {
      this.#blank(true);
      if (this.#take('}')) return target;
      this.#pair(target, depth + 1);
      this.#blank(true);
      if (!this.#take(',') && this.#text[this.#at] !== '}') this.#fail('an inline table is not closed');
    }
  }

  #string(): string {
    const quote = this.#text[this.#at] ?? '';
    const long = quote.repeat(3);
    if (this.#text.startsWith(long, this.#at)) return this.#longString(long);
    this.#at++;
    const body = quote === "'" ? /[^'\n]*/y : /(?:[^"\\\n]|\\.)*/y;
    const raw = this.#match(body, 'a string is malformed');
    if (!this.#take(quote)) this.#fail('a string is not closed');
    return quote === "'" ? raw : this.#unescape(raw);
  }

  #longString(long: string): string {
    this.#at += 3;
    const pattern = long === "'''" ? /'''/g : /(?<!\\)(?:\\\\)*"""/g;
    pattern.lastIndex = this.#at;
    const end = pattern.exec(this.#text);
    if (end === null) this.#fail('a string is not closed');
    const stop = end.index + end[0].length - 3;
    const raw = this.#text.slice(this.#at, stop).replace(/^\r?\n/, '');
    this.#at = stop + 3;
    return long === "'''" ? raw : this.#unescape(raw.replaceAll(/\\[ \t]*\r?\n\s*/g, ''));
  }

  #unescape(raw: string): string {
    return raw.replaceAll(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/gs, (_all, code: string) => {
      const simple = ESCAPES[code];
      if (simple !== undefined) return simple;
      const point = Number.parseInt(code.slice(1), 16);
      if (code.length < 5 || point > 0x10ffff) this.#fail('a string has an unknown escape');
      return String.fromCodePoint(point);
    });
  }
}
