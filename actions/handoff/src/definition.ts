import { DEFAULT_CAPS } from '@paved/handoff';
import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'handoff',
  purpose: 'Passes files from one job of a run to the next, bound to the digest in the outputs of the first',
  inputs: {
    mode: input.choice(['send', 'receive', 'receive-legs', 'receive-all'], {
      description:
        '`send` uploads a folder as one archive, `receive` downloads, checks and extracts it, `receive-legs` does so for every leg of a matrix by the fixed keys of its outputs, `receive-all` does so for every artifact of the run whose name begins with `name` (never in a job with an id-token)',
      required: true,
    }),
    name: input.string({
      description:
        'send: name of the artifact; a run can have it once. receive-legs: `<leg>-<name>-id`, `-sha256` and `-made` are the outputs. receive-all: how the names begin',
    }),
    path: input.path({ description: 'send: folder or file to hand over; regular files only' }),
    'artifact-id': input.string({
      description: 'receive: id of the artifact, from the outputs of the job that sent it',
    }),
    sha256: input.string({
      description: 'receive: SHA-256 of the raw archive in hexadecimal, from the outputs of the job that sent it',
    }),
    platforms: input.list({
      description: 'receive-legs: platforms of the legs, one per line; the key of linux/arm64 is linux-arm64',
    }),
    outputs: input.string({
      description: "receive-legs: outputs of the job with the matrix, 'toJSON(needs.<job>.outputs)'",
    }),
    'needs-result': input.string({
      description:
        'receive and receive-legs: result of the job that sent it (`needs.<job>.result`); anything but `success` is refused',
    }),
    made: input.string({
      description: 'receive: when it was made, from the outputs of the job that sent it; needed with `max-age`',
    }),
    'max-age': input.duration({
      description:
        'receive: older than this, or from another run, is refused: jobs that are not run again keep their outputs, and jobs wait for approvals (default: no limit)',
    }),
    'max-bytes': input.integer({
      description: 'Limit of the archive, in bytes',
      default: DEFAULT_CAPS.maxBytes,
      min: 1,
      max: DEFAULT_CAPS.maxBytes,
    }),
  },
  outputs: {
    'artifact-id': output('send: id of the artifact; receive-legs: that of the leg, when there is one alone'),
    sha256: output('send: SHA-256 of the raw archive in hexadecimal'),
    made: output('send: run id, attempt and time, for `made` of the job that receives it'),
    path: output(
      'receive: folder with the files, under RUNNER_TEMP; receive-legs: folder with one folder for each leg, named by its key; receive-all: folder with one folder for each artifact',
    ),
    count: output('receive-all: how many there were'),
  },
  permissions: {},
  hosts: ['the artifact service of the run (ACTIONS_RESULTS_URL) and the storage that its signed URLs name'],
  writes: ['RUNNER_TEMP/paved/handoff'],
  example: `- uses: $/actions/handoff
  with:
    mode: receive
    artifact-id: \${{ needs.build.outputs.artifact-id }}
    sha256: \${{ needs.build.outputs.artifact-sha256 }}
    needs-result: \${{ needs.build.result }}`,
  internal: true,
});
