import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseConfig, type RenderedWorkflow, readConfig, renderWorkflows } from '@paved/toolchain';
import { parse, stringify } from 'yaml';
import { legsOf } from './leg-rules.js';
import { violationsOf } from './rules.js';
import { type Job, parseWorkflow } from './workflow.js';

const PLATFORMS = { 'linux/amd64': 'ubuntu-24.04', 'linux/arm64': 'ubuntu-24.04-arm' };

async function render(platforms: Readonly<Record<string, string>> | undefined): Promise<readonly RenderedWorkflow[]> {
  const { build: _, ...config } = parse(readFileSync('paved.config.yml', 'utf8'));
  const text = stringify({ ...config, ...(platforms === undefined ? {} : { build: { platforms } }) });
  const { sigstore } = await readConfig('paved.config.yml');
  return await renderWorkflows('workflows', { ...parseConfig(text), sigstore });
}

const RENDERED = await render(PLATFORMS);
const textOf = (name: string, from = RENDERED) => from.find((workflow) => workflow.name === `${name}.yml`)?.text ?? '';
const RELEASE = textOf('release-container-matrix');

describe.each(['release-container', 'review-container'])('%s on a machine for each platform', (name) => {
  const matrix = parseWorkflow(textOf(`${name}-matrix`));
  const whole = parseWorkflow(textOf(name));

  test('keeps every rule', () => {
    expect(violationsOf(matrix)).toEqual([]);
  });

  test('has the same jobs with the same needs, permissions and limits, and the same steps but one', () => {
    const shape = ({ needs, permissions, environment, concurrency, env, steps }: Job) => ({
      ...{ needs, permissions, environment, concurrency, env },
      steps: steps.map(({ id, name: title }) => id ?? title),
    });
    const shapes = (jobs: Readonly<Record<string, Job>>) =>
      Object.fromEntries(Object.entries(jobs).map(([id, job]) => [id, shape(job)]));
    const expected = shapes(whole.jobs);
    const steps = expected.inspect?.steps ?? [];
    steps.splice(steps.indexOf('build-record') + 1, 0, 'layout');
    expect(shapes(matrix.jobs)).toEqual(expected);
  });

  test('takes the same inputs, but no platforms: the machines say which', () => {
    const { platforms: _, ...inputs } = whole.on.workflow_call?.inputs ?? {};
    expect(matrix.on.workflow_call?.inputs).toEqual(inputs);
  });

  test('builds and starts each platform on the machines that the configuration names', () => {
    const legs = Object.entries(PLATFORMS).map(([platform, runner]) => ({
      ...{ platform, runner },
      leg: platform.replace('/', '-'),
    }));
    const { build, test: started, inspect, ...others } = matrix.jobs;
    for (const job of [build, started]) expect(job === undefined ? [] : legsOf(job)).toEqual(legs);
    for (const job of [inspect, ...Object.values(others)]) expect(job?.strategy).toBeUndefined();
  });

  test('names itself, and no other workflow, wherever a signer is expected', () => {
    const paths = [...textOf(`${name}-matrix`).matchAll(/'org\/paved\/\.github\/workflows\/([a-z-]+)\.yml'/g)];
    expect(new Set(paths.map(([, file]) => file))).toEqual(new Set([`${name}-matrix`]));
  });
});

test('signs, checks and pushes with the same inputs; only what the legs handed over comes from elsewhere', () => {
  const inputsOf = (name: string, id: string) =>
    parseWorkflow(textOf(name)).jobs.seal?.steps.find((step) => step.id === id)?.with ?? {};
  const OTHERS: Readonly<Record<string, readonly string[]>> = {
    ...{ gate: ['subjects-path'], sign: ['subjects-path', 'checksums'], login: [], content: [], verify: [], pack: [] },
    provenance: ['subjects-path', 'checksums', 'platforms', 'build-jobs'],
    ...{ 'sign-evidence': [], evidence: [], 'send-evidence': [], tag: [] },
  };
  for (const [id, names] of Object.entries(OTHERS)) {
    const rest = (texts: Readonly<Record<string, string>>) =>
      Object.entries(texts)
        .filter(([name]) => !names.includes(name))
        .map(([name, text]) => [name, text.replace('release-container-matrix', 'release-container')]);
    expect([id, rest(inputsOf('release-container-matrix', id))]).toEqual([id, rest(inputsOf('release-container', id))]);
  }
});

