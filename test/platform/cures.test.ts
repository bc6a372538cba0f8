import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import { parseTrustedRoot } from '@paved/sigstore';

/**
 * Errors without a `hint`, by file: the most that there may be. What stands here is wrapped by an error that has one, is the reason in a
 * row of checks (docs/verify.md has the cure for its code), or is a defect of ours. A new error belongs into no list: give it its cure.
 */
const WITHOUT_CURE: Readonly<Record<string, number>> = {
  'actions/provenance/src/tools.ts': 1,
  'actions/scan-gate/src/osv-archive.ts': 2,
  'actions/scan-gate/src/owners.ts': 1,
  'actions/scan-gate/src/policy-source.ts': 2,
  'actions/scan-gate/src/rego/write-rules-report.ts': 1,
  'actions/scan/src/check-output.ts': 1,
  'actions/verify/src/artifact.ts': 1,
  'actions/verify/src/co-signers.ts': 1,
  'actions/verify/src/expectations.ts': 2,
  'actions/verify/src/fetch-bundles.ts': 1,
  'actions/verify/src/fetch-image.ts': 1,
  'actions/verify/src/legacy-tags.ts': 1,
  'actions/verify/src/read-bundles.ts': 2,
  'actions/verify/src/run.ts': 3,
  'actions/verify/src/verification-policy.ts': 1,
  'actions/verify/src/verify-candidate.ts': 1,
  'actions/watch/src/previous-state.ts': 1,
  'packages/attestation/src/build-record.ts': 1,
  'packages/attestation/src/bundle-index.ts': 1,
  'packages/attestation/src/dsse.ts': 2,
  'packages/attestation/src/resource.ts': 1,
  'packages/attestation/src/timestamp.ts': 1,
  'packages/attestation/src/trust.ts': 1,
  'packages/bom/src/fetch-manifest.ts': 2,
  'packages/digest/src/streams.ts': 1,
  'packages/gate/src/age.ts': 1,
  'packages/gate/src/cvss.ts': 1,
  'packages/gate/src/go-version.ts': 1,
  'packages/gate/src/kev.ts': 2,
  'packages/gate/src/maven-version.ts': 1,
  'packages/gate/src/osv-record.ts': 2,
  'packages/gate/src/osv-report.ts': 3,
  'packages/gate/src/parse-policy.ts': 7,
  'packages/gate/src/pep440.ts': 1,
  'packages/gate/src/reports/parse-bytes.ts': 1,
  'packages/gate/src/scan-record.ts': 1,
  'packages/gate/src/version-order.ts': 2,
  'packages/gate/src/vex/parse-vex.ts': 1,
  'packages/http/src/client.ts': 1,
  'packages/json/src/decoder.ts': 2,
  'packages/oci/src/registry-client.ts': 1,
  'packages/runner-kit/src/events.ts': 2,
  'packages/runner-kit/src/outputs.ts': 2,
  'packages/sigstore/src/bundle-run.ts': 1,
  'packages/sigstore/src/bundle.ts': 2,
  'packages/sigstore/src/certificate.ts': 1,
  'packages/sigstore/src/kms/kms-key.ts': 1,
  'packages/sigstore/src/log/checkpoint.ts': 1,
  'packages/sigstore/src/log/logged-signer.ts': 1,
  'packages/sigstore/src/pem-key.ts': 1,
  'packages/sigstore/src/policy.ts': 1,
  'packages/sigstore/src/session-key.ts': 1,
  'packages/sigstore/src/verify-bundle.ts': 6,
  'packages/sigstore/src/verify-key-material.ts': 6,
  'packages/sigstore/src/verify-material.ts': 6,
};

/** Errors that our code throws on purpose; those of the language carry no hint. */
const ERROR = /\bnew ((?!Aggregate|Range|Type|Syntax|Internal)[A-Z]\w*Error)\(/g;

/** The text of a call up to its closing parenthesis; strings and templates are passed over. */
function callAt(source: string, start: number): string {
  const closers: string[] = [')'];
  let at = start;
  for (; at < source.length && closers.length > 0; at++) {
    const [char = '', inside = ''] = [source[at], closers.at(-1)];
    const inText = inside === "'" || inside === '"' || inside === '`';
    if (char === '\\') at += 1;
    else if (char === inside) closers.pop();
    else if (inText && !(inside === '`' && source.startsWith('$' + '{', at))) continue;
    else if (inText) [closers[closers.length], at] = ['}', at + 1];
    else if ('([{'.includes(char)) closers.push({ '(': ')', '[': ']', '{': '}' }[char] ?? '');
    else if ('\'"`'.includes(char)) closers.push(char);
  }
  return source.slice(start, at - 1);
}

const TEXT = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`/gs;

/** Lines of `source` on which an error is made without a cure, whether literally or through a variable of that name. */
function withoutCure(source: string): readonly number[] {
  const code = source.replaceAll(/^[ \t]*(\/\/|\*|\/\*).*$/gm, '');
  return [...code.matchAll(ERROR)]
    .filter((match) => !/\bhint\b|\boptions\b/.test(callAt(code, match.index + match[0].length).replaceAll(TEXT, '')))
    .map((match) => code.slice(0, match.index).split('\n').length);
}

const files = execFileSync('git', ['ls-files', '-z', 'actions/*/src/*.ts', 'packages/*/src/*.ts'], { encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(path))
  // What the tests and the build are made with is met by nobody who uses the actions.
  .filter((path) => !/^packages\/(testkit|toolchain|local-runner)\//.test(path));

describe('a cure for each error', () => {
  test('no file has more errors without one than are listed', () => {
    const found = files.map((path) => ({ path, lines: withoutCure(readFileSync(path, 'utf8')) }));
    const more = found.filter(({ path, lines }) => lines.length > (WITHOUT_CURE[path] ?? 0));
    expect(more).toEqual([]);
  });

  test('the list names files that are there', () => {
    expect(Object.keys(WITHOUT_CURE).filter((path) => !files.includes(path))).toEqual([]);
  });

  test.each<readonly [string, string, number]>([
    ['with a cure', "throw new SignError('X', `a ${b(')')}`, { cause, hint: 'Set it' });", 0],
    ['without', "throw new SignError('X', `a ${b(')')} hint`);", 1],
    ['of which the text alone says hint', "throw new SignError('X', 'Cannot take a hint');", 1],
    ['with a cause alone', "throw new SignError('X', 'a', { cause });", 1],
    ['with options of the caller', "throw new SignError('X', 'a', options);", 0],
    ['in a comment', "  // throw new SignError('X', 'a');", 0],
    ['of the language', "throw new RangeError('a');", 0],
  ])('an error %s', (_what, source, count) => {
    expect(withoutCure(source)).toHaveLength(count);
  });

  test('a chain says each thing once, and ends with the cure', () => {
    const told = (text: string) => {
      try {
        return String(parseTrustedRoot(text));
      } catch (error) {
        return describeError(error);
      }
    };
    for (const text of ['{}', '{', 'null', '{"mediaType":"x"}']) {
      expect(told(text)).toMatch(/^TRUSTED_ROOT_MALFORMED: .+ \(Give the trusted_root\.json of the Sigstore instance/);
      expect(told(text).split('the trusted root:')).toHaveLength(2);
      expect(told(text).split('Cannot read field').length).toBeLessThanOrEqual(2);
    }
  });
});
