import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { violationsOf } from './rules.js';
import { parseWorkflow, renderedWorkflow } from './workflow.js';

const RELEASE = renderedWorkflow('release-artifact');

describe('the rendered job graph', () => {
  test.each([
    'release-artifact',
    'release-container',
    'review',
    'review-container',
    'report',
    'notify',
    'snapshot',
    'rescan',
    'verify-deploy',
  ])('%s keeps every rule', (name) => {
    expect(violationsOf(parseWorkflow(renderedWorkflow(name)))).toEqual([]);
  });

  test.each(['allow-rehearsal', 'rehearsal', 'throw-away-key'])('no job that publishes has %s', (name) => {
    const text = RELEASE.replace('expected-workflow-sha:', `${name}: true\n          expected-workflow-sha:`);
    expect(violationsOf(parseWorkflow(text))).toEqual([
      expect.objectContaining({ rule: 0, what: 'rehearses with a permission to write' }),
    ]);
  });

  test.each(['review', 'review-container'])('%s can neither mint a token nor write', (name) => {
    const { build, inspect, gate } = parseWorkflow(renderedWorkflow(name)).jobs;
    expect([build?.permissions, inspect?.permissions]).toEqual([{ contents: 'read' }, { contents: 'read' }]);
    expect(gate?.permissions).toEqual({ actions: 'read', contents: 'read' });
  });

  test.each([
    ['review', 'release-artifact'],
    ['review-container', 'release-container'],
  ])('%s rehearses what %s does, with the same inputs but for who signs and where it goes', (name, released) => {
    const { gate, ...before } = parseWorkflow(renderedWorkflow(name)).jobs;
    const { seal, ...others } = parseWorkflow(renderedWorkflow(released)).jobs;
    expect(before).toEqual(others);
    expect(gate?.needs).toEqual(seal?.needs);
    const of = (job: typeof seal, id: string) => job?.steps.find((step) => step.id === id)?.with ?? {};
    const without = (texts: Readonly<Record<string, string>>, names: readonly string[]) =>
      Object.fromEntries(Object.entries(texts).filter(([name]) => !names.includes(name)));
    const DIFFERS: Readonly<Record<string, readonly string[]>> = {
      layout: [],
      gate: ['branch-protected'],
      provenance: ['rehearsal', 'expected-workflow-path', 'allowed-events', 'require-protected-ref'],
      sign: [
        ...[
          'instance',
          'throw-away-key',
          'transparency',
          'oidc-audience',
          'server-url',
          'fulcio-url',
          'rekor-url',
          'tsa-url',
        ],
        ...['expected-workflow-path', 'expected-workflow-sha'],
      ],
      pack: ['logs'],
    };
    for (const [id, names] of Object.entries(DIFFERS)) {
      expect([id, without(of(gate, id), names)]).toEqual([id, without(of(seal, id), names)]);
    }
    const tags = ['tags', 'version', 'allow-tags', 'trusted-root', 'layout-path'];
    for (const name of tags) expect(of(gate, 'push')[name]).toBe(of(seal, 'tag')[name]);
  });

  test('report takes no code, and writes only what it shows', () => {
    const { report } = parseWorkflow(renderedWorkflow('report')).jobs;
    expect(report?.permissions).toEqual({ contents: 'read', 'pull-requests': 'write', 'security-events': 'write' });
    expect(report?.steps.map(({ uses }) => uses)).toEqual(['$/actions/handoff', '$/actions/report']);
  });

  test('snapshot writes contents, and takes nothing but one hand-over', () => {
    const { snapshot, ...others } = parseWorkflow(renderedWorkflow('snapshot')).jobs;
    expect([snapshot?.permissions, others]).toEqual([{ contents: 'write' }, {}]);
    expect(snapshot?.steps.map(({ uses, with: texts }) => [uses, texts?.mode])).toEqual([
      ['$/actions/handoff', 'receive'],
      ['$/actions/report', 'submit'],
    ]);
    const text = renderedWorkflow('snapshot').replace('inputs.snapshot-sha256', 'inputs.snapshot-id');
    expect(violationsOf(parseWorkflow(text)).map(({ rule }) => rule)).toContain(3);
  });

  test.each(['release-artifact', 'release-container', 'review', 'review-container'])(
    '%s hands the snapshot over, and writes none',
    (name) => {
      const { on, jobs } = parse(renderedWorkflow(name));
      expect(on.workflow_call.outputs['snapshot-id'].value).toBe('${{ jobs.inspect.outputs.snapshot-id }}');
      const sends = jobs.inspect.steps.find(({ id }: { readonly id?: string }) => id === 'send-snapshot');
      expect(sends.with.path).toBe('${{ steps.sbom.outputs.snapshot-path }}');
      expect(JSON.stringify(jobs)).not.toContain('"contents":"write"');
    },
  );

  test('rescan writes issues alone, in a job that looks at nothing, and neither pulls nor builds', () => {
    const { plan, check, notify } = parseWorkflow(renderedWorkflow('rescan')).jobs;
    expect(plan?.permissions).toEqual({ packages: 'read' });
    expect(check?.permissions).toEqual({ contents: 'read', packages: 'read' });
    expect(notify?.permissions).toEqual({ contents: 'read', issues: 'write' });
    const used = [plan, check, notify].map((job) => [...new Set(job?.steps.map(({ uses }) => uses))].sort());
    expect(used).toEqual([
      ['$/actions/handoff', '$/actions/oidc-login', '$/actions/rescan'],
      ['$/actions/handoff', '$/actions/oidc-login', '$/actions/rescan', '$/actions/scan-gate'],
      ['$/actions/handoff', '$/actions/rescan'],
    ]);
  });

  test('verify-deploy can neither mint a token nor write, and asks about tag, source, signer and gate', () => {
    const { verify } = parseWorkflow(renderedWorkflow('verify-deploy')).jobs;
    expect(verify?.permissions).toEqual({ contents: 'read', packages: 'read' });
    expect(verify?.steps.map(({ uses }) => uses)).toEqual(
      ['oidc-login', 'verify', 'rescan', 'scan-gate'].map((name) => `$/actions/${name}`),
    );
    expect(verify?.steps[1]?.with?.require?.trim().split('\n')).toContain('vsa');
  });

  test('what legs sent is found by name only where nothing can be signed', () => {
    const text = renderedWorkflow('rescan');
    const broken = text.replace('issues: write', 'id-token: write');
    expect(violationsOf(parseWorkflow(broken)).filter(({ where }) => where.startsWith('notify'))).toContainEqual(
      expect.objectContaining({ rule: 3, where: 'notify.records' }),
    );
  });

  test.each([
    ['always()', 'always()'],
    ['another document', "${{ !cancelled() && steps.login.outputs.receipt-path != '' }}"],
  ])('a step after a refusal may only pass on what refused: %s', (_what, condition) => {
    const text = renderedWorkflow('rescan');
    const from = "if: ${{ !cancelled() && steps.gate.outputs.verdict-path != '' }}";
    expect(text).toContain(from);
    const broken = text.replace(from, () => `if: ${condition}`);
    expect(violationsOf(parseWorkflow(broken)).map((found) => found.rule)).toContain(4);
  });

  test('publish writes contents and nothing else, with own actions alone', () => {
    const { jobs } = parseWorkflow(renderedWorkflow('publish'));
    expect(Object.values(jobs).map(({ permissions }) => permissions)).toEqual([{ contents: 'write' }]);
    for (const { run, uses } of jobs.publish?.steps ?? []) {
      expect([run, uses]).toEqual([undefined, expect.stringMatching(/^\$\/actions\/(handoff|publish)$/)]);
    }
  });

  test('only seal holds a token', () => {
    const { build, inspect, seal } = parseWorkflow(RELEASE).jobs;
    expect([build?.permissions, inspect?.permissions]).toEqual([{ contents: 'read' }, { contents: 'read' }]);
    expect(seal?.permissions).toEqual({ actions: 'read', contents: 'read', 'id-token': 'write', packages: 'write' });
    expect(seal?.needs).toEqual(['build', 'inspect']);
  });
});

