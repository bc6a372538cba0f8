import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '@paved/errors';
import { chooseMethod } from '@paved/sandbox';

export interface IsolationChoice {
  readonly isolation: 'sandbox' | 'none';
  /** Why there is no sandbox. */
  readonly reason: string;
}

/** A sandbox where this machine allows one; otherwise the demo goes on without, and says so everywhere. */
export async function chooseIsolation(): Promise<IsolationChoice> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-probe-'));
  try {
    await chooseMethod(folder);
    return { isolation: 'sandbox', reason: '' };
  } catch (error) {
    return { isolation: 'none', reason: describeError(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
