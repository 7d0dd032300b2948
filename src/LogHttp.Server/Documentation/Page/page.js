// Starts Swagger UI. Not the page that Swashbuckle brings: that one evaluates texts to load plugins, which the
// Content-Security-Policy forbids.
"use strict";

const formType = "application/x-www-form-urlencoded";
const isLines = mediaType => /ndjson$/.test(mediaType ?? "");

// An example of a parameter is filled in and sent by "Try it out", and so is a default. Those that may be left out are
// left out, and what they can be is said beside them.
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

// What curl calls a form is a text here, and sent as it is; Swagger UI would make fields of its characters.
function sendAsItIs(request) {
  const { requestBody, requestInterceptor } = request;
  return { ...request, requestInterceptor: ready => requestInterceptor(Object.assign(ready, { body: requestBody })) };
}

const plugin = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: original => document => original(describe(document)) } },
  },
  wrapComponents: {
    // Lines of JSON are shown as the text that they are, not as JSON that can't be parsed.
    responseBody: (Original, { React }) => properties =>
      React.createElement(Original, isLines(properties.contentType) ? { ...properties, contentType: "text/plain" } : properties),
    // Of the forms of an answer the first is shown, which is the one that is sent to who asks for any.
    response: (Original, { React }) => properties =>
      React.createElement(Original, { ...properties, contentType: properties.response.get("content")?.keySeq().first() ?? properties.contentType }),
  },
  afterLoad() {
    // Nor are examples of them put in quotes.
    const { getSampleSchema, execute } = this.fn;
    this.fn.getSampleSchema = (schema, mediaType, settings, example) =>
      isLines(mediaType) && typeof example === "string" ? example : getSampleSchema(schema, mediaType, settings, example);
    this.fn.execute = request => execute(request.requestContentType === formType ? sendAsItIs(request) : request);
  },
});

// Asks for the first of the forms that an operation can answer in; Swagger UI would show JSON as chosen, and ask for any.
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
