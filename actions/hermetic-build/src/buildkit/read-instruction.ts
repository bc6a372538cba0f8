import { type Instruction, JSONInstruction, ModifiableInstruction, Onbuild } from 'dockerfile-ast';

/** Name of a flag, in lower case, to each of its values. */
export type FlagMap = ReadonlyMap<string, readonly string[]>;
export interface Flags {
  readonly from: readonly string[];
}

type Report = (detail: string, cure: string) => void;

const MOUNTS = ['bind', 'cache', 'tmpfs'];
const CHECKSUM = /^sha256:([0-9a-f]{64})$/;
const GIT = /^(?:git@|git:\/\/|ssh:\/\/)|^(?:https?:\/\/).*\.git(?:[#?].*)?$|^github\.com\//i;

/** The instruction that ONBUILD keeps for a later build counts as one of this build: a stage of this file may be the later one. */
export function onbuildTrigger(instruction: Instruction): Instruction {
  return instruction instanceof Onbuild ? (instruction.getTriggerInstruction() ?? instruction) : instruction;
}

export function flagsOf(instruction: Instruction): FlagMap {
  const flags = new Map<string, string[]>();
  if (!(instruction instanceof ModifiableInstruction)) return flags;
  for (const flag of instruction.getFlags()) {
    const name = flag.getName().toLowerCase();
    flags.set(name, [...(flags.get(name) ?? []), (flag.getValue() ?? '').replace(/^"(.*)"$/, '$1')]);
  }
  return flags;
}

/** The images that its mounts come from. */
export function checkRun(flags: FlagMap, problem: Report): readonly string[] {
  for (const network of flags.get('network') ?? []) {
    if (network !== 'none' && network !== 'default')
      problem(`RUN --network=${network}: the build has no network`, 'Leave the flag out');
  }
  for (const security of flags.get('security') ?? []) {
    if (security !== 'sandbox')
      problem(`RUN --security=${security}: nothing of the build runs with privileges`, 'Leave the flag out');
  }
  if (flags.has('device')) problem('RUN --device: no device of the machine is shown', 'Leave the flag out');
  return (flags.get('mount') ?? []).flatMap((mount) => {
    const options = mountOptions(mount);
    const type = options.get('type') ?? 'bind';
    if (!MOUNTS.includes(type)) {
      const cure = 'Fetch what needs a credential in the fetch phase, and mount it from the context';
      problem(`RUN --mount=type=${type}: no secret is in a build`, cure);
    }
    return [options.get('from') ?? ''];
  });
}

function mountOptions(mount: string): ReadonlyMap<string, string> {
  return new Map(
    mount.split(',').map((part): [string, string] => {
      const [name = '', ...value] = part
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .split('=');
      return [name.toLowerCase(), value.join('=')];
    }),
  );
}

/** The files that it takes from the network, each with the checksum that makes it the same file tomorrow. */
export function checkAdd(
  instruction: Instruction,
  flags: FlagMap,
  problem: Report,
): readonly { readonly url: URL; readonly sha256: string }[] {
  const found: { url: URL; sha256: string }[] = [];
  for (const source of sourcesOf(instruction)) {
    if (GIT.test(source)) {
      problem(`ADD ${source}: a git repository is no fixed content`, 'ADD the archive of a commit with --checksum');
      continue;
    }
    if (!/^https?:\/\//i.test(source)) continue;
    const sha256 = CHECKSUM.exec(flags.get('checksum')?.[0] ?? '')?.[1];
    const url = URL.canParse(source) && !source.includes('$') ? new URL(source) : undefined;
    const local = url !== undefined && /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname);
    if (sha256 === undefined)
      problem(`ADD ${source}: it has no checksum`, 'Write ADD --checksum=sha256:<64 hex digits>');
    else if (url === undefined) problem(`ADD ${source}: its address is not fixed`, 'Write the address out');
    else if (url.username !== '' || url.password !== '' || (url.protocol !== 'https:' && !local))
      problem(
        `ADD of ${url.host}: its address is not https, or has a password`,
        'Use an https address without credentials',
      );
    else found.push({ url, sha256 });
  }
  return found;
}

function sourcesOf(instruction: Instruction): readonly string[] {
  const json =
    instruction instanceof JSONInstruction ? instruction.getJSONStrings().map((item) => item.getJSONValue()) : [];
  const words = json.length > 0 ? json : instruction.getArguments().map((argument) => argument.getValue());
  return words.slice(0, -1);
}
