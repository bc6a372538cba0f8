import { describe, expect, test } from '@jest/globals';
import {
  DEFAULT_POLICY,
  decide,
  type GateError,
  isSatisfied,
  licenceFindings,
  licenceState,
  parseLicenceExpression,
  parsePolicy,
} from '@paved/gate';
import { component } from './fixture.js';
import { type Expected, eachShared, haveShared, shared } from './shared-fixtures.js';

const load = (file: string): Expected => (haveShared ? JSON.parse(shared(`licences/${file}`).toString('utf8')) : {});
const examples = load('satisfies-examples.json');
const policy = load('policy-cases.json');
const realWorld = load('real-world-expressions.json');
const numbered = (list: readonly Expected[] | undefined) => Object.fromEntries(Object.entries(list ?? []));

/** What no expression can be read from is never allowed. */
function satisfies(text: string, licences: readonly string[]): boolean {
  const expression = parseLicenceExpression(text);
  return expression !== undefined && isSatisfied(expression, licences);
}

describe('published examples', () => {
  eachShared('true', numbered(examples.returnTrue), (_n, [text, list]) => expect(satisfies(text, list)).toBe(true));
  eachShared('false', numbered(examples.returnFalse), (_n, [text, list]) => expect(satisfies(text, list)).toBe(false));
  eachShared('refused', numbered(examples.throwErrors), (_n, [text, list]) => {
    expect(() => satisfies(text, list)).toThrow(expect.objectContaining({ code: 'LICENCE_INVALID' }));
  });

  // An upstream policy may call `OTHER` a licence of its own; here what is not on the SPDX list is unresolved.
  const isSpdx = (text: string) => !/\bOTHER\b/.test(text) || text.includes('LicenseRef-');
  eachShared('satisfies', numbered(policy.satisfies), (_n, { candidate, licences, expected }) => {
    expect(satisfies(candidate, licences)).toBe(isSpdx(candidate) ? expected : false);
  });
  eachShared('any of', numbered(policy.satisfiesAny), (_n, { candidate, licences, expected }) => {
    // Each listed licence alone: whether one of them is enough.
    const expression = parseLicenceExpression(candidate);
    const any = expression !== undefined && licences.some((licence: string) => isSatisfied(expression, [licence]));
    expect(any).toBe(expected);
  });
  eachShared('all of', numbered(policy.satisfiesAll), (_n, { candidate, licences, expected }) => {
    // Every listed licence is needed by some way to meet it, and together they meet it.
    const needed = licences.every((licence: string) => candidate.includes(licence));
    expect(needed && satisfies(candidate, licences)).toBe(expected);
  });
  eachShared('valid', numbered(policy.isValid), (_n, { candidate, expected }) => {
    expect(parseLicenceExpression(candidate) !== undefined).toBe(isSpdx(candidate) ? expected : false);
  });
  eachShared('cleaned', numbered(policy.cleanInvalidSPDX), (_n, { candidate, expected }) => {
    // Nothing is corrected: a guess would be a claim. What upstream leaves as it is, is an expression here too.
    expect(parseLicenceExpression(candidate) !== undefined).toBe(candidate === expected);
  });
  eachShared('words of distributions', numbered(realWorld.length === undefined ? [] : realWorld), (_n, { input }) => {
    expect(
      licenceState({ ...DEFAULT_POLICY, licences: parsePolicy({ licences: { allow: [] } }).licences as never }, input),
    ).toBe('unresolved');
  });
  eachShared('SPDX ids', { all: load('spdx-ids.schema.json') }, (_n, { enum: ids }) => {
    expect(ids).toHaveLength(811);
    const refused = ids.filter((id: string) => parseLicenceExpression(id) === undefined);
    expect(refused).toEqual([]);
  });
});

