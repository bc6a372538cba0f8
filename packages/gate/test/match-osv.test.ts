import { describe, expect, test } from '@jest/globals';
import { isRecordFor, matchOsv, packageKeys, parseOsvRecord, severityOf } from '@paved/gate';
import { component, fixture, goRecord, npmRecord } from './fixture.js';

const hits = (purl: string, ids: readonly string[]) =>
  matchOsv([component(purl)], ids.map(goRecord)).findings.map(({ source }) => source.id);

describe('records of the Go database', () => {
  test.each([
    ['pkg:golang/stdlib@1.13.3', 'GO-2022-0535', true],
    ['pkg:golang/stdlib@1.13.7', 'GO-2022-0535', false],
    ['pkg:golang/stdlib@1.12.16', 'GO-2022-0535', false],
    ['pkg:golang/stdlib@1.12.15', 'GO-2022-0535', true],
    ['pkg:golang/stdlib@1.13rc1', 'GO-2022-0535', true],
    ['pkg:golang/github.com/docker/distribution@v2.6.2%2Bincompatible', 'GO-2021-0072', true],
    ['pkg:golang/github.com/docker/distribution@v2.7.0%2Bincompatible', 'GO-2021-0072', false],
    ['pkg:golang/github.com/evanphx/json-patch@v0.5.2', 'GO-2021-0076', false],
    ['pkg:golang/github.com/evanphx/json-patch@v3.0.0%2Bincompatible', 'GO-2021-0076', true],
    ['pkg:golang/golang.org/x/crypto@v0.0.0-20190308221718-c2843e01d9a2', 'GO-2020-0012', true],
    ['pkg:golang/golang.org/x/crypto@v0.0.0-20200220183623-bac4c82f6975', 'GO-2020-0012', false],
    ['pkg:golang/github.com/opencontainers/runc@v1.0.0-rc8', 'GO-2021-0085', true],
    ['pkg:golang/github.com/opencontainers/runc@v1.0.0-rc9', 'GO-2021-0085', false],
    ['pkg:golang/github.com/gogo/protobuf@v1.3.1', 'GO-2021-0053', true],
    ['pkg:golang/github.com/GoGo/Protobuf@v1.3.1', 'GO-2021-0053', true],
    ['pkg:golang/github.com/gogo/protobuf@v1.3.2', 'GO-2021-0053', false],
  ])('%s and %s: %s', (purl, id, affected) => {
    expect(hits(purl, [id])).toEqual(affected ? [id] : []);
  });

  test('a withdrawn record is counted and is no finding', () => {
    const matches = matchOsv([component('pkg:golang/k8s.io/kubernetes@v1.0.0')], [goRecord('GO-2022-0617')]);
    expect(matches).toEqual({ findings: [], withdrawn: 1 });
  });

  test('a finding names the fix and carries the aliases, never the related ids', () => {
    const [finding] = matchOsv([component('pkg:golang/stdlib@1.20.9')], [goRecord('GO-2023-2102')]).findings;
    expect(finding).toMatchObject({ fixedIn: '1.20.10', source: { name: 'osv', severity: 'unknown' } });
    expect(finding?.ids).toEqual(['CVE-2023-39325', 'GHSA-4374-p667-p6c8', 'GO-2023-2102']);
  });
});

describe('evaluation of events', () => {
  const at = (version: string, events: readonly object[], more = {}) =>
    matchOsv([component(`pkg:npm/p@${version}`)], [npmRecord('T-1', 'p', events, more)]).findings.length === 1;

  test.each<[string, readonly object[], boolean]>([
    ['1.0.0', [{ introduced: '0' }], true],
    ['1.0.0', [{ introduced: '0' }, { fixed: '1.0.0' }], false],
    ['1.0.0-rc.1', [{ introduced: '0' }, { fixed: '1.0.0' }], true],
    ['1.0.0', [{ introduced: '0' }, { last_affected: '1.0.0' }], true],
    ['1.0.1', [{ introduced: '0' }, { last_affected: '1.0.0' }], false],
    ['2.5.0', [{ fixed: '3.0.0' }, { introduced: '2.0.0' }, { fixed: '1.5.0' }, { introduced: '1.0.0' }], true],
    ['1.7.0', [{ fixed: '3.0.0' }, { introduced: '2.0.0' }, { fixed: '1.5.0' }, { introduced: '1.0.0' }], false],
    ['2.0.0', [{ introduced: '0' }, { limit: '2.0.0' }], false],
    ['1.9.9', [{ introduced: '0' }, { limit: '2.0.0' }], true],
    ['not-a-version', [{ introduced: '1.0.0' }, { fixed: '1.0.1' }], true],
  ])('%s in %j: %s', (version, events, affected) => {
    expect(at(version, events)).toBe(affected);
  });

  test('listed versions count besides ranges', () => {
    const record = { affected: [{ package: { ecosystem: 'npm', name: 'p' }, versions: ['1.2.3'] }] };
    expect(at('1.2.3', [], record)).toBe(true);
    expect(at('1.2.4', [], record)).toBe(false);
  });

  test('another ecosystem or package does not match', () => {
    const entry = npmRecord('T-1', 'p', [{ introduced: '0' }]);
    const others = ['pkg:npm/q@1.0.0', 'pkg:pypi/p@1.0.0', 'pkg:golang/p@v1.0.0'].map((purl) => component(purl));
    expect(matchOsv(others, [entry]).findings).toEqual([]);
    expect(isRecordFor(packageKeys(others), entry)).toBe(false);
    expect(isRecordFor(packageKeys([component('pkg:npm/p@9')]), entry)).toBe(true);
  });
});

describe('severity', () => {
  const vector = { type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H' };
  test.each<[string, object, string]>([
    ['the database’s word first', { severity: [vector], database_specific: { severity: 'LOW' } }, 'low'],
    ['CVSS where it has none', { severity: [vector] }, 'high'],
    ['unknown for CVSS v4 alone', { severity: [{ type: 'CVSS_V4', score: 'CVSS:4.0/AV:N' }] }, 'unknown'],
    ['unknown for a broken vector', { severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N' }] }, 'unknown'],
    ['unknown for an odd word', { database_specific: { severity: 'constructor' } }, 'unknown'],
    ['unknown for nothing', {}, 'unknown'],
  ])('%s', (_what, more, severity) => {
    expect(severityOf(npmRecord('T-1', 'p', [], more), undefined)).toBe(severity);
  });

  test('malware is critical whatever it says', () => {
    expect(severityOf(npmRecord('MAL-2023-1035', 'p', []), undefined)).toBe('critical');
  });
});

test.each(['', '{', '[]', '{"id":"a b"}', '{"id":"A-1"}', fixture('kev/kev.json')])(
  'refuses a record "%.20s"',
  (text) => {
    expect(() => parseOsvRecord('x', text)).toThrow(expect.objectContaining({ code: 'ADVISORY_MALFORMED' }));
  },
);
