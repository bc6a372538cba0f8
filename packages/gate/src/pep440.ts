import { GateError } from './error.js';

/** Normalised parts of a PEP 440 version; numbers as decimal texts without leading zeros, which lose no digits. */
interface PythonVersion {
  readonly epoch: string;
  readonly release: readonly string[];
  readonly pre: readonly [number, string] | undefined;
  readonly post: string | undefined;
  readonly dev: string | undefined;
  readonly local: readonly string[];
}

const NUMBER = String.raw`\d{1,40}`;
/** PEP 440 appendix B, every alternate spelling included. */
const VERSION = new RegExp(
  String.raw`^v?(?:(${NUMBER})!)?(${NUMBER}(?:\.${NUMBER}){0,30})` +
    `(?:[-_.]?(alpha|beta|preview|pre|a|b|c|rc)[-_.]?(${NUMBER})?)?` +
    `(?:-(${NUMBER})|[-_.]?(post|rev|r)[-_.]?(${NUMBER})?)?` +
    `(?:[-_.]?(dev)[-_.]?(${NUMBER})?)?` +
    String.raw`(?:\+([a-z0-9]{1,60}(?:[-_.][a-z0-9]{1,60}){0,20}))?$`,
  'i',
);
const PHASES: Readonly<Record<string, number>> = { a: 0, alpha: 0, b: 1, beta: 1, c: 2, rc: 2, pre: 2, preview: 2 };

function bare(number: string): string {
  return number.replace(/^0+(?=\d)/, '');
}

function parse(text: string): PythonVersion {
  const match = VERSION.exec(text.trim());
  if (match === null) {
    throw new GateError('VERSION_INVALID', `Cannot order Python version "${text.slice(0, 100)}": it is not a version`);
  }
  const [, epoch = '0', release = '', phase, pre = '0', implicit, post, postNumber = '0', dev, devNumber = '0', local] =
    match;
  return {
    epoch: bare(epoch),
    release: release.split('.').map(bare),
    pre: phase === undefined ? undefined : [PHASES[phase.toLowerCase()] ?? 0, bare(pre)],
    post: implicit !== undefined ? bare(implicit) : post === undefined ? undefined : bare(postNumber),
    dev: dev === undefined ? undefined : bare(devNumber),
    local: local === undefined ? [] : local.toLowerCase().split(/[-_.]/),
  };
}

function compareNumbers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareReleases(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = compareNumbers(a[index] ?? '0', b[index] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

/** A development release of the final one comes before its pre-releases, and the final one after them. */
function prePhase({ pre, post, dev }: PythonVersion): readonly [number, string] {
  if (pre !== undefined) return pre;
  return post === undefined && dev !== undefined ? [-1, '0'] : [3, '0'];
}

/** Absent sorts below, or above, every number. */
function compareOptional(a: string | undefined, b: string | undefined, absent: 1 | -1): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? absent : -absent;
  return compareNumbers(a, b);
}

/** Numbers after words, more parts after fewer ("Local version identifiers"). */
function compareLocals(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left = '', right = ''] = [a[index], b[index]];
    const [numericA, numericB] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    const order =
      numericA && numericB
        ? compareNumbers(bare(left), bare(right))
        : numericA === numericB
          ? left === right
            ? 0
            : left < right
              ? -1
              : 1
          : numericA
            ? 1
            : -1;
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** The order of PEP 440 ("Summary of permitted suffixes and relative ordering"). @throws {GateError} `VERSION_INVALID` */
export function comparePythonVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  const [preA, preB] = [prePhase(left), prePhase(right)];
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareReleases(left.release, right.release) ||
    preA[0] - preB[0] ||
    compareNumbers(preA[1], preB[1]) ||
    compareOptional(left.post, right.post, -1) ||
    compareOptional(left.dev, right.dev, 1) ||
    compareLocals(left.local, right.local)
  );
}
