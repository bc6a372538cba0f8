import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildStatement, encodeStatement, PREDICATE_TYPES, parseBundleIndex } from '@paved/attestation';
import { type Digest, digestHex } from '@paved/digest';
import { type Bench, startBench } from '../../actions/verify/test/world.js';
import type { SigstoreContext } from '../engines/sigstore/context.js';
import { outputOf, runnerFacts } from '../engines/sigstore/sign-process.js';

export const PREDICATE_TYPE = 'https://example.com/p/v1';
const IMAGE = 'registry.example/acme/widget';

export interface SignRun {
  readonly wallMs: number;
  readonly peakMiB: number;
  readonly tokens: number;
  /** Different certificates among the bundles. */
  readonly certificates: number;
  readonly bundles: readonly { readonly json: string; readonly predicateType: string }[];
}

/** The sign action as the runner starts it, from its bundle. */
export class SignSide {
  readonly context: SigstoreContext;
  readonly digest: Digest;
  readonly #bench: Bench;
  readonly #tokenUrl: string;
  readonly #tokens: { count: number };

  constructor(context: SigstoreContext, bench: Bench, tokenUrl: string, tokens: { count: number }) {
    this.context = context;
    this.digest = bench.digest;
    this.#bench = bench;
    this.#tokenUrl = tokenUrl;
    this.#tokens = tokens;
  }

  static async start(context: SigstoreContext): Promise<SignSide> {
    const tokens = { count: 0 };
    const server = createServer((request, response) => {
      tokens.count += 1;
      const audience = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('audience') ?? '';
      void context.issuer
        .sign(context.claims, { audience })
        .then((value) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ value })));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const bench = await startBench({ identity: {} });
    return new SignSide(context, bench, `http://127.0.0.1:${port}/token?version=2`, tokens);
  }

  /** Image signature, provenance, two SBOMs and a predicate; or one SBOM alone. */
  async sign(statements: 1 | 5): Promise<SignRun> {
    return await this.#run((temp, workspace) => {
      mkdirSync(join(temp, 'sboms'));
      writeFileSync(join(temp, 'sboms', 'a.json'), sbomOf(1));
      writeFileSync(join(workspace, 'predicate.json'), '{"buildDefinition":{},"runDetails":{}}');
      const predicate = { 'predicate-path': 'predicate.json', 'predicate-type': PREDICATE_TYPE };
      const image = { 'image-name': IMAGE, 'image-digest': this.digest };
      if (statements === 1) return { ...image, sboms: join(temp, 'sboms'), 'image-signature': 'false' };
      const subjects = [{ name: IMAGE, digest: { sha256: digestHex(this.digest) } }];
      const provenance = buildStatement({ predicateType: PREDICATE_TYPES.provenance, subjects, predicate: {} });
      const path = join(temp, 'paved', 'provenance', 'x', 'provenance.intoto.json');
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, encodeStatement(provenance));
      writeFileSync(join(temp, 'sboms', 'b.json'), sbomOf(1));
      return { ...predicate, ...image, statements: path, sboms: join(temp, 'sboms') };
    });
  }

  /** Signs five statements and attaches their bundles. */
  async release(): Promise<number> {
    const { wallMs, bundles } = await this.sign(5);
    const startedAt = performance.now();
    await this.#bench.push(bundles.map(({ json }) => json));
    return wallMs + performance.now() - startedAt;
  }

  async signFiles(count: number): Promise<SignRun> {
    return await this.#run((_temp, workspace) => {
      mkdirSync(join(workspace, 'out'));
      for (let index = 0; index < count; index++) writeFileSync(join(workspace, 'out', `f${index}`), `file ${index}`);
      return { blobs: 'out/*' };
    });
  }

  async signSbom(bytes: number): Promise<SignRun> {
    return await this.#run((_temp, workspace) => {
      writeFileSync(join(workspace, 'sbom.json'), sbomOf(bytes));
      return { sboms: 'sbom.json', 'image-name': IMAGE, 'image-digest': this.digest, 'image-signature': 'false' };
    });
  }

  async #run(prepare: (temp: string, workspace: string) => Readonly<Record<string, string>>): Promise<SignRun> {
    const root = mkdtempSync(join(this.context.folder, 'bench-'));
    const [workspace, temp, output] = [join(root, 'workspace'), join(root, 'temp'), join(root, 'output')];
    for (const folder of [workspace, temp]) mkdirSync(folder);
    writeFileSync(output, '');
    const { fulcioUrl, rekorUrl, tsaUrl, trustedRoot } = this.context.instances.real;
    const inputs = {
      ...{ 'fulcio-url': fulcioUrl, 'rekor-url': rekorUrl, 'tsa-url': tsaUrl, 'trusted-root': trustedRoot.trim() },
      ...prepare(temp, workspace),
    };
    // The log answers at each second: samples that follow each other would all begin at the same point between two.
    await sleep(Math.random() * 1000);
    const before = this.#tokens.count;
    const { wallMs, peakMiB } = await measured(workspace, {
      ...runnerFacts(this.context),
      ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...{ GITHUB_WORKSPACE: workspace, RUNNER_TEMP: temp, GITHUB_OUTPUT: output },
      ...{ ACTIONS_ID_TOKEN_REQUEST_URL: this.#tokenUrl, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token' },
    });
    const bundles = readBundles(outputOf(readFileSync(output, 'utf8'), 'bundles-path'));
    rmSync(root, { recursive: true });
    const certificates = new Set(bundles.map(({ json }) => /"certificate":\{"rawBytes":"([^"]+)"/.exec(json)?.[1]))
      .size;
    return { wallMs, peakMiB, bundles, certificates, tokens: this.#tokens.count - before };
  }
}

function readBundles(folder: string): SignRun['bundles'] {
  const { bundles } = parseBundleIndex(readFileSync(join(folder, 'index.json'), 'utf8'));
  return bundles.map(({ path, predicateType = '' }) => ({
    json: readFileSync(join(folder, path), 'utf8'),
    predicateType,
  }));
}

function sbomOf(bytes: number): string {
  const components: string[] = [];
  for (let size = 0; size < bytes; size += (components.at(-1)?.length ?? 0) + 1) {
    const name = `component-${components.length}`;
    const component = { type: 'library', name, version: '1.0.0', 'bom-ref': name, description: 'x'.repeat(8000) };
    components.push(JSON.stringify(component));
  }
  return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[${components.join()}]}`;
}

/** Wall time and the peak of resident memory, which Linux keeps for each process. */
async function measured(
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly wallMs: number; readonly peakMiB: number }> {
  const startedAt = performance.now();
  return await new Promise((done, fail) => {
    const child = spawn(process.execPath, [resolve('dist/sign/index.js')], {
      ...{ cwd, env: { PATH: '/usr/bin:/bin', ...env }, stdio: ['ignore', 'pipe', 'pipe'] as const },
    });
    let [peakKib, output] = [0, ''];
    const poll = setInterval(() => {
      try {
        peakKib = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? peakKib);
      } catch {
        // The process ended between two looks.
      }
    }, 10);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-2000)));
    }
    child.on('close', (status) => {
      clearInterval(poll);
      const wallMs = performance.now() - startedAt;
      if (status === 0) done({ wallMs, peakMiB: peakKib / 1024 });
      else fail(new Error(`Cannot measure sign: it ended with ${status}\n${output}`));
    });
  });
}
