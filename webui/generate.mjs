/* From the API's own description to what the UI knows of it: TypeScript types and the schemas that answers are checked against.
 *
 *   npm run generate
 *
 * One walk over collector/src/api/openapi.json makes both, so they cannot differ. The files are kept in git, where a change of the API
 * shows in the UI's own words; a test says when they are out of date. A keyword that is not known here stops it, rather than go unchecked. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const HEAD = '/* Made from collector/src/api/openapi.json by `npm run generate`; not to be edited. */\n';
const TELLING = ['description', 'format', 'default', 'summary', 'title'];
const KNOWN = [
  ...['$ref', 'anyOf', 'type', 'enum', 'const', 'required', 'properties', 'items', 'additionalProperties'],
  ...['minimum', 'maximum', 'minLength', 'maxLength', 'pattern', ...TELLING],
];
const PLAIN = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' };

const nameOf = (ref) => ref.slice(ref.lastIndexOf('/') + 1);
const comment = (text) => (text ? `/** ${text.replaceAll('*/', '*\\/').replaceAll('\n', '\n * ')} */\n` : '');

/* What has no type in the description stands as an application wrote it. */
function typeOf(schema) {
  for (const keyword of Object.keys(schema))
    if (!KNOWN.includes(keyword)) throw new Error(`schema keyword ${keyword} is not known to generate.mjs`);
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === undefined) return 'Json';
  return [schema.type]
    .flat()
    .map((type) => {
      if (type === 'object') return objectType(schema);
      return type === 'array' ? `readonly (${typeOf(schema.items)})[]` : PLAIN[type];
    })
    .join(' | ');
}

function objectType(schema) {
  if (!schema.properties) return 'JsonObject';
  const fields = Object.entries(schema.properties).map(([name, field]) => {
    const optional = schema.required?.includes(name) ? '' : '?';
    return `${comment(field.description)}readonly ${JSON.stringify(name)}${optional}: ${typeOf(field)};`;
  });
  return `{\n${fields.join('\n')}\n}`;
}

function declaration([name, schema]) {
  const docs = comment(schema.description);
  if (name === 'Value') return `${docs}export type Value = JsonText;`;
  const type = typeOf(schema);
  return type.startsWith('{')
    ? `${docs}export interface ${name} ${type}`
    : `${docs}export type ${name} = ${type};`;
}

/* The parts of a schema that an answer is checked for. New fields may come within a version, so none is refused. */
function checked(schema) {
  if (schema.$ref) return { $ref: nameOf(schema.$ref) };
  const kept = ['type', 'enum', 'const', 'required'].filter((keyword) => keyword in schema);
  return {
    ...Object.fromEntries(kept.map((keyword) => [keyword, schema[keyword]])),
    ...(schema.anyOf && { anyOf: schema.anyOf.map(checked) }),
    ...(schema.items && { items: checked(schema.items) }),
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, field]) => [name, checked(field)]),
      ),
    }),
  };
}

/* The questions that are answered in JSON: path, parameters, and the schema of the answer. */
function questions({ paths, components }) {
  return Object.entries(paths).flatMap(([path, { get }]) => {
    const answer = get.responses['200']?.content['application/json']?.schema;
    if (!answer?.$ref) return [];
    const parameters = (get.parameters ?? [])
      .map((parameter) => (parameter.$ref ? components.parameters[nameOf(parameter.$ref)] : parameter))
      .filter((parameter) => parameter.in !== 'header');
    return [{ path, parameters, answer: nameOf(answer.$ref), summary: get.summary }];
  });
}

function question({ path, parameters, answer, summary }) {
  const fields = parameters.map(
    ({ name, required, description, schema }) =>
      `${comment(description)}readonly ${JSON.stringify(name)}${required ? '' : '?'}: ${typeOf(schema)};`,
  );
  const params = fields.length ? `{\n${fields.join('\n')}\n}` : 'NoFields';
  return `${comment(summary)}readonly ${JSON.stringify(path)}: { readonly params: ${params}; readonly answer: ${answer} };`;
}

/** The content of each generated file, by its path within webui/. */
export async function generate(document) {
  const schemas = Object.entries(document.components.schemas);
  const asked = questions(document);
  const types = `${HEAD}import type { Json, JsonObject, NoFields } from '../base/json';
import type { JsonText } from '../base/jsonText';

${schemas.map(declaration).join('\n\n')}

/** What can be asked for, by path. */
export interface Api {
${asked.map(question).join('\n')}
}
`;
  const checks = `${HEAD}import type { Schema } from './check';

export const SCHEMAS: Readonly<Record<string, Schema>> = ${JSON.stringify(
    Object.fromEntries(
      schemas.map(([name, schema]) => [name, name === 'Value' ? { raw: true } : checked(schema)]),
    ),
  )};

/** The schema of each path's answer. */
export const ANSWERS = ${JSON.stringify(Object.fromEntries(asked.map(({ path, answer }) => [path, answer])))} as const;
`;
  const style = await resolveConfig(here('package.json'));
  const pretty = (text) => format(text, { ...style, parser: 'typescript' });
  return { 'src/model/api.ts': await pretty(types), 'src/api/schemas.ts': await pretty(checks) };
}

export function readDocument() {
  return JSON.parse(readFileSync(here('../collector/src/api/openapi.json'), 'utf8'));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [path, text] of Object.entries(await generate(readDocument()))) writeFileSync(here(path), text);