describe('precedence and exceptions', () => {
  test.each<[string, readonly string[], boolean]>([
    ['MIT OR GPL-3.0-only AND ISC', ['MIT'], true],
    ['(MIT OR GPL-3.0-only) AND ISC', ['MIT'], false],
    ['GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only'], false],
    ['GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only WITH Classpath-exception-2.0'], true],
    ['GPL-2.0-only WITH nonsense', ['GPL-2.0-only'], false],
    ['GPL-2.0-or-later', ['GPL-3.0-only'], true],
    ['GPL-2.0-only', ['GPL-3.0-or-later'], false],
    ['MIT AND', ['MIT'], false],
    ['', ['MIT'], false],
    ['MIT'.repeat(1000), ['MIT'], false],
    [`${'('.repeat(300)}MIT${')'.repeat(300)}`, ['MIT'], true],
  ])('%s with %j: %s', (text, list, expected) => {
    expect(satisfies(text, list)).toBe(expected);
  });
});

describe('the policy', () => {
  const rules = parsePolicy({
    licences: {
      allow: ['MIT', 'Apache-2.0'],
      deny: ['GPL-3.0-or-later'],
      packages: ['pkg:npm/known*'],
      unresolved: 'warn',
    },
  });
  const run = (purl: string, licences: readonly string[]) =>
    decide({
      findings: licenceFindings([component(purl, { licences })], rules),
      unchecked: [],
      policy: rules,
      branchProtected: true,
      asOf: '2025-01-01T00:00:00Z',
    });

  test.each<[string, readonly string[], string, string | undefined]>([
    ['pkg:npm/a@1', ['MIT'], 'pass', undefined],
    ['pkg:npm/a@1', ['MIT OR GPL-3.0-only'], 'pass', undefined],
    ['pkg:npm/a@1', ['MIT', 'GPL-3.0-only'], 'fail', 'block'],
    ['pkg:npm/a@1', ['BSD-3-Clause'], 'fail', 'block'],
    ['pkg:npm/a@1', ['see the file'], 'pass', 'warn'],
    ['pkg:npm/a@1', [], 'pass', 'warn'],
    ['pkg:npm/known-one@1', ['GPL-3.0-only'], 'pass', 'trend'],
  ])('%s with %j: %s', (purl, licences, verdict, action) => {
    const decision = run(purl, licences);
    expect([decision.verdict, decision.findings[0]?.action]).toEqual([verdict, action]);
    if (action !== undefined) expect(decision.findings[0]).toMatchObject({ kind: 'licence', rule: 'licence' });
  });

  test('a component without a purl has a licence as well', () => {
    const { purl: _, ...vendored } = component('', { name: 'vendored', version: '1', licences: ['GPL-3.0-only'] });
    const other = { ...vendored, name: 'another' };
    const findings = licenceFindings([vendored, other, { ...vendored, licences: ['MIT'] }], rules);
    const asOf = '2025-01-01T00:00:00Z';
    const decision = decide({ findings, unchecked: [], policy: rules, branchProtected: true, asOf });
    expect(decision.verdict).toBe('fail');
    expect(decision.findings.map(({ title, action }) => [title, action])).toEqual([
      ['licence GPL-3.0-only of another is denied', 'block'],
      ['licence GPL-3.0-only of vendored is denied', 'block'],
    ]);
    const dates = { created: '2024-12-01', expires: '2025-02-01' };
    const entry = { id: 'GPL-3.0-only', package: 'path:*', owner: '@o', reason: 'ours', kev: false, ...dates };
    const policy = { ...rules, exceptions: { ...rules.exceptions, entries: [entry] } };
    expect(decide({ findings, unchecked: [], policy, branchProtected: true, asOf }).verdict).toBe('pass');
  });

  test('a list of expressions is refused', () => {
    let error: GateError | undefined;
    try {
      parsePolicy({ licences: { allow: ['MIT OR ISC'] } });
    } catch (cause) {
      error = cause as GateError;
    }
    expect(error?.code).toBe('POLICY_INVALID');
  });
});