describe('the configuration', () => {
  test('without build machines gives no such workflow, and the others are the same', async () => {
    for (const rendered of [await render(undefined), await render({})]) {
      const names = rendered.map(({ name }) => name);
      expect(names.filter((name) => name.includes('matrix'))).toEqual([]);
      expect(rendered).toEqual(RENDERED.filter(({ name }) => !name.endsWith('-matrix.yml')));
    }
  });

  test.each([1, 3])('with %i machines keeps every rule', async (count) => {
    const platforms = { 'linux/amd64': 'a', 'linux/arm/v7': 'b', 'linux/arm64': 'c' };
    const rendered = await render(Object.fromEntries(Object.entries(platforms).slice(0, count)));
    const workflow = parseWorkflow(textOf('release-container-matrix', rendered));
    expect(violationsOf(workflow)).toEqual([]);
    expect(Object.keys(workflow.jobs.build?.outputs ?? {})).toHaveLength(9 * count);
  });

  test.each([
    ['a platform that is none', { linux: 'a' }],
    ['a platform that leaves its key', { 'linux/../x': 'a' }],
    ['an expression as a platform', { '${{ inputs.x }}': 'a' }],
    ['an expression as a machine', { 'linux/amd64': '${{ inputs.runner }}' }],
    ['an empty machine', { 'linux/amd64': '' }],
    ['too many', Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`linux/p${index}`, 'a']))],
  ])('refuses %s', async (_what, platforms) => {
    await expect(render(platforms)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

const OUTPUT =
  "'linux-arm64-artifact-id': ${{ matrix.leg == 'linux-arm64' && steps.send-artifact.outputs.artifact-id || '' }}";
const RECEIVED =
  'platforms: |\n            linux/amd64\n            linux/arm64\n          outputs: ${{ toJSON(needs.build.outputs) }}';

/** Each row breaks the workflow in one place; the rule named must go red. */
test.each<readonly [rule: number, what: string, from: string, to: string]>([
  [3, 'a key that names no leg', OUTPUT, OUTPUT.replace("'linux-arm64-artifact-id'", 'artifact-id')],
  [
    3,
    'a key that every leg writes',
    OUTPUT,
    "'linux-arm64-artifact-id': ${{ steps.send-artifact.outputs.artifact-id }}",
  ],
  [3, 'a key that another leg writes', OUTPUT, OUTPUT.replace("== 'linux-arm64'", "== 'linux-amd64'")],
  [3, 'a key that one leg alone has', `      ${OUTPUT}\n`, ''],
  [
    3,
    'a key with an output of another kind on one leg',
    OUTPUT,
    OUTPUT.replace('outputs.artifact-id', 'outputs.sha256'),
  ],
  [
    3,
    'two legs for one platform',
    "platform: 'linux/arm64'\n            leg: 'linux-arm64'",
    "platform: 'linux/amd64'\n            leg: 'linux-amd64'",
  ],
  [3, 'a leg with the name of another', "leg: 'linux-arm64'", "leg: 'linux-amd64'"],
  [
    3,
    'legs that the caller names',
    "include:\n          - platform: 'linux/amd64'",
    "include:\n          - platform: '${{ inputs.name }}'",
  ],
  [9, 'machines that the caller names', "runner: 'ubuntu-24.04-arm'", "runner: '${{ inputs.name }}'"],
  [9, 'machines that are not in the list', 'runs-on: ${{ matrix.runner }}', 'runs-on: ${{ inputs.name }}'],
  [3, 'a leg that is not received', RECEIVED, RECEIVED.replace('            linux/arm64\n', '')],
  [3, 'outputs of no needed job', RECEIVED, RECEIVED.replace('needs.build', 'needs.test')],
  [
    3,
    'a hand-over that no leg sends',
    'mode: receive-legs\n          name: fetch',
    'mode: receive-legs\n          name: other',
  ],
  [4, 'legs whose result is ignored', 'needs-result: ${{ needs.build.result }}', 'needs-result: success'],
  [3, 'legs that send under one name', 'name: artifact-${{ matrix.leg }}', 'name: artifact'],
  [
    3,
    'a leg that builds what the caller says',
    'platforms: ${{ matrix.platform }}\n          buildkit',
    'platforms: ${{ inputs.name }}\n          buildkit',
  ],
  [5, 'legs without a name of their own', 'name: build (${{ matrix.platform }})', 'name: build'],
  [
    5,
    'a leg that nobody looks up',
    '            build (linux/amd64)\n            build (linux/arm64)\n',
    '            build (linux/amd64)\n',
  ],
  [
    5,
    'one look-up for all',
    '            build (linux/amd64)\n            build (linux/arm64)\n',
    '            build\n',
  ],
  [
    5,
    'an image without one leg',
    'layout: ${{ inputs.layout }}\n          platforms: |\n            linux/amd64\n            linux/arm64',
    'layout: ${{ inputs.layout }}\n          platforms: |\n            linux/amd64',
  ],
  [
    0,
    'a scan of one leg',
    'path: ${{ steps.layout.outputs.layout-path }}\n      - name: Collect',
    'path: ${{ steps.artifact.outputs.path }}\n      - name: Collect',
  ],
  [
    0,
    'an image of something else',
    'legs-path: ${{ steps.artifact.outputs.path }}',
    'legs-path: ${{ steps.fetch-record.outputs.path }}',
  ],
  [0, 'a gate that hears of one leg', '/*/build-record.json', '/linux-amd64/build-record.json'],
])('rule %i goes red: %s', (rule, _what, from, to) => {
  expect(RELEASE).toContain(from);
  const broken = RELEASE.replaceAll(from, () => to);
  expect(violationsOf(parseWorkflow(broken)).map((found) => found.rule)).toContain(rule);
});
