/** `os`, `architecture` and `variant` of a platform such as `linux/arm64/v8`. */
export function platformParts(platform: string): readonly [string, string, string] {
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  return [os, architecture, variant];
}

/** The variables that BuildKit sets by itself before the first stage ("Automatic platform ARGs in the global scope"). */
export function platformVariables(target: string, build: string): ReadonlyMap<string, string> {
  const entries = [
    ['TARGET', target],
    ['BUILD', build],
  ].flatMap(([prefix, platform = '']): [string, string][] => {
    const [os, architecture, variant] = platformParts(platform);
    return [
      [`${prefix}PLATFORM`, platform],
      [`${prefix}OS`, os],
      [`${prefix}ARCH`, architecture],
      [`${prefix}VARIANT`, variant],
    ];
  });
  return new Map(entries);
}

const VARIABLE = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])([^${}]*))?\})/g;

/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-text}`, `${NAME-text}`, `${NAME:+text}` and `${NAME+text}`.
 * @returns `undefined` when a variable has no value, or a form is used that is none of these: the text is then not fixed
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string | undefined {
  let fixed = true;
  const expanded = text.replaceAll(VARIABLE, (_all, plain: string, braced: string, operator = '', word = '') => {
    const value = variables.get(plain ?? braced);
    const isSet = value !== undefined && (!operator.startsWith(':') || value !== '');
    if (operator.endsWith('+')) return isSet ? word : '';
    if (operator.endsWith('-') && !isSet) return word;
    if (value === undefined) fixed = false;
    return value ?? '';
  });
  return fixed && !expanded.includes('$') ? expanded : undefined;
}
