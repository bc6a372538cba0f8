type Pair = readonly [string, string];

const cross = (...parts: readonly (readonly string[])[]): readonly string[] =>
  parts.reduce<readonly string[]>((all, part) => all.flatMap((head) => part.map((tail) => head + tail)), ['']);

/** Every version with others at several distances in the list. */
const paired = (versions: readonly string[]): readonly Pair[] =>
  versions.flatMap((version, index) =>
    [1, 5, 17].map((step): Pair => [version, versions[(index + step) % versions.length] ?? version]),
  );

const BASES = ['0.0.0', '0.1.0', '1.0.0', '1.2.3', '1.10.0', '10.0.0', '1.2.9007199254740991'];
const PRERELEASES = [
  '',
  '-0',
  '-alpha',
  '-alpha.1',
  '-alpha.beta',
  '-beta.2',
  '-beta.11',
  '-rc.1',
  '-rc-1',
  '-x.7.z.92',
  '--',
];

export const CRATE_PAIRS = paired(cross(BASES, PRERELEASES, ['', '+build.5']));
/** npm also takes what people write: a leading `v` or `=`, a pre-release without its hyphen. */
export const NPM_PAIRS = paired([
  ...cross(['', 'v'], BASES, PRERELEASES, ['', '+build']),
  '=1.2.3',
  '1.2.3beta',
  '1.2.3beta.4',
  ' 1.2.3 ',
]);