describe('release-container', () => {
  const files = parseWorkflow(RELEASE);
  const container = parseWorkflow(
    renderedWorkflow('release-container').replaceAll('release-container', 'release-artifact'),
  );

  /** What a step has only here: the image, and what BuildKit makes it of. Both phases that read the Dockerfile get the same. */
  const DOCKERFILE = {
    dockerfile: '${{ inputs.dockerfile }}',
    target: '${{ inputs.target }}',
    'build-args': '${{ inputs.build-args }}',
    platforms: '${{ inputs.platforms }}',
    patch: '${{ inputs.patch }}',
  };
  const OWN_INPUTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    fetch: DOCKERFILE,
    build: { image: '${{ inputs.image }}', flatten: '${{ inputs.flatten }}', ...DOCKERFILE },
  };

  test('is the same job graph: only the image, where the layout comes from and the tags of single images differ', () => {
    const own = (workflow: typeof files, id: string) =>
      Object.values(workflow.jobs)
        .flatMap(({ steps }) => steps)
        .find((step) => step.id === id)?.with;
    const { test: applicationTest, ...jobs } = container.jobs;
    const isOfTest = ({ id }: { readonly id?: string | undefined }) => id === 'test-record';
    const shared = (workflow: typeof files) => ({
      ...(workflow === container ? jobs : workflow.jobs),
      build: {
        ...workflow.jobs.build,
        steps: workflow.jobs.build?.steps.map((step) => {
          const named = new Set(['buildkit-image', 'patch-mirrors', ...Object.keys(OWN_INPUTS[step.id ?? ''] ?? {})]);
          const rest = Object.entries(step.with ?? {}).filter(([name]) => !named.has(name));
          return { ...step, with: step.id === 'fetch' || step.id === 'build' ? Object.fromEntries(rest) : step.with };
        }),
      },
      seal: {
        ...workflow.jobs.seal,
        needs: workflow.jobs.seal?.needs?.filter((id) => id !== 'test'),
        steps: workflow.jobs.seal?.steps
          .filter((step) => !isOfTest(step))
          .map((step) => {
            if (step.id === 'pack') {
              const logs = step.with?.logs?.replace('${{ steps.test-record.outputs.path }}\n', '');
              return { ...step, with: { ...step.with, logs } };
            }
            if (step.id === 'layout') return { ...step, name: '', with: {} };
            // The manifests below an index are subjects as well; files have none.
            if (step.id === 'provenance' || step.id === 'sign') {
              const { checksums: _checksums, ...rest } = step.with ?? {};
              return { ...step, with: rest };
            }
            const { tags: _tags, version: _version, ...rest } = step.with ?? {};
            return { ...step, with: step.id === 'tag' ? rest : step.with };
          }),
      },
    });
    expect(shared(container)).toEqual(shared(files));
    expect(applicationTest?.steps.map(({ id }) => id)).toEqual([undefined, 'artifact', 'test', 'send-record']);
    for (const [id, inputs] of Object.entries(OWN_INPUTS)) expect(own(container, id)).toMatchObject(inputs);
    expect(own(container, 'build')?.['buildkit-image']).toBe(own(container, 'fetch')?.['buildkit-image']);
    // The network of the patch is a literal of the platform, and the phase that runs user code has none.
    expect(own(container, 'fetch')?.['patch-mirrors']).toBe('');
    expect(own(container, 'build')).not.toHaveProperty('patch-mirrors');
    const path = '${{ steps.artifact.outputs.path }}/${{ inputs.layout }}';
    expect(own(container, 'layout')).toEqual({ mode: 'layout', 'layout-path': path });
    for (const id of ['provenance', 'sign'])
      expect(own(container, id)?.checksums).toBe('${{ steps.layout.outputs.checksums-path }}');
    expect(own(container, 'tag')).toMatchObject({
      version: '${{ inputs.version }}',
      tags: '{version}\n{version}-{arch}\n${{ inputs.tags }}\n',
    });
  });

  test('takes the same inputs, and those that say how the image is made', () => {
    const inputs = container.on.workflow_call?.inputs ?? {};
    const same = files.on.workflow_call?.inputs ?? {};
    expect(inputs).toMatchObject(same);
    const more = Object.entries(inputs).filter(([name]) => !Object.hasOwn(same, name));
    expect(Object.fromEntries(more.map(([name, { type }]) => [name, type]))).toEqual({
      layout: 'string',
      image: 'string',
      dockerfile: 'string',
      target: 'string',
      'build-args': 'string',
      platforms: 'string',
      patch: 'boolean',
      flatten: 'boolean',
      'application-test': 'boolean',
      test: 'string',
      'test-environment': 'string',
    });
  });

  const text = renderedWorkflow('release-container');
  const rulesOf = (from: string, to: string) => {
    expect(text).toContain(from);
    return violationsOf(parseWorkflow(text.replace(from, () => to))).map(({ rule, where }) => `${rule} ${where}`);
  };

  test('starts the image where nothing can be signed or written, beside inspect, and seals only after it', () => {
    const { inspect, test: started, seal } = container.jobs;
    expect(started?.permissions).toEqual({ contents: 'read' });
    expect([started?.needs, inspect?.needs]).toEqual([['build'], ['build']]);
    expect(seal?.needs).toEqual(['build', 'inspect', 'test']);
    const reading = 'contents: read # check out the commit that the token names, for the script';
    expect(rulesOf(reading, 'id-token: write')).toContain('1 test.2');
    expect(rulesOf('needs: [build, inspect, test]', 'needs: [build, inspect]')).toContain('3 seal.test-record');
    expect(rulesOf("steps.test.outputs.record-path != ''", 'always()')).toContain('4 test.send-record');
  });

  test('names itself, and no other workflow, wherever a signer is expected', () => {
    const text = renderedWorkflow('release-container');
    expect(text.match(/release-artifact/g)).toBeNull();
    expect(text.match(/\/release-container\.yml/g)?.length).toBeGreaterThan(5);
  });
});

