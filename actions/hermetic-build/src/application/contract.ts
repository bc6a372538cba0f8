import type { ContainerPort, ContainerRun } from '@paved/sandbox';
import type { ImageUnderTest } from './image-under-test.js';

export type TestRule =
  | 'application-test-root-user'
  | 'application-test-no-program'
  | 'application-test-start'
  | 'application-test-library'
  | 'application-test-port'
  | 'application-test-signal'
  | 'application-test-limit'
  | 'application-test-script';

export interface TestFinding {
  readonly rule: TestRule;
  readonly detail: string;
  readonly cure: string;
}

const MAX_LINES = 10;

/** What can be said before anything of the image runs; with a finding, nothing of it does. */
export function findingsBefore({ user, program, entrypoint, config }: ImageUnderTest): readonly TestFinding[] {
  const findings: TestFinding[] = [];
  const add = (rule: TestRule, detail: string, cure: string) => findings.push({ rule, detail, cure });
  const name = JSON.stringify(String(config.User ?? '').slice(0, 100));
  if (user === undefined || user.uid === 0) {
    const who = user === undefined ? `its user ${name} is nobody that the image knows` : `its user ${name} is root`;
    add('application-test-root-user', who, 'Set USER to a number of its own, such as USER 65532:65532');
  }
  // env(1) would take it for a variable.
  if (program === undefined || entrypoint[0]?.includes('=') === true) {
    const called = JSON.stringify((entrypoint[0] ?? '').slice(0, 200));
    add(
      'application-test-no-program',
      `its entry point ${called} is not in it`,
      'Set ENTRYPOINT to a file of the image',
    );
  } else if (program.missing !== undefined) {
    const text = `${program.path.slice(0, 200)} is started by ${program.missing.slice(0, 200)}, which is not in the image`;
    add(
      'application-test-library',
      text,
      'Link the program statically, or start from a base with its loader and libraries',
    );
  }
  return findings;
}

/** What the run has shown. */
export function findingsOf(
  run: ContainerRun,
  ports: readonly ContainerPort[],
  stopSignal: string,
): readonly TestFinding[] {
  const findings: TestFinding[] = [];
  const add = (rule: TestRule, detail: string, cure: string) => findings.push({ rule, detail, cure });
  const lost = (run.libraries?.lines ?? []).filter((line) =>
    /not found|Error (?:loading|relocating)|cannot open shared/i.test(line),
  );
  for (const line of lost.slice(0, MAX_LINES)) {
    add(
      'application-test-library',
      line.trim().slice(0, 300),
      'Copy the library into the image, or link the program statically',
    );
  }
  const { ended } = run;
  if (ended !== undefined && (ended.exitStatus !== 0 || ended.during === 'script')) {
    const when = ended.during === 'start' ? 'right after its start' : 'while the script of the project ran';
    add('application-test-start', `the entry point ended with ${ended.exitStatus} ${when}`, START_CURE);
  }
  for (const { protocol, port } of ports) {
    if (run.listening.includes(`${protocol}/${port}`)) continue;
    add('application-test-port', `nothing answers on the exposed port ${port}/${protocol} of loopback`, PORT_CURE);
  }
  if (run.timedOut) add('application-test-limit', 'the test took longer than timeout', 'Raise timeout, or test less');
  if (run.tooMuchOutput)
    add('application-test-limit', 'it wrote more than the log takes', 'Write less while it is tested');
  const isOver = ended !== undefined || run.timedOut || run.tooMuchOutput;
  if (!isOver && run.stopped === undefined) {
    add('application-test-signal', `it goes on after ${stopSignal} longer than test-grace`, SIGNAL_CURE);
  }
  if (run.scriptStatus !== undefined && run.scriptStatus !== 0) {
    add(
      'application-test-script',
      `the script of the project ended with ${run.scriptStatus}`,
      'See script.log in the record',
    );
  }
  return findings;
}

const START_CURE =
  'See container.log in the record; what the entry point needs goes into test-environment. It has no network but loopback';
const PORT_CURE = 'Listen on 0.0.0.0 or ::, on the port that EXPOSE names, or take the line out';
const SIGNAL_CURE = 'Handle the signal: as process 1 of a container, a program without a handler is not ended by it';
