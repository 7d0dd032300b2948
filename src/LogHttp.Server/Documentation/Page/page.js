// Starts Swagger UI. Not the page that Swashbuckle brings: that one evaluates texts to load plugins, which the
// Content-Security-Policy forbids.
"use strict";

const isLines = mediaType => /ndjson$/.test(mediaType ?? "");

// An example of a parameter is filled in and sent by "Try it out", and so is a default. Those that may be left out are
// left out, and what they can be is said beside them.
function describeOptional(parameter) {
  const { example, schema } = parameter;
  if (parameter.required || example === undefined)
    return;
  parameter.description += `\n\nExample: \`${example}\``;
  delete parameter.example;
  if (schema.default !== undefined)
    parameter.description += `; default: \`${schema.default}\``;
  delete schema.default;
}

function describe(document) {
  const operations = Object.values(document.paths).flatMap(path => Object.values(path));
  for (const { parameters = [] } of operations)
    parameters.forEach(describeOptional);
  return document;
}

const plugin = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: original => document => original(describe(document)) } },
  },
  wrapComponents: {
    // Lines of JSON are shown as the text that they are, not as JSON that can't be parsed.
    responseBody: (Original, { React }) => properties =>
      React.createElement(Original, isLines(properties.contentType) ? { ...properties, contentType: "text/plain" } : properties),
  },
  afterLoad() {
    // Nor are examples of them put in quotes.
    const original = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, mediaType, settings, example) =>
      isLines(mediaType) && typeof example === "string" ? example : original(schema, mediaType, settings, example);
  },
});

window.ui = SwaggerUIBundle({
  url: "/swagger/v1/swagger.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [plugin],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
});
