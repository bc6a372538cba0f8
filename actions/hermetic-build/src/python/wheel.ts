import type { PythonFacts } from './python-facts.js';

export interface DistributionFile {
  readonly kind: 'wheel' | 'sdist';
  /** Normalised (PEP 503). */
  readonly name: string;
  readonly version: string;
  /** Of a wheel: python, abi and platform tags, each perhaps several (PEP 425). */
  readonly tags: readonly [python: readonly string[], abi: readonly string[], platform: readonly string[]];
}

export function normalName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

/** Reads a file name of an index (PEP 427, PEP 625); `undefined` for what is neither wheel nor source archive. */
export function parseFileName(file: string): DistributionFile | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._+!-]*$/.test(file)) return undefined;
  if (file.endsWith('.whl')) {
    const parts = file.slice(0, -'.whl'.length).split('-');
    if (parts.length !== 5 && parts.length !== 6) return undefined;
    const [python = '', abi = '', platform = ''] = parts.slice(-3);
    const tags = [python.split('.'), abi.split('.'), platform.split('.')] as const;
    return { kind: 'wheel', name: normalName(parts[0] ?? ''), version: parts[1] ?? '', tags };
  }
  const match = /^(.+)-([^-]+)\.(?:tar\.gz|zip)$/.exec(file);
  if (match === null) return undefined;
  return { kind: 'sdist', name: normalName(match[1] ?? ''), version: match[2] ?? '', tags: [[], [], []] };
}

/** PEP 440's normal form, as far as file names and lock files differ in it. */
export function sameVersion(a: string, b: string): boolean {
  const normal = (version: string) =>
    version
      .toLowerCase()
      .replace(/^v/, '')
      .replaceAll(/[-_]/g, '.')
      .replaceAll(/\.?(alpha|beta|preview|pre|rc|a|b|c|post|dev)\.?/g, '.$1')
      .replace(/(?:\.0)+$/, '');
  return normal(a) === normal(b);
}

/**
 * How well a wheel fits, higher is better; `undefined` when it does not run on this CPython. Built for exactly this interpreter
 * stands before the stable ABI, and that before pure Python.
 */
export function fitOf({ tags }: DistributionFile, facts: PythonFacts): number | undefined {
  const [pythons, abis, platforms] = tags;
  const fits = pythons.flatMap((python) =>
    abis.flatMap((abi) => {
      const own = fitOfAbi(python, abi, facts.minor);
      const best = Math.max(...platforms.map((platform) => fitOfPlatform(platform, facts)));
      return own === undefined || best < 0 ? [] : [own * 10_000 + best];
    }),
  );
  return fits.length === 0 ? undefined : Math.max(...fits);
}

function fitOfAbi(python: string, abi: string, minor: number): number | undefined {
  const [, implementation = '', digits = ''] = /^(cp|py)3(\d*)$/.exec(python) ?? [];
  const built = digits === '' ? 0 : Number(digits);
  if (implementation === '' || built > minor) return undefined;
  if (implementation === 'cp' && abi === `cp3${minor}` && built === minor) return 4;
  if (implementation === 'cp' && abi === 'abi3') return 3;
  if (abi !== 'none') return undefined;
  return implementation === 'cp' ? (built === minor ? 2 : undefined) : 1;
}

const OLD_NAMES: Readonly<Record<string, string>> = {
  manylinux1: 'manylinux_2_5',
  manylinux2010: 'manylinux_2_12',
  manylinux2014: 'manylinux_2_17',
};

/** `any` is 0, a plain linux tag 1, manylinux its minor version of glibc (PEP 600); -1 does not fit. */
function fitOfPlatform(platform: string, { machine, glibc, markers }: PythonFacts): number {
  if (platform === 'any') return 0;
  if (markers.sys_platform !== 'linux') return -1;
  if (platform === `linux_${machine}`) return 1;
  const tag = platform.replace(/^manylinux(?:1|2010|2014)(?=_)/, (name) => OLD_NAMES[name] ?? name);
  const [, major = '', minor = '', architecture = ''] = /^manylinux_(\d+)_(\d+)_(.+)$/.exec(tag) ?? [];
  const [ownMajor = 0, ownMinor = 0] = (glibc ?? '').split('.').map(Number);
  if (glibc === null || architecture !== machine || Number(major) !== ownMajor || Number(minor) > ownMinor) return -1;
  return 1 + Number(minor);
}
