import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseIsolationReport } from '@paved/attestation';
import { runCanary } from '../src/canary.js';
import { availableMethods } from '../src/testing.js';

/** Two variables, as a command would get them. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin', HOME: '/tmp/home' };
const methods = await availableMethods();
let workDir: string;
beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'paved-canary-test-'));
});
afterAll(() => rm(workDir, { recursive: true, force: true }));

describe('the canary', () => {
  for (const { method, available, reason } of methods) {
    (available ? test : test.skip)(`blocks every attack with method ${method}${reason}`, async () => {
      const report = await runCanary({ method, workDir, home: homedir(), environment: ENVIRONMENT });
      expect(report.checks.filter((check) => check.outcome !== 'blocked')).toEqual([]);
      expect(report.checks.map((check) => check.name)).toEqual(
        expect.arrayContaining([
          'tcp-host-loopback',
          'udp-host-loopback',
          'unix-socket',
          'abstract-socket',
          'host-environ',
        ]),
      );
      expect(parseIsolationReport(JSON.stringify(report))).toMatchObject({ method, hermetic: true });
    });
  }

  test('reports without a sandbox that the same attacks work (control), and is not hermetic', async () => {
    const report = await runCanary({ method: 'none', workDir, home: homedir(), environment: ENVIRONMENT });
    const reachable = report.checks.filter((check) => check.outcome === 'reachable').map((check) => check.name);
    expect(reachable).toEqual(
      expect.arrayContaining([
        'tcp-host-loopback',
        'udp-host-loopback',
        'unix-socket',
        'abstract-socket',
        'host-environ',
        'runner-temp',
        'home',
        'identity',
        'privileges',
      ]),
    );
    expect(parseIsolationReport(JSON.stringify(report))).toMatchObject({ method: 'none', hermetic: false });
  });

  test('proves nothing when a decoy is not there', async () => {
    const home = join(workDir, 'absent');
    const report = await runCanary({ method: 'none', workDir, home, environment: ENVIRONMENT });
    expect(report.checks.find((check) => check.name === 'home')).toMatchObject({
      outcome: 'blocked',
      detail: 'ENOENT',
    });
  });
});
