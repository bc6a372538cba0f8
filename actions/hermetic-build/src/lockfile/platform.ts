import { readdirSync } from 'node:fs';
import type { LockEntry } from './entry.js';

export interface Platform {
  readonly os: string;
  readonly cpu: string;
  readonly libc: 'glibc' | 'musl' | undefined;
}

/** The machine that this process runs on, in npm's words. */
export function currentPlatform(): Platform {
  return { os: process.platform, cpu: process.arch, libc: process.platform === 'linux' ? currentLibc() : undefined };
}

function currentLibc(): 'glibc' | 'musl' {
  try {
    return readdirSync('/lib').some((name) => name.startsWith('ld-musl-')) ? 'musl' : 'glibc';
  } catch {
    return 'glibc';
  }
}

/** Whether a package's `os`, `cpu` and `libc` admit the platform (npm documentation, "package.json", `os`). */
export function fitsPlatform(entry: LockEntry, platform: Platform): boolean {
  const fitsLibc = entry.libc === undefined || (platform.libc !== undefined && admits(entry.libc, platform.libc));
  return admits(entry.os, platform.os) && admits(entry.cpu, platform.cpu) && fitsLibc;
}

function admits(list: readonly string[] | undefined, own: string): boolean {
  if (list === undefined || list.length === 0 || (list.length === 1 && list[0] === 'any')) return true;
  if (list.includes(`!${own}`)) return false;
  return list.includes(own) || list.every((item) => item.startsWith('!'));
}
