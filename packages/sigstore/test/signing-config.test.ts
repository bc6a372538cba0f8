import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import {
  PUBLIC_GOOD_SIGNING_CONFIG,
  PUBLIC_GOOD_TRUSTED_ROOT,
  parseSigningConfig,
  parseTrustedRoot,
  resolveInstance,
  selectServices,
} from '../src/index.js';
import { changed } from './tamper.js';

const AT = new Date('2026-06-01T00:00:00Z');
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

function service(operator: string, majorApiVersion: number, start: string, end?: string) {
  return {
    url: `https://${operator}/v${majorApiVersion}/${start}`,
    majorApiVersion,
    operator,
    validFrom: new Date(start),
    ...(end === undefined ? {} : { validUntil: new Date(end) }),
  };
}

const OLD = service('a', 1, '2020-01-01');
const NEW = service('a', 2, '2025-01-01');
const NEWEST = service('a', 2, '2026-01-01');
const FUTURE = service('a', 2, '2027-01-01');
const ENDED = service('b', 2, '2020-01-01', '2026-05-31');
const OTHER = service('b', 1, '2021-01-01');
const UNKNOWN = service('c', 3, '2020-01-01');
const ALL = [OLD, NEW, NEWEST, FUTURE, ENDED, OTHER, UNKNOWN];

describe('selectServices', () => {
  test('ANY takes one: the highest API, then the newest, in its window', () => {
    expect(selectServices(ALL, { selector: 'ANY' }, [1, 2], AT)).toEqual([NEWEST]);
    expect(selectServices(ALL, { selector: 'ANY' }, [1], AT)).toEqual([OTHER]);
    expect(selectServices(ALL, { selector: 'ANY' }, [1, 2], new Date('2025-06-01'))[0]).toBe(NEW);
  });

  test('ALL takes one of each operator; EXACT as many as it says', () => {
    expect(selectServices(ALL, { selector: 'ALL' }, [1, 2], AT)).toEqual([NEWEST, OTHER]);
    expect(selectServices(ALL, { selector: 'EXACT', count: 2 }, [1, 2], AT)).toEqual([NEWEST, OTHER]);
    expect(selectServices(ALL, { selector: 'EXACT', count: 1 }, [1, 2], AT)).toEqual([NEWEST]);
  });

  test.each([
    ['EXACT with too few operators', () => selectServices(ALL, { selector: 'EXACT', count: 3 }, [1, 2], AT)],
    ['all in the future', () => selectServices([FUTURE], { selector: 'ANY' }, [1, 2], AT)],
    ['all ended', () => selectServices([ENDED], { selector: 'ALL' }, [1, 2], AT)],
    ['an API that we do not speak', () => selectServices([UNKNOWN], { selector: 'ANY' }, [1, 2], AT)],
  ])('%s: nothing is signed', (_name, select) => {
    expect(select).toThrow(expect.objectContaining({ code: 'SERVICE_NOT_AVAILABLE' }));
  });

  test('the last moment of a window belongs to it', () => {
    expect(selectServices([ENDED], { selector: 'ANY' }, [2], new Date('2026-05-31'))).toEqual([ENDED]);
  });
});

describe('parseSigningConfig', () => {
  test.each<[string, readonly (string | number)[], unknown]>([
    ['another version', ['mediaType'], 'application/vnd.dev.sigstore.signingconfig.v0.1+json'],
    ['a URL without https', ['caUrls', 0, 'url'], 'http://fulcio.example'],
    ['a URL with credentials', ['caUrls', 0, 'url'], 'https://user:secret@fulcio.example'],
    ['no window', ['tsaUrls', 0, 'validFor'], {}],
    ['a time that is none', ['tsaUrls', 0, 'validFor', 'start'], 'tomorrow'],
    ['an unknown selector', ['tsaConfig', 'selector'], 'SOME'],
    ['EXACT without a count', ['rekorTlogConfig', 'selector'], 'EXACT'],
  ])('%s is refused', (_name, path, value) => {
    expect(() => parseSigningConfig(changed(PUBLIC_GOOD_SIGNING_CONFIG, path, () => value))).toThrow(
      expect.objectContaining({ code: 'SIGNING_CONFIG_MALFORMED' }),
    );
  });
});

describe('resolveInstance', () => {
  test('public-good: its newer log, or the older one when that is asked for', () => {
    const base = { instance: 'public-good', transparency: 'required', at: AT } as const;
    expect(resolveInstance(base)).toMatchObject({
      fulcioUrl: 'https://fulcio.sigstore.dev',
      logs: [{ url: 'https://log2025-1.rekor.sigstore.dev', version: 2 }],
      tsaUrls: ['https://timestamp.sigstore.dev/api/v1/timestamp'],
    });
    expect(resolveInstance({ ...base, rekorVersion: 1 }).logs).toEqual([
      { url: 'https://rekor.sigstore.dev', version: 1 },
    ]);
    expect(resolveInstance({ ...base, transparency: 'off' }).logs).toEqual([]);
  });

  test('its root is the one under trust/, and knows every service', () => {
    const text = readFileSync(resolve(ROOT, 'trust/public-good.json'), 'utf8');
    expect(JSON.parse(PUBLIC_GOOD_TRUSTED_ROOT)).toEqual(JSON.parse(text));
    parseTrustedRoot(PUBLIC_GOOD_TRUSTED_ROOT);
    const { logs, fulcioUrl, tsaUrls } = resolveInstance({ instance: 'public-good', transparency: 'required', at: AT });
    for (const url of [fulcioUrl, ...tsaUrls, ...logs.map((log) => log.url)]) expect(text).toContain(`"${url}"`);
  });

  test('github has no log and says so; custom needs its services', () => {
    expect(resolveInstance({ instance: 'github', transparency: 'off', at: AT })).toMatchObject({ logs: [] });
    for (const instance of ['github', 'custom'] as const) {
      expect(() => resolveInstance({ instance, transparency: 'required', at: AT })).toThrow(
        expect.objectContaining({ code: 'SESSION_INVALID' }),
      );
    }
  });
});
