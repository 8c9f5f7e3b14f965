/**
 * The Express application: mounts the table of routes and puts the same gate before each of them
 * (host, load, key, role), the same refusals around them (404, 405, problems) and the same record
 * behind them. It knows no route by name.
 */

import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';

import type { ApiKeyStore, Principal } from './api-keys.ts';
import { authenticate, authIsOn, AuthRefusal, requireRole } from './auth.ts';
import { createBodyReader } from './body.ts';
import { HttpRefusal, problemEntry } from './errors.ts';
import { beginExchange, type Exchange, sendRefusal, sendReply } from './exchange.ts';
import type { ExchangeContext } from './exchange.ts';
import { hostOf, isLoopback } from './loopback.ts';
import type { HttpLogger } from './observer.ts';
import type { Placement } from './placement.ts';
import { refusalOf } from './problem.ts';
import type { Route } from './route.ts';

export interface ApplicationOptions extends ExchangeContext {
  readonly routes: readonly Route[];
  readonly keys: ApiKeyStore | null;
  readonly logger: HttpLogger;
  readonly placement: Placement;
  /** Aborts when requests in flight have to give up. */
  readonly stopSignal: AbortSignal;
}

export function createApplication(options: ApplicationOptions): Express {
  const exchanges = new WeakMap<object, Exchange>();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use(opener(options, exchanges));
  for (const [path, routes] of Map.groupBy(options.routes, (route) => route.path)) {
    const mount = app.route(path.replaceAll(/\{(\w+)\}/gu, ':$1'));
    for (const route of routes) mount[route.method](handler(route, options, exchanges));
    mount.all(methodRefusal(path, routes, exchanges));
  }
  app.use(() => {
    throw new HttpRefusal('route_not_found', 'There is nothing at this path.');
  });
  app.use(failure(options, exchanges));
  return app;
}

/** Whoever calls an open route; nobody asked for a key. */
const ANYBODY: Principal = { keyId: 'nobody', name: 'nobody', role: 'viewer' };

type Exchanges = WeakMap<object, Exchange>;

/** Opens the exchange; what follows runs with its span active. */
function opener(options: ApplicationOptions, exchanges: Exchanges): RequestHandler {
  return (request, response, next) => {
    const exchange = beginExchange(request, response, options);
    exchanges.set(request, exchange);
    exchange.span.run(() => {
      requireOwnHost(request.headers.host, options.keys);
      next();
    });
  };
}

function handler(route: Route, options: ApplicationOptions, exchanges: Exchanges): RequestHandler {
  let inFlight = 0;
  return async (request) => {
    const exchange = exchangeOf(exchanges, request);
    exchange.matched(route.path);
    if (inFlight >= options.limits.requestsInFlightMax) {
      throw new HttpRefusal('overloaded', 'Too many requests of this kind are being answered.');
    }
    inFlight += 1;
    try {
      const principal = admit(route, exchange, options.keys);
      const body = createBodyReader(request, options.limits);
      const { reply, leaderId } = await options.placement({
        route,
        method: request.method,
        target: request.originalUrl,
        readBytes: body.bytes,
        raw: {
          method: route.method.toUpperCase(),
          path: exchange.path,
          search: exchange.search,
          parameters: request.params,
          headers: request.headers,
          principal,
          readBody: body.json,
          signal: AbortSignal.any([exchange.signal, options.stopSignal]),
        },
      });
      sendReply(exchange, reply, options);
      // The leader logs what it did for a client of this member.
      if (leaderId === null && isChange(route)) {
        logChange(options.logger, exchange, route, principal);
      }
    } finally {
      inFlight -= 1;
    }
  };
}

function isChange(route: Route): boolean {
  return route.command === true || route.membership === true;
}

function admit(route: Route, exchange: Exchange, keys: ApiKeyStore | null): Principal {
  if (route.role === 'open') return ANYBODY;
  const principal = authenticate(exchange.request.headers, keys);
  requireRole(principal, route.role);
  return principal;
}

/** Without keys only names of loopback are answered: a web page must not come in through DNS rebinding. */
function requireOwnHost(host: string | undefined, keys: ApiKeyStore | null): void {
  if (host === undefined || authIsOn(keys) || isLoopback(hostOf(host))) return;
  throw new HttpRefusal(
    'misdirected_request',
    'Without API keys the server answers on loopback names only.',
  );
}

function methodRefusal(
  path: string,
  routes: readonly Route[],
  exchanges: Exchanges,
): RequestHandler {
  const methods = routes.map((route) => route.method.toUpperCase());
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return (request) => {
    exchangeOf(exchanges, request).matched(path);
    throw new HttpRefusal('method_not_allowed', `This path knows ${allow}.`, {
      headers: { allow },
    });
  };
}

/** Express knows an error handler by its four parameters. */
function failure(options: ApplicationOptions, exchanges: Exchanges): ErrorRequestHandler {
  return (error: unknown, request, _response, _next) => {
    const exchange = exchangeOf(exchanges, request);
    const refusal = error instanceof URIError ? undecodablePath(error) : refusalOf(error);
    if (refusal instanceof AuthRefusal) options.observe.authFailed(refusal.failure);
    logRefusal(options.logger, exchange, refusal);
    sendRefusal(exchange, refusal, options);
  };
}

function undecodablePath(cause: URIError): HttpRefusal {
  const message = 'not percent-encoded UTF-8';
  return new HttpRefusal('invalid_request', 'The path cannot be decoded.', {
    faults: [{ in: 'path', pointer: '', message }],
    cause,
  });
}

function exchangeOf(exchanges: Exchanges, request: object): Exchange {
  const exchange = exchanges.get(request);
  if (exchange === undefined) throw new Error('a request without its exchange');
  return exchange;
}

/** A refused client is a counter, not a log line; what this side failed at is a line. */
function logRefusal(logger: HttpLogger, exchange: Exchange, refusal: HttpRefusal): void {
  const { status } = problemEntry(refusal.code);
  if (status < 500) return;
  const fields = {
    code: refusal.code,
    route: exchange.route(),
    method: exchange.request.method,
    traceId: exchange.traceId,
    err: refusal.cause ?? refusal,
  };
  if (refusal.code === 'internal_error') logger.error(fields, 'a request met a bug');
  else logger.warn(fields, 'a request was turned away');
}

function logChange(
  logger: HttpLogger,
  exchange: Exchange,
  route: Route,
  principal: Principal,
): void {
  const { statusCode } = exchange.response;
  logger.info(
    {
      operation: route.operationId,
      path: exchange.path,
      status: statusCode,
      principal: principal.name,
      keyId: principal.keyId,
      traceId: exchange.traceId,
    },
    'a client changed the state',
  );
}
