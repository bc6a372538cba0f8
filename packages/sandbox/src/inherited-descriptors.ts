import { readdir, readFile } from 'node:fs/promises';

const STANDARD_ERROR = 2;
const O_CLOEXEC = 0o2000000;
const LIMIT = 1024;

/**
 * The highest descriptor that a child of this process would inherit, at least 2. Whoever started this process may have left a
 * socket or pipe open in it; children get /dev/null in place of all of them, because an open descriptor passes every namespace.
 */
export async function lastInheritedDescriptor(): Promise<number> {
  const numbers = (await readdir('/proc/self/fd')).map(Number);
  const inherited = await Promise.all(numbers.map(async (number) => ((await isInherited(number)) ? number : 0)));
  return Math.min(Math.max(STANDARD_ERROR, ...inherited), LIMIT);
}

async function isInherited(number: number): Promise<boolean> {
  const info = await readFile(`/proc/self/fdinfo/${number}`, 'utf8').catch(() => '');
  const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
}
