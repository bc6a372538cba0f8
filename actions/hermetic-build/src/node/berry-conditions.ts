import type { LockEntry } from '../lockfile/entry.js';
import { invalid } from './place-packages.js';

const KEYS = ['os', 'cpu', 'libc'] as const;

/** `os=linux & (cpu=arm64 | cpu=x64) & libc=glibc` in npm's words. */
export function berryPlatform(conditions: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const found: Partial<Record<(typeof KEYS)[number], string[]>> = {};
  for (const part of conditions.split('&')) {
    const terms = part
      .trim()
      .replace(/^\((.*)\)$/, '$1')
      .split('|');
    for (const term of terms) {
      const [, key, value] = /^(\w+)=(!?[\w.-]+)$/.exec(term.trim()) ?? [];
      const known = KEYS.find((name) => name === key);
      if (known === undefined || value === undefined) throw invalid(`"${conditions.slice(0, 200)}" is no condition`);
      const list = found[known] ?? [];
      list.push(value);
      found[known] = list;
    }
  }
  return found;
}
