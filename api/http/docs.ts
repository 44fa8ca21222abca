/**
 * The docs page: Swagger UI from the installed package, so that it works without the internet. Its start script is a
 * file of its own because the content security policy allows no script inside a page.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { Router } from 'express';
import { buildOpenApi } from '../openapi.ts';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slipway API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, docExpansion: 'list', validatorUrl: null });
`;

const require = createRequire(import.meta.url);
const SWAGGER_UI = dirname(require.resolve('swagger-ui-dist/package.json'));
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** `/docs` and `/openapi.json`; neither needs a key. */
export function docs(version: string): Router {
  // Bytes, so that answers share them.
  const document = Buffer.from(JSON.stringify(buildOpenApi(version)));
  const assets = express.static(SWAGGER_UI, { index: false, maxAge: '1h' });
  return Router()
    .get('/openapi.json', (_request, response) => {
      response.type('application/json').send(document);
    })
    .get('/docs', (_request, response) => {
      response.type('html').send(PAGE);
    })
    .get('/docs/start.js', (_request, response) => {
      response.type('text/javascript').send(START);
    })
    .use('/docs', (request, response, next) =>
      ASSETS.includes(request.path.slice(1)) ? assets(request, response, next) : next(),
    );
}
