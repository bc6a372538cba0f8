import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { action, job, road, Scene, step } from './scene.js';

/** The compiled action; `npm test` builds it first. */
const MAIN = join(process.cwd(), 'build', 'actions', 'handoff', 'src', 'main.js');

const INPUTS = ['mode', 'name', 'path', 'artifact-id', 'sha256', 'needs-result', 'max-bytes'];
const HANDOFF = action('handoff', `import ${JSON.stringify(pathToFileURL(MAIN).href)};`, {
  inputs: `inputs:\n${INPUTS.map((name) => `  ${name}: { description: x }\n`).join('')}`,
});

const ROAD = road(`  build:
    runs-on: u
    permissions: { contents: read }
    outputs:
      id: \${{ steps.send.outputs.artifact-id }}
      sha256: \${{ steps.send.outputs.sha256 }}
    steps:
      - run: mkdir out && echo payload > out/a.txt
      - id: send
        uses: $/actions/handoff
        with: { mode: send, name: artifact, path: out, max-bytes: 1000000 }
  seal:
    needs: build
    runs-on: u
    permissions: { contents: read, id-token: write }
    steps:
      - id: receive
        uses: $/actions/handoff
        with:
          mode: receive
          artifact-id: \${{ needs.build.outputs.id }}
          sha256: \${{ needs.build.outputs.sha256 }}
          needs-result: \${{ needs.build.result }}
          max-bytes: 1000000
      - env: { FOLDER: "\${{ steps.receive.outputs.path }}" }
        run: cat "$FOLDER/a.txt"; echo "\${FOLDER#"$RUNNER_TEMP"}"
`);

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

(existsSync(MAIN) ? describe : describe.skip)('a hand-over between two jobs (skipped before the first build)', () => {
  test('arrives under RUNNER_TEMP, and neither side starts a process', async () => {
    const result = await scene.run({ road: ROAD, actions: HANDOFF }, { trapProcesses: true });
    expect(result.ok).toBe(true);
    expect(step(result, 'seal', 1).log).toMatch(/^payload\n\/paved\/handoff\//);
    expect(step(result, 'seal', 0).childProcesses).toEqual([]);
  });

  test('is refused when one byte changed on the way, and nothing after it runs', async () => {
    const result = await scene.run(
      { road: ROAD, actions: HANDOFF },
      {
        between: (id, { services }) => {
          const artifact = services.artifacts.list().at(-1);
          if (id === 'build' && artifact !== undefined) services.artifacts.tamper(artifact.id);
        },
      },
    );
    expect(job(result, 'seal').result).toBe('failure');
    expect(step(result, 'seal', 0).annotations[0]?.message).toContain('HANDOFF_DIGEST_MISMATCH');
    expect(step(result, 'seal', 1).outcome).toBe('skipped');
  });

  test('is refused when another job deleted the artifact', async () => {
    const result = await scene.run(
      { road: ROAD, actions: HANDOFF },
      {
        between: (id, { services }) => {
          const artifact = services.artifacts.list().at(-1);
          if (id === 'build' && artifact !== undefined) services.artifacts.delete(artifact.id);
        },
      },
    );
    expect(step(result, 'seal', 0).annotations[0]?.message).toContain('HANDOFF_MISSING');
  });
});
