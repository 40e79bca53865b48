// Writes src/net/api.d.ts from api/openapi.json, and src/net/frames.d.ts from api/asyncapi.json.
// With --check it writes nothing, and fails if a file is not what it would write.
import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const check = process.argv.includes('--check');
const options = { rootTypes: true, rootTypesNoSchemaPrefix: true, alphabetize: true };
const read = async (file) => JSON.parse(await readFile(file, 'utf8'));
const stale = [];

async function put(file, document, from) {
  const head = `// Made by \`npm run types\` from ${from}. Do not edit.\n\n`;
  const wanted = head + astToString(await openapiTS(document, options));
  if (!check) await writeFile(file, wanted);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== wanted) stale.push(file);
}

/** An `allOf` of references and objects as one object and its references. */
function flat(schema, out = { properties: {}, required: [], refs: [] }) {
  if (schema.allOf) schema.allOf.forEach((part) => flat(part, out));
  else if (schema.$ref) out.refs.push(schema);
  else {
    Object.assign(out.properties, schema.properties);
    out.required.push(...(schema.required ?? []));
  }
  return out;
}

/** AsyncAPI as an OpenAPI document of schemas only: one schema a frame, and one of each side's frames. */
function frames(document) {
  const schemas = { ...document.components.schemas };
  for (const side of ['client', 'server']) {
    const names = Object.keys(document.components.messages).filter((name) => name.startsWith(`${side}.`));
    const refs = names.map((name) => {
      const { properties, required, refs } = flat(document.components.messages[name].payload);
      const id = `${name.split(/[._]/).map((word) => word[0].toUpperCase() + word.slice(1)).join('')}Frame`;
      const own = { type: 'object', properties, ...(required.length && { required }) };
      schemas[id] = { allOf: [...refs, own] };
      return { $ref: `#/components/schemas/${id}` };
    });
    schemas[`${side[0].toUpperCase()}${side.slice(1)}Frame`] = { oneOf: refs };
  }
  return { openapi: '3.1.0', info: { title: 'frames', version: '1' }, paths: {}, components: { schemas } };
}

await put('src/net/api.d.ts', await read('api/openapi.json'), 'api/openapi.json');
await put('src/net/frames.d.ts', frames(await read('api/asyncapi.json')), 'api/asyncapi.json');
if (stale.length) {
  console.error(`${stale.join(' and ')}: not what \`npm run types\` makes. Run it.`);
  process.exit(1);
}
