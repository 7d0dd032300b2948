// Starts Swagger UI. Swashbuckle's own page evaluates texts to load plugins, which the Content-Security-Policy forbids.
"use strict";

const formType = "application/x-www-form-urlencoded";
const isLines = mediaType => /ndjson$/.test(mediaType ?? "");

// "Try it out" fills in and sends a parameter's example or default. Optional parameters are left empty instead, and
// their descriptions name the example and the default.
function describeOptional(parameter) {
  const { example, required, schema } = parameter;
  if (required || example === undefined)
    return;
  delete parameter.example;
  if (schema.enum === undefined)
    parameter.description += ` Example: \`${example}\`.`;
  if (schema.default !== undefined)
    parameter.description += ` Default: \`${schema.default}\`.`;
  delete schema.default;
}

function describe(document) {
  const operations = Object.values(document.paths).flatMap(path => Object.values(path));
  for (const { parameters = [] } of operations)
    parameters.forEach(describeOptional);
  return document;
}

// A form, as curl calls it, is a text here and is sent unchanged. Swagger UI would make fields of its characters.
function sendAsItIs(request) {
  const { requestBody, requestInterceptor } = request;
  return { ...request, requestInterceptor: ready => requestInterceptor(Object.assign(ready, { body: requestBody })) };
}

const plugin = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: original => document => original(describe(document)) } },
  },
  wrapComponents: {
    // Shows lines of JSON as text, because they can't be parsed as one JSON document.
    responseBody: (Original, { React }) => properties =>
      React.createElement(Original, isLines(properties.contentType) ? { ...properties, contentType: "text/plain" } : properties),
    // Shows the first form of a response, which a client gets that accepts any.
    response: (Original, { React }) => properties =>
      React.createElement(Original, { ...properties, contentType: properties.response.get("content")?.keySeq().first() ?? properties.contentType }),
  },
  afterLoad() {
    // Shows examples of lines without quotes.
    const { getSampleSchema, execute } = this.fn;
    this.fn.getSampleSchema = (schema, mediaType, settings, example) =>
      isLines(mediaType) && typeof example === "string" ? example : getSampleSchema(schema, mediaType, settings, example);
    this.fn.execute = request => execute(request.requestContentType === formType ? sendAsItIs(request) : request);
  },
});

// Requests the first form of each response. Swagger UI would show JSON as chosen, and accept any form.
function chooseForms(ui) {
  for (const [path, operations] of Object.entries(ui.specSelectors.specJson().get("paths").toJS()))
    for (const [method, { responses }] of Object.entries(operations)) {
      const [form, other] = Object.keys(responses["200"]?.content ?? {});
      if (other !== undefined)
        ui.oas3Actions.setResponseContentType({ value: form, path, method });
    }
}

const ui = SwaggerUIBundle({
  url: "v1/swagger.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [plugin],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => chooseForms(ui),
});
