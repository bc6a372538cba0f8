import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import type { ExpressionData } from '@actions/expressions/data/expressiondata';
import type { FunctionDefinition } from '@actions/expressions/funcs/info';
import type { Token } from '@actions/expressions/lexer';
import { fromData, type Json, toData } from './json-data.js';

/** Values by context name (`github`, `needs`, ...). */
export type Contexts = Readonly<Record<string, Json>>;

/** Functions besides the built-in ones, by lower-case name. */
export type Functions = Readonly<Record<string, (...args: readonly Json[]) => Json>>;

const CONTEXT_NAMES = [
  'github',
  'needs',
  'inputs',
  'steps',
  'runner',
  'job',
  'jobs',
  'env',
  'secrets',
  'vars',
  'matrix',
  'strategy',
];
const MAX_ARGUMENTS = 255;

/** Evaluates one expression with GitHub's lexer, parser and evaluator. A context that is not given is `null`. */
export function evaluate(expression: string, contexts: Contexts, functions: Functions = {}): Json {
  return fromData(evaluateData(expression, contexts, functions));
}

/** As {@link evaluate}, then GitHub's own coercion to a string (`null` is empty). */
export function evaluateString(expression: string, contexts: Contexts, functions: Functions = {}): string {
  return evaluateData(expression, contexts, functions).coerceString();
}

function evaluateData(expression: string, contexts: Contexts, functions: Functions): ExpressionData {
  const definitions = Object.entries(functions).map(([name, call]) => definition(name, call));
  const parser = new Parser(tokensOf(expression), CONTEXT_NAMES, definitions);
  const values = new data.Dictionary();
  for (const name of CONTEXT_NAMES) values.add(name, toData(contexts[name] ?? null));
  const byName = new Map(definitions.map((item) => [item.name, item]));
  return new Evaluator(parser.parse(), values, byName).evaluate();
}

/** The published lexer unescapes only the first `''` of a string, the service all of them. */
function tokensOf(expression: string): Token[] {
  const { tokens } = new Lexer(expression).lex();
  return tokens.map((token) =>
    token.lexeme.startsWith("'") ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token,
  );
}

function definition(name: string, call: (...args: readonly Json[]) => Json): FunctionDefinition {
  return {
    name,
    minArgs: 0,
    maxArgs: MAX_ARGUMENTS,
    call: (...args) => toData(call(...args.map(fromData))),
  };
}
