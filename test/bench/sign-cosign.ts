import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '@paved/digest';
import { parseRegistryHost, parseRepositoryName, pullBundles, RegistryClient } from '@paved/oci';
import { type Bench, NAME, startBench } from '../../actions/verify/test/world.js';
import { runOrThrow } from '../engines/program.js';
import type { SigstoreContext } from '../engines/sigstore/context.js';

const START = '2020-01-01T00:00:00Z';
const PREDICATES = ['slsaprovenance1', 'cyclonedx', 'spdxjson', 'https://example.com/p/v1'];

/** cosign as its installer and a script would run it: one process for each signature. */
export class CosignSide {
  readonly digest: Digest;
  readonly #context: SigstoreContext;
  readonly #bench: Bench;
  readonly #folder: string;

  constructor(context: SigstoreContext, bench: Bench, folder: string) {
    this.#context = context;
    this.#bench = bench;
    this.#folder = folder;
    this.digest = bench.digest;
  }

  static async start(context: SigstoreContext): Promise<CosignSide> {
    const folder = join(context.folder, 'cosign-side');
    mkdirSync(join(folder, '.docker'), { recursive: true });
    const bench = await startBench({ identity: {} });
    await bench.push([]);
    const { host, credentials } = bench.registry;
    const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
    writeFileSync(join(folder, '.docker', 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
    writeFileSync(join(folder, 'predicate.json'), '{"buildDefinition":{},"runDetails":{}}');
    const { fulcioUrl, rekorUrl, tsaUrl } = context.instances.real;
    await runOrThrow(context.cosign, [
      ...['signing-config', 'create', `--out=${join(folder, 'config.json')}`],
      `--fulcio=url=${fulcioUrl},api-version=1,operator=a,start-time=${START}`,
      ...[`--rekor=url=${rekorUrl},api-version=2,operator=a,start-time=${START}`, '--rekor-config=ANY'],
      ...[`--tsa=url=${tsaUrl},api-version=1,operator=a,start-time=${START}`, '--tsa-config=ANY'],
    ]);
    return new CosignSide(context, bench, folder);
  }

  /** One signature and four attestations. */
  async release(): Promise<number> {
    const startedAt = performance.now();
    const { reference } = this.#bench;
    await this.#run(['sign', '--allow-http-registry', reference]);
    const predicate = ['--predicate', join(this.#folder, 'predicate.json')];
    for (const type of PREDICATES) {
      await this.#run(['attest', '--allow-http-registry', '--type', type, ...predicate, reference]);
    }
    return performance.now() - startedAt;
  }

  async signFiles(count: number): Promise<number> {
    const startedAt = performance.now();
    for (let index = 0; index < count; index++) {
      const path = join(this.#folder, `file-${index}`);
      writeFileSync(path, `file ${index}`);
      await this.#run(['sign-blob', '--bundle', `${path}.sigstore.json`, path]);
    }
    return performance.now() - startedAt;
  }

  /** Texts of the bundles that are attached. */
  async pull(): Promise<readonly string[]> {
    const { host, credentials } = this.#bench.registry;
    const registry = parseRegistryHost(host);
    const client = new RegistryClient({ registry, credentials: { kind: 'basic', ...credentials } });
    const { bundles } = await pullBundles(client.repository(parseRepositoryName(NAME), 'pull'), this.digest);
    client.close();
    return bundles.map(({ bytes }) => Buffer.from(bytes).toString('utf8'));
  }

  async #run([command = '', ...args]: readonly string[]): Promise<void> {
    const { issuer, claims, cosign, instances } = this.#context;
    const token = await issuer.sign(claims, { audience: 'sigstore' });
    const instance = ['--signing-config', join(this.#folder, 'config.json')];
    const root = ['--trusted-root', instances.real.trustedRootPath];
    const common = ['--yes', '--identity-token', token, ...instance, ...root];
    const env = { HOME: this.#folder, DOCKER_CONFIG: join(this.#folder, '.docker'), TUF_ROOT: this.#folder };
    await runOrThrow(cosign, [command, ...common, ...args], { cwd: this.#folder, env });
  }
}
