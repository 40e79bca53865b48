// Two nodes on PostgreSQL and Redis behind nginx, with the configuration of an installation.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { once } from 'node:events';

import { Program } from './processes.mjs';
import { Server } from './server.mjs';
import { eventually } from './waiting.mjs';

const { TEBDIL_TEST_POSTGRES_URL, TEBDIL_TEST_POSTGRES_BIN, TEBDIL_TEST_REDIS_URL, TEBDIL_TEST_NGINX } = process.env;
const SOURCES = fileURLToPath(new URL('../../../nginx', import.meta.url));
const KEY = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=';

/** What is missing here to run it, or nothing. With `REQUIRE_SERVICES=1` that is an error. */
export function noCluster() {
  const needed = { TEBDIL_TEST_POSTGRES_URL, TEBDIL_TEST_POSTGRES_BIN, TEBDIL_TEST_REDIS_URL, TEBDIL_TEST_NGINX };
  const missing = Object.keys(needed).find((name) => !needed[name]);
  if (missing && process.env.REQUIRE_SERVICES === '1') throw new Error(`REQUIRE_SERVICES=1, but ${missing} is not set`);
  return missing && `${missing} is not set`;
}

/** A running cluster. */
export class Cluster {
  /** Where clients go. */
  url;
  #nodes = [];
  #nginx;
  #folder;
  #schema;

  /** Starts it, and waits until it is ready. */
  static async start(settings = {}) {
    const cluster = new Cluster();
    try {
      await cluster.#start(settings);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  async #start(settings) {
    this.#folder = await mkdtemp(join(tmpdir(), 'tebdil-cluster-'));
    this.#schema = `browser_${process.pid}`;
    await this.#sql(`create schema ${this.#schema}`);
    const database = new URL(TEBDIL_TEST_POSTGRES_URL);
    database.searchParams.set('options', `-c search_path=${this.#schema}`);
    const common = {
      TEBDIL_DATABASE__URL: database.href.replaceAll('+', '%20'),
      TEBDIL_REDIS__URL: TEBDIL_TEST_REDIS_URL,
      TEBDIL_REDIS__PREFIX: this.#schema,
      TEBDIL_SECRETS__PHONE_INDEX_KEY: KEY,
      TEBDIL_SECRETS__FIELD_KEYS: `k1:${KEY}`,
      TEBDIL_SECRETS__JWT_KEYS: `k1:${KEY}`,
      ...settings,
    };
    for (let node = 0; node < 2; node += 1) {
      this.#nodes.push(await Server.start({ TEBDIL_HTTP__TRUSTED_PROXIES: '127.0.0.1', ...common }));
    }
    const port = await freePort();
    await this.#configure(port);
    const options = `daemon off; master_process off; pid ${this.#folder}/nginx.pid;`;
    const args = ['-e', 'stderr', '-p', this.#folder, '-c', `${this.#folder}/nginx.conf`, '-g', options];
    this.#nginx = new Program(TEBDIL_TEST_NGINX, args, { cwd: this.#folder });
    this.url = `http://127.0.0.1:${port}`;
    await eventually(
      () => `nginx is ready, it said ${this.#nginx.said}`,
      () => fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false),
    );
  }

  async #configure(port) {
    const write = async (name, text) => {
      await mkdir(dirname(join(this.#folder, name)), { recursive: true });
      await writeFile(join(this.#folder, name), text);
    };
    const values = {
      PROXY_ACCESS_LOG: `${this.#folder}/access.log`,
      PROXY_REQUESTS_PER_SECOND: '20',
      PROXY_BURST: '100',
      PROXY_CONNECTIONS: '200',
    };
    const template = async (name) =>
      (await readFile(`${SOURCES}/templates/${name}.template`, 'utf8')).replace(/\$\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
    await write('nginx.conf', await readFile(`${SOURCES}/nginx.conf`, 'utf8'));
    await write('conf.d/10-http.conf', await template('10-http.conf'));
    await write('conf.d/tebdil/api.conf', await template('tebdil/api.conf'));
    await write('conf.d/20-servers.conf', `server { listen 127.0.0.1:${port}; include conf.d/tebdil/api.conf; }`);
    await write('tebdil/nodes.conf', this.#nodes.map(({ url }) => `server ${new URL(url).host} max_fails=0;`).join('\n'));
    await write('tebdil/balancers.conf', '');
    await mkdir(join(this.#folder, 'temp'));
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    await write('conf.d/00-test.conf', temp.map((kind) => `${kind}_temp_path ${this.#folder}/temp/${kind};`).join('\n'));
  }

  #sql(text) {
    const program = join(TEBDIL_TEST_POSTGRES_BIN, 'psql');
    return promisify(execFile)(program, ['-q', '-d', TEBDIL_TEST_POSTGRES_URL, '-c', text]);
  }

  /** Everything the nodes printed. */
  get log() {
    return this.#nodes.map(({ log }) => log).join('\n');
  }

  /** Ends it, and removes what it wrote. */
  async close() {
    await this.#nginx?.end();
    for (const node of this.#nodes) await node.close();
    if (this.#schema) await this.#sql(`drop schema if exists ${this.#schema} cascade`);
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
