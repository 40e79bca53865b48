// What the operations of the REST half take and answer, by path and method.

import type { paths } from './api.d.ts';
import type { Meta } from './rest.ts';

interface Json<T> {
  content: { 'application/json': T };
}

// Not in the server's documents.
interface More {
  '/v1/meta': { get: { responses: { 200: Json<Meta> } } };
  '/v1/me/consent': {
    post: { requestBody: Json<{ terms_version: number }>; responses: { 204: { content?: never } } };
  };
}

type Paths = paths & Omit<More, keyof paths>;

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export type PathsWith<M extends Method> = {
  [P in keyof Paths]: Paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof Paths] & string;

type Operation<P, M extends Method> = P extends keyof Paths
  ? Paths[P] extends { [K in M]: infer O } ? O : never
  : never;

export type Body<P, M extends Method> = Operation<P, M> extends { requestBody?: infer B }
  ? NonNullable<B> extends Json<infer T> ? T : undefined
  : undefined;

export type Answer<P, M extends Method> = Operation<P, M> extends { responses: infer R }
  ? { [S in keyof R & (200 | 201 | 202 | 204)]: R[S] extends Json<infer T> ? T : void }[
    keyof R & (200 | 201 | 202 | 204)]
  : never;

type Parameters<P, M extends Method> = Operation<P, M> extends { parameters: infer T } ? T : object;

export interface Options {
  path?: Record<string, string | number>;
  query?: Record<string, unknown>;
  /** The `Idempotency-Key`, where a repeat by the user must not do it twice; else a new one. */
  key?: string;
  /** Instead of the account's: for appeals. */
  token?: string;
  timeoutMs?: number;
  parseAs?: 'json' | 'stream';
  /** Only of `delete`: the others take it by itself. */
  body?: unknown;
}

type Common = Omit<Options, 'path' | 'query' | 'body'>;
type Query<T> = T extends { query?: infer Q } ? { query?: NonNullable<Q> } : object;

/** The options of a call; they are needed where the path has parameters. */
export type Rests<P, M extends Method, More = object> =
  Parameters<P, M> extends { path: infer T extends object }
    ? [options: Common & Query<Parameters<P, M>> & { path: T } & More]
    : Partial<More> extends More
      ? [options?: Common & Query<Parameters<P, M>> & More]
      : [options: Common & Query<Parameters<P, M>> & More];

/** The body and the options. */
export type Writes<P, M extends Method> = undefined extends Body<P, M>
  ? Rests<P, M> extends [options: infer T] ? [body: undefined, options: T]
    : [body?: undefined, ...options: Rests<P, M>]
  : [body: Body<P, M>, ...options: Rests<P, M>];

/** The options, the body among them: most have none. */
export type Deletion<P> = Rests<P, 'delete', undefined extends Body<P, 'delete'>
  ? { body?: undefined }
  : { body: Body<P, 'delete'> }>;
