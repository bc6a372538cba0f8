import { describe, expect, test } from '@jest/globals';
import { expand } from '../src/buildkit/expand.js';
import { parseImageName } from '../src/buildkit/image-name.js';
import { readDockerfile } from '../src/buildkit/read-dockerfile.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function read(text: string, platforms: readonly string[] = ['linux/amd64'], buildArgs: Record<string, string> = {}) {
  return readDockerfile(text, {
    buildArgs: new Map(Object.entries(buildArgs)),
    platforms,
    buildPlatform: 'linux/amd64',
    contexts: ['paved-deps'],
  });
}

const found = (plan: ReturnType<typeof read>) =>
  plan.images.map(({ role, name, platforms }) => `${role} ${name.familiar} ${platforms.join(' ')}`);

describe('what a Dockerfile asks for', () => {
  test('is every image once, with the platforms that need it, and no stage', () => {
    const plan = read(
      `# syntax=docker/dockerfile:1@${DIGEST}
ARG VERSION=1.24
ARG BASE=golang:\${VERSION}@${DIGEST}
FROM --platform=$BUILDPLATFORM \${BASE} AS Build
COPY --from=ghcr.io/acme/tool:1@${DIGEST} /tool /tool
RUN --mount=type=bind,from=docker.io/library/busybox@${DIGEST},target=/bb --mount=type=cache,target=/c make
RUN --mount=type=bind,from=paved-deps,target=/deps make
FROM build AS test-amd64
FROM build AS test-arm64
FROM test-\${TARGETARCH}
FROM scratch
COPY --from=build /a /a
COPY --from=0 /a /b
COPY <<EOF /c
FROM not:an-instruction
EOF
`,
      ['linux/amd64', 'linux/arm64'],
    );
    expect(plan.problems).toEqual([]);
    expect(found(plan)).toEqual([
      `# syntax docker/dockerfile:1@${DIGEST} linux/amd64`,
      `FROM golang:1.24@${DIGEST} linux/amd64`,
      `COPY --from ghcr.io/acme/tool:1@${DIGEST} linux/amd64 linux/arm64`,
      `RUN --mount busybox@${DIGEST} linux/amd64 linux/arm64`,
    ]);
  });

  test('includes files with a checksum', () => {
    const plan = read(`FROM scratch
ADD --checksum=sha256:${'b'.repeat(64)} https://example.com/a.tgz /a.tgz
ADD ["--not-a-flag", "/x"]
ADD local.tar /y
`);
    expect(plan.problems).toEqual([]);
    expect(plan.downloads.map(({ url, sha256 }) => `${url.href} ${sha256}`)).toEqual([
      `https://example.com/a.tgz ${'b'.repeat(64)}`,
    ]);
  });

  test.each([
    ['a network of the host', 'RUN --network=host make', 'no network'],
    ['privileges', 'RUN --security=insecure make', 'privileges'],
    ['a device', 'RUN --device=vendor.com/x make', 'no device'],
    ['a secret', 'RUN --mount=type=secret,id=token make', 'no secret'],
    ['an ssh agent', 'RUN --mount=type=ssh make', 'no secret'],
    ['a secret, quoted', 'RUN --mount="type=secret",id=token make', 'no secret'],
    ['a secret in a later build', 'ONBUILD RUN --mount=type=secret,id=token make', 'no secret'],
    ['a download without checksum', 'ADD https://example.com/a /a', 'no checksum'],
    ['a download with a weak checksum', 'ADD --checksum=md5:00 https://example.com/a /a', 'no checksum'],
    ['a download over http', `ADD --checksum=sha256:${'b'.repeat(64)} http://example.com/a /a`, 'not https'],
    ['a download with a password', `ADD --checksum=sha256:${'b'.repeat(64)} https://u:p@example.com/a /a`, 'not https'],
    ['a download with a variable', `ADD --checksum=sha256:${'b'.repeat(64)} https://example.com/$V /a`, 'not fixed'],
    ['a git repository', 'ADD https://github.com/acme/x.git#main /a', 'git'],
    ['a git repository over ssh', 'ADD git@github.com:acme/x /a', 'git'],
    ['an image in a variable', 'COPY --from=$IMAGE /a /a', 'variable'],
    ['no image', 'COPY --from=Not:An:Image /a /a', 'no image name'],
  ])('%s is refused, with line and cure', (_name, line, state) => {
    const { problems } = read(`FROM scratch\n${line}\n`);
    expect(problems).toEqual([{ line: 2, detail: expect.stringContaining(state), cure: expect.stringMatching(/./) }]);
  });

  test.each([
    ['no value', 'ARG BASE\nFROM $BASE\n'],
    ['a form that is not known', 'ARG BASE=a/b\nFROM ${BASE#a}\n'],
    ['a variable of a stage', 'FROM scratch\nARG BASE=x\nFROM $BASE\n'],
  ])('an image that is not fixed is refused: %s', (_name, text) => {
    expect(read(text).problems).toEqual([expect.objectContaining({ detail: expect.stringContaining('not fixed') })]);
  });

  test('takes build-args into account, and only for what the Dockerfile declares', () => {
    expect(found(read('ARG BASE=a\nFROM $BASE\n', ['linux/amd64'], { BASE: 'b', OTHER: 'c' }))).toEqual([
      'FROM b linux/amd64',
    ]);
    expect(read('FROM $OTHER\n', ['linux/amd64'], { OTHER: 'c' }).problems).toHaveLength(1);
  });

  test.each([
    ['nothing', ''],
    ['no FROM', 'RUN make\n'],
    ['a binary', 'FROM a\0\n'],
  ])('%s is refused', (_name, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_REFUSED' }));
  });
});

test.each([
  ['busybox', 'docker.io', 'library/busybox', 'busybox'],
  ['docker.io/library/busybox:1', 'docker.io', 'library/busybox', 'busybox:1'],
  ['acme/tool', 'docker.io', 'acme/tool', 'acme/tool'],
  ['localhost/tool', 'localhost', 'tool', 'localhost/tool'],
  [`127.0.0.1:5000/a/b@${DIGEST}`, '127.0.0.1:5000', 'a/b', `127.0.0.1:5000/a/b@${DIGEST}`],
])('the image %s is one of %s', (text, registry, repository, familiar) => {
  expect(parseImageName(text)).toMatchObject({ reference: { registry, repository }, familiar });
});

test.each([
  ['a$B', 'ab'],
  ['${B}', 'b'],
  ['${N:-d}', 'd'],
  ['${E-d}', ''],
  ['${E:-d}', 'd'],
  ['${B:+x}', 'x'],
  ['${N:+x}', ''],
  ['$N', undefined],
  ['${B%x}', undefined],
  ['$$B', undefined],
])('"%s" stands for %j', (text, expected) => {
  expect(
    expand(
      text,
      new Map([
        ['B', 'b'],
        ['E', ''],
      ]),
    ),
  ).toBe(expected);
});
