import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLayout, readPlatform } from '@paved/oci';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { type BuildKitContext, startBuildKit } from './context.js';

type Test = EngineTest<BuildKitContext>;

const DOCKERFILE = (base: string) => `ARG GREETING=hello
FROM ${base} AS builder
ARG GREETING
COPY src/ /src/
RUN mkdir -p /out && cat /src/a.txt > /out/app && echo "$GREETING" >> /out/app && chmod 755 /out/app && ln -s app /out/link
FROM ${base}
COPY --from=builder /out/ /app/
RUN touch /etc/made && rm /etc/base
USER 65532:65532
ENTRYPOINT ["/app/app"]
`;

const twice: Test = {
  name: 'an image with RUN steps is built twice, bit for bit the same, and another with another argument',
  async run({ act, base }) {
    const files = { Dockerfile: DOCKERFILE(base), 'src/a.txt': 'a\n' };
    const { outputs } = await act(files, { phase: 'reproduce' });
    const first = await openLayout(outputs['artifact-path'] ?? '');
    const again = await act(files, {});
    const second = await openLayout(again.outputs['artifact-path'] ?? '');
    expectThat(
      'both digests are equal',
      first.root.digest === second.root.digest,
      `${first.root.digest} ${second.root.digest}`,
    );
    const other = await act(files, { 'build-args': 'GREETING=bye' });
    const third = await openLayout(other.outputs['artifact-path'] ?? '');
    expectThat('another argument is another image', third.root.digest !== first.root.digest);
    const manifest = JSON.parse(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
    const images = manifest.packages.map(({ ecosystem, scope }: Record<string, string>) => `${ecosystem} ${scope}`);
    expectThat(
      'base and BuildKit are recorded',
      images.join() === 'purl:oci runtime,purl:oci development',
      images.join(),
    );
    expectThat('platforms are read', (await readPlatform(first, first.root))?.architecture === 'amd64');
  },
};

export const buildkitSuite = defineSuite<BuildKitContext>({
  engines: ['buildkitd', 'buildctl', 'crane'],
  start: startBuildKit,
  tests: [twice],
});
