import { isScalar, type Pair, parseDocument, type Scalar, visit } from 'yaml';
import { RenderError } from './config.js';
import { GENERATED_HEADING } from './stale-workflows.js';

/** GitHub's own `${{ }}` is left alone: only a `{{` without a dollar sign before it is a token of ours. */
const TOKEN = /(?<!\$)\{\{ ([a-z][a-z.-]*) \}\}/g;
const SELF = /^\$\/(.+)$/;

export interface Template {
  readonly name: string;
  readonly text: string;
  /** What it was made of, for the header; default the source of its name. */
  readonly origin?: string;
}

export interface RenderValues {
  /** Dotted key to literal text. */
  readonly values: ReadonlyMap<string, string>;
  /** `$/`, or the prefix and suffix that name the repository at a commit. */
  readonly selfReference: { readonly prefix: string; readonly suffix: string };
}

/**
 * Replaces every `{{ key }}` in the scalars of a workflow source by its literal value; comments and order stay. `{{ workflow }}` is the
 * name of the file itself.
 * An `environment` whose value is empty is left out, because what an empty one means is the server's to say.
 * The result carries a header that says where it comes from.
 * @throws {RenderError} `TEMPLATE_INVALID` for a key without a value, or for YAML that does not parse
 */
export function renderTemplate(
  template: Template,
  { values: configured, selfReference }: RenderValues,
  heading = header(template),
): string {
  const values = new Map(configured).set('workflow', template.name);
  const document = parseDocument(template.text, { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new RenderError('TEMPLATE_INVALID', `Cannot parse workflow source "${template.name}"`, { cause: problem });
  visit(document, {
    Pair(_, pair) {
      return isEmptyEnvironment(pair, values) ? visit.REMOVE : undefined;
    },
    Scalar(key, node, path) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const parent = path.at(-1);
      const isUses = parent !== undefined && 'key' in parent && isScalar(parent.key) && parent.key.value === 'uses';
      if (isUses) node.value = ownAction(node.value, selfReference);
      else if (node.value.search(TOKEN) !== -1) substitute(template, node as Scalar<string>, values);
    },
  });
  return heading + document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false });
}

function isEmptyEnvironment({ key, value }: Pair, values: ReadonlyMap<string, string>): boolean {
  if (!isScalar(key) || key.value !== 'environment' || !isScalar(value)) return false;
  const [, name = ''] = /^\{\{ ([a-z][a-z.-]*) \}\}$/.exec(String(value.value)) ?? [];
  return values.get(name) === '';
}

function substitute(template: Template, node: Scalar<string>, values: ReadonlyMap<string, string>): void {
  const text = node.value.replaceAll(TOKEN, (token, key: string) => {
    const value = values.get(key);
    if (value === undefined)
      throw new RenderError('TEMPLATE_INVALID', `Cannot render "${template.name}": nothing is named ${token}`);
    return value;
  });
  node.value = text;
  node.type = text.includes('\n') ? 'BLOCK_LITERAL' : 'QUOTE_SINGLE';
}

function ownAction(uses: string, self: RenderValues['selfReference']): string {
  const path = SELF.exec(uses)?.[1];
  return path === undefined ? uses : `${self.prefix}${path}${self.suffix}`;
}

function header({ name, origin = `workflows/${name}` }: Template): string {
  return `${GENERATED_HEADING}${origin} and paved.config.yml by \`npm run render\`; do not edit.\n`;
}
