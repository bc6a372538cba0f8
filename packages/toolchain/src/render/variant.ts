import { type Document, isMap, type Node, parseDocument, visit } from 'yaml';
import { RenderError } from './config.js';
import { expandLegs, type RenderedLeg } from './expand-legs.js';
import { patchWorkflow } from './patch-workflow.js';
import type { Template } from './template.js';

/**
 * Makes workflows out of others: `over` names the sources with what is different in each, `workflow` says what is different in all. Each
 * result is named after its source and the variant, so that it has a builder id of its own; what a variant does not name cannot differ.
 * @throws {RenderError} `TEMPLATE_INVALID`
 */
export function deriveVariants(
  variant: Template,
  sources: readonly Template[],
  legs: readonly RenderedLeg[],
): readonly Template[] {
  const suffix = stem(variant.name);
  return namesOver(variant).map((over) => {
    const source = sources.find(({ name }) => stem(name) === over);
    if (source === undefined) throw invalid(variant, `there is no workflow source "${over}"`);
    const document = parse(source);
    // Parsed anew for each source: nodes of the patch become nodes of the result.
    const patch = withoutAliases(parse(variant));
    for (const part of [patch.getIn(['over', over]), patch.get('workflow')]) patchWorkflow(document.contents, part);
    document.set('name', `${over}-${suffix}`);
    if (expandLegs(document.contents, legs)) throw invalid(variant, 'something that names a leg is in no list');
    const origin = `workflows/${source.name}, workflows/variants/${variant.name}`;
    return { name: `${over}-${suffix}.yml`, text: textOf(document), origin };
  });
}

/** A node that stood in two places would be changed in both. */
function withoutAliases(document: Document): Document {
  visit(document, { Alias: (_, alias) => alias.resolve(document)?.clone() as Node });
  visit(document, {
    Collection(_, node) {
      delete node.anchor;
    },
  });
  return document;
}

function namesOver(variant: Template): readonly string[] {
  const over = parse(variant).get('over');
  if (!isMap(over)) throw invalid(variant, 'it is over no workflow');
  return over.items.map(({ key }) => String(key));
}

function textOf(document: Document): string {
  return document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false });
}

function parse(template: Template): Document {
  const document = parseDocument(template.text, { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw invalid(template, 'it does not parse', problem);
  return document;
}

function stem(name: string): string {
  return name.replace(/\.yml$/, '');
}

function invalid({ name }: Template, state: string, cause?: unknown): RenderError {
  return new RenderError('TEMPLATE_INVALID', `Cannot render "${name}": ${state}`, { cause });
}