/** Each row breaks the workflow in one place; the rule named must go red. */
const BROKEN: readonly (readonly [rule: number, what: string, from: string, to: string])[] = [
  [0, 'an action by tag', 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd', 'actions/checkout@v6'],
  [0, 'permissions for all jobs', 'permissions: {}', 'permissions: { contents: write }'],
  [
    0,
    'an expression in a shell',
    '      - name: Build without network',
    '      - run: echo ${{ github.ref }}\n      - name: Build without network',
  ],
  [0, 'a scanner that is not locked', "scanners: 'gitleaks'", 'tool-paths: gitleaks=/tmp/gitleaks'],
  [
    0,
    'a gate that hears nothing of the image',
    'build-record-path: ${{ steps.build-record.',
    'build-record-path: ${{ steps.artifact.',
  ],
  [
    0,
    'a scan of something else',
    'path: ${{ steps.artifact.outputs.path }}\n      - name: Collect',
    'path: ${{ steps.sbom.outputs.sboms-path }}\n      - name: Collect',
  ],
  [
    1,
    'scanners beside the token',
    '      - name: Sign in to the registry',
    '      - uses: $/actions/scan\n      - name: Sign in to the registry',
  ],
  [9, 'scanners that the caller chooses', "scanners: 'gitleaks'", 'scanners: ${{ inputs.name }}'],
  [
    1,
    'a run step beside the token',
    '      - name: Sign in to the registry',
    '      - run: make\n      - name: Sign in to the registry',
  ],
  [
    1,
    'a foreign action beside the token',
    'uses: $/actions/oidc-login',
    'uses: a/b@de0fac2e4500dabe0009e67214ff5f5447ce83dd',
  ],
  [1, 'a container beside the token', '    name: seal\n', '    name: seal\n    container: alpine\n'],
  [1, 'id-token for the build', 'contents: read # check out the commit that the token names', 'id-token: write'],
  [
    2,
    'a statement out of a hand-over',
    '${{ steps.gate.outputs.statement-path }}',
    '${{ steps.sboms.outputs.path }}/verdict.json',
  ],
  [3, 'a hand-over by name', 'artifact-id: ${{ needs.inspect.outputs.sboms-id }}', 'artifact-id: sboms'],
  [
    3,
    'the digest of another hand-over',
    'sha256: ${{ needs.inspect.outputs.sboms-sha256 }}',
    'sha256: ${{ needs.build.outputs.fetch-sha256 }}',
  ],
  [4, 'a job that always runs', '    needs: [build, inspect]\n', '    needs: [build, inspect]\n    if: always()\n'],
  [4, 'a step that always runs', '        id: tag\n', '        id: tag\n        if: always()\n'],
  [4, 'a step that may fail', '        id: gate\n', '        id: gate\n        continue-on-error: true\n'],
  [4, 'no event list', 'allowed-events: |-', 'was-allowed-events: |-'],
  [4, 'results not passed on', '          needs-results: ${{ toJSON(needs) }}\n', ''],
  [
    5,
    'a commit from the caller',
    'expected-workflow-sha: ${{ job.workflow_sha }}',
    'expected-workflow-sha: ${{ github.sha }}',
  ],
  [6, 'a tag with the content', 'mode: content', 'mode: all'],
  [6, 'an unsigned tag', '          mode: tag\n', '          mode: tag\n          allow-unsigned: true\n'],
  [6, 'evidence after the tag', '          mode: upload\n', '          mode: later\n'],
  [7, 'another commit checked out', 'ref: ${{ github.sha }}', 'ref: main'],
  [7, 'credentials left in the workspace', 'persist-credentials: false', 'persist-credentials: true'],
  [7, 'a configuration variable', 'name: ${{ inputs.name }}', 'name: ${{ vars.NAME }}'],
  [
    8,
    'an address from the caller',
    '      tags:\n        description',
    '      registry-host:\n        type: string\n      tags:\n        description',
  ],
  [8, 'a secret', 'github-token: ${{ github.token }}', 'github-token: ${{ secrets.PAT }}'],
  [9, 'Fulcio from the caller', /fulcio-url: .*/.exec(RELEASE)?.[0] ?? '', 'fulcio-url: ${{ inputs.name }}'],
  [9, 'the runner from the caller', /runs-on: .*/.exec(RELEASE)?.[0] ?? '', 'runs-on: ${{ inputs.name }}'],
  [
    9,
    'the trusted root from the caller',
    'trusted-root: ${{ env.PAVED_TRUSTED_ROOT }}',
    'trusted-root: ${{ inputs.name }}',
  ],
  [10, 'a policy from the built tree', 'policy-from-repository: true', 'policy: policy.yml'],
  [
    10,
    'statements from the built tree',
    'policy-from-repository: true',
    'policy-from-repository: true\n          vex: ${{ steps.artifact.outputs.path }}/vex.json',
  ],
  [
    12,
    'the record after user code',
    'path: ${{ steps.fetch.outputs.record-path }}',
    'path: ${{ steps.build.outputs.artifact-path }}',
  ],
];

describe('each rule goes red', () => {
  test.each(BROKEN)('rule %i: %s', (rule, _what, from, to) => {
    expect(RELEASE.includes(from)).toBe(true);
    const broken = RELEASE.replaceAll(from, () => to);
    expect(violationsOf(parseWorkflow(broken)).map((found) => found.rule)).toContain(rule);
  });
});
