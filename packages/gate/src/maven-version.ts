import { GateError } from './error.js';

/** An item of Maven's ComparableVersion: a number, a word, or a list that `-` or a change between digits and letters opens. */
type Item =
  | { readonly $case: 'number'; readonly digits: string }
  | { readonly $case: 'word'; readonly word: string }
  | List;
interface List {
  readonly $case: 'list';
  readonly items: Item[];
}

const MAX_LENGTH = 500;
const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const ALIASES: Readonly<Record<string, string>> = { ga: '', final: '', release: '', cr: 'rc' };
const SHORT: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };

function numberItem(text: string): Item {
  return { $case: 'number', digits: text.replace(/^0+(?=\d)/, '') };
}

/** `a1` is `alpha-1`: a single letter counts as its word only before a digit. */
function wordItem(text: string, beforeDigit: boolean): Item {
  const long = beforeDigit && Object.hasOwn(SHORT, text) ? (SHORT[text] ?? text) : text;
  return { $case: 'word', word: Object.hasOwn(ALIASES, long) ? (ALIASES[long] ?? long) : long };
}

function isNull(item: Item): boolean {
  if (item.$case === 'number') return item.digits === '0';
  return item.$case === 'word' ? item.word === '' : item.items.length === 0;
}

/** Trailing zeros and empty qualifiers say nothing, up to the last list. */
function normalise(list: List): void {
  for (let index = list.items.length - 1; index >= 0; index--) {
    const item = list.items[index];
    if (item === undefined) continue;
    if (isNull(item)) {
      const next = list.items[index + 1];
      if (next === undefined || next.$case === 'word' || next.$case === 'list') list.items.splice(index, 1);
    } else if (item.$case !== 'list') break;
  }
}

function parse(text: string): List {
  if (text.length > MAX_LENGTH || text.trim() === '') {
    throw new GateError('VERSION_INVALID', `Cannot order Maven version "${text.slice(0, 100)}": it is not a version`);
  }
  const version = text.trim().toLowerCase();
  const root: List = { $case: 'list', items: [] };
  const stack: List[] = [root];
  let list = root;
  let isDigit = false;
  let start = 0;
  const open = () => {
    const inner: List = { $case: 'list', items: [] };
    list.items.push(inner);
    list = inner;
    stack.push(list);
  };
  const item = (end: number, beforeDigit: boolean): Item =>
    isDigit ? numberItem(version.slice(start, end)) : wordItem(version.slice(start, end), beforeDigit);
  for (let index = 0; index < version.length; index++) {
    const char = version[index] ?? '';
    if (char === '.' || char === '-') {
      list.items.push(index === start ? numberItem('0') : item(index, false));
      start = index + 1;
      if (char === '-') open();
    } else if (/\d/.test(char)) {
      if (!isDigit && index > start) {
        // 1.0.0.RC1 is 1.0.0-RC1.
        if (list.items.length > 0) open();
        list.items.push(item(index, true));
        start = index;
        open();
      }
      isDigit = true;
    } else {
      if (isDigit && index > start) {
        list.items.push(item(index, false));
        start = index;
        open();
      }
      isDigit = false;
    }
  }
  if (version.length > start) {
    if (!isDigit && list.items.length > 0) open();
    list.items.push(item(version.length, false));
  }
  for (let inner = stack.pop(); inner !== undefined; inner = stack.pop()) normalise(inner);
  return root;
}

/** Known qualifiers in their order, unknown ones after all of them, by text. */
function compareWords(a: string, b: string): number {
  const [left, right] = [QUALIFIERS.indexOf(a), QUALIFIERS.indexOf(b)];
  if (left !== -1 || right !== -1)
    return (left === -1 ? QUALIFIERS.length : left) - (right === -1 ? QUALIFIERS.length : right);
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Of two items of different kinds: a number after a list after a word; against nothing, what the item adds to a release. */
function compareItems(a: Item | undefined, b: Item | undefined): number {
  if (a === undefined) return b === undefined ? 0 : -compareItems(b, undefined);
  if (a.$case === 'number') {
    if (b === undefined) return a.digits === '0' ? 0 : 1;
    return b.$case === 'number' ? compareDigits(a.digits, b.digits) : 1;
  }
  if (a.$case === 'word') {
    if (b === undefined) return compareWords(a.word, '');
    return b.$case === 'word' ? compareWords(a.word, b.word) : -1;
  }
  if (b === undefined) {
    for (const item of a.items) {
      const order = compareItems(item, undefined);
      if (order !== 0) return order;
    }
    return 0;
  }
  if (b.$case !== 'list') return b.$case === 'number' ? -1 : 1;
  for (let index = 0; index < Math.max(a.items.length, b.items.length); index++) {
    const order = compareItems(a.items[index], b.items[index]);
    if (order !== 0) return order;
  }
  return 0;
}

/**
 * The order of Maven (maven.apache.org/pom.html, "Version Order Specification"; class ComparableVersion of Maven 3.9). Depth is
 * bounded by the length that is accepted.
 * @throws {GateError} `VERSION_INVALID` for an empty text, or one of more than 500 characters
 */
export function compareMavenVersions(a: string, b: string): number {
  return compareItems(parse(a), parse(b));
}
