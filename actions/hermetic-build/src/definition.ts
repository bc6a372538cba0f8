import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'hermetic-build',
  purpose: 'Fetches locked packages, proves a sandbox without network, and runs the build command in it',
  inputs: {
    phase: input.choice(['fetch', 'build', 'all', 'dry', 'reproduce', 'compare', 'test'], {
      description:
        'fetch downloads and checks the packages and attacks the sandbox, without running user code; build runs the command without network; all does both; dry only says what would stand in the way, with the cure, and never refuses; reproduce is all with a second build, and refuses when one byte differs, saying which file and why; compare does the same with what two machines left in first-path and second-path; test starts the image of layout-path and holds it to what every application must keep',
      default: 'all',
    }),
    'source-path': input.path({
      description: 'Folder of the project; only this folder is visible to the command',
      default: '.',
    }),
    lockfile: input.string({
      description:
        'Lock file of the project, relative to source-path: package-lock.json (version 2 or 3), pnpm-lock.yaml (version 9), yarn.lock, go.sum or go.mod, requirements.txt with hashes, uv.lock, poetry.lock, Cargo.lock, lockfile.json (of the maven-lockfile plugin), artifacts.lock.yaml (plain files)',
      default: 'package-lock.json',
    }),
    'registry-url': input.url({
      description:
        'Registry or mirror for npm packages. Default: what "resolved" says in the lock file, else the registry that npm is configured with for this user',
    }),
    registries: input.list({
      description:
        'Registries or mirrors for other packages, one kind=URL per line: go (module proxy), pypi (simple index), cargo (sparse index), maven (repository). Default: what the package manager of this user is configured with; the configuration of the repository is never read',
    }),
    'registry-token': input.secret({
      description:
        'Token or password for the one registry that registry-url or registries names; sent to its host alone, and refused in every phase but fetch and dry, so that no job has both it and user code',
    }),
    'registry-username': input.string({
      description: 'User name that goes with registry-token; without it the token is sent by itself',
    }),
    'private-hosts': input.list({
      description:
        'Hosts of a private network, host or host:port, one per line, that a lock file, a package index or a Dockerfile may name besides those of registry-url, registries and buildkit-image; every other address there is refused',
    }),
    command: input.string({
      description: 'Shell text that builds the project, run in the copy of source-path; needed by build and all',
    }),
    'output-path': input.list({
      description:
        'Files, folders or patterns (*, **) that the command writes, relative to source-path; needed by build and all',
    }),
    image: input.string({
      description:
        'Image description (YAML), relative to source-path: the outputs become layers of an OCI image layout in artifact-path, without a daemon',
    }),
    'approved-bases': input.list({
      description: 'Digests that an image may be based on; a base of another digest is a finding. Default: any digest',
    }),
    dockerfile: input.string({
      description:
        'Dockerfile, relative to source-path, built by BuildKit without network instead of a command; every image in it has a digest. A lock file of its own: lockfile may name it too, when there is no other',
    }),
    target: input.string({ description: 'Stage of the Dockerfile to build. Default: the last' }),
    'build-args': input.list({
      description: 'ARG values of the Dockerfile, one NAME=value per line; part of the record',
    }),
    platforms: input.list({
      description:
        'Platforms of the Dockerfile, or those to build of an image description, such as linux/arm64, one per line; RUN steps for another processor are not emulated. Default: the one of this machine; all of a description',
    }),
    'buildkit-image': input.string({
      description:
        'Release of BuildKit, by digest, whose programs build the Dockerfile; fetched and recorded like a base. Default: the programs of this machine',
    }),
    patch: input.boolean({
      description:
        'Upgrade the packages of the base image with copa in the fetch phase, before the network is cut off and before user code runs; every package that changed is recorded',
      default: false,
    }),
    'patch-mirrors': input.list({
      description:
        'The hosts that the package manager of the base may reach while it is patched, host or host:port, one per line; every other request is refused and fails the patch',
    }),
    flatten: input.boolean({
      description: 'Write each image with one layer, so that nothing that was removed is left in a lower one',
      default: false,
    }),
    isolation: input.choice(['sandbox', 'none'], {
      description:
        'none runs the command on the bare machine and is recorded as not hermetic; for demonstrations alone',
      default: 'sandbox',
    }),
    'bundle-path': input.path({ description: 'Output bundle-path of the fetch phase; needed by build' }),
    'first-path': input.path({ description: 'Of compare: folder with the outputs of one build' }),
    'second-path': input.path({ description: 'Of compare: folder with the outputs of the other build' }),
    'layout-path': input.path({ description: 'Of test: folder of the OCI image layout' }),
    'application-test': input.boolean({
      description: 'Of test: false starts nothing, and is recorded',
      default: true,
    }),
    'test-script': input.string({
      description:
        'Of test: script of the project, relative to source-path, run beside the container; PAVED_TEST_HOST and PAVED_TEST_PORTS say where it answers',
    }),
    'test-environment': input.list({
      description: 'Of test: variables of the container besides those of the image, one NAME=value per line',
    }),
    'test-settle': input.duration({
      description: 'Of test: how long the entry point must run, unless it ends with 0 before',
      default: '3s',
    }),
    'test-grace': input.duration({
      description: 'Of test: limit from the stop signal to the end, and for the exposed ports to answer',
      default: '10s',
    }),
    'artifact-id': input.string({
      description: 'Of test: id of the run artifact that holds the layout, which the summary names when the test fails',
    }),
    'source-date-epoch': input.integer({
      description:
        'SOURCE_DATE_EPOCH of the command and time of the source files, in seconds. Default: the time that npm pack uses',
      default: 499162500,
      min: 0,
      max: 4294967295,
    }),
    timeout: input.duration({ description: 'Limit of the command', default: '60m' }),
    'max-output-mebibytes': input.integer({
      description: 'Limit of all outputs together',
      default: 4096,
      min: 1,
      max: 65536,
    }),
  },
  outputs: {
    'bundle-path': output('Folder with what was fetched, each file named after its digest'),
    'record-path': output(
      'Folder with fetch-manifest.json, isolation-report.json and, with patch, image-patches.json; of test, with application-test.json, application-test.sarif, container.log and script.log',
    ),
    'findings-path': output('Of dry: document with what would stand in the way'),
    'artifact-path': output('Folder with the collected outputs; with image, the OCI layout'),
    'build-record-path': output(
      'Folder with build-record.json, build.log, of an image image-rules.sarif and, with patch, image-patches.json',
    ),
  },
  permissions: { contents: 'read' },
  hosts: [
    'the package registry, in the fetch phase',
    'with patch, in the fetch phase: github.com, and the hosts of patch-mirrors',
    'from inside the sandbox, where each attempt must fail: 1.1.1.1, 2606:4700:4700::1111, 168.63.129.16, 169.254.169.254 and github.com',
  ],
  writes: ['RUNNER_TEMP/paved/hermetic-build', 'a socket under the system temporary folder while the canary runs'],
  example: `- id: build
  uses: org/paved/hermetic-build@v1
  with:
    command: npm run build
    output-path: dist
`,
});
