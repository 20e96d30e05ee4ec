// SPDX-License-Identifier: GPL-3.0-or-later
// A Redis (or Valkey) of a test's own: a free port on loopback, a password, a temporary folder.
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { Redis } from 'ioredis'
import type { QueueAccess } from '../../keepers/jobs/index.ts'

const PASSWORD = 'only for this test'

/** The server's program, or null. */
export function redisBinary(): string | null {
  const places = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => [join(folder, 'redis-server'), join(folder, 'valkey-server')])
  for (const place of [...places, '/usr/bin/redis-server', '/usr/bin/valkey-server']) {
    try {
      accessSync(place, constants.X_OK)
      return place
    } catch {
      // The next one.
    }
  }
  return null
}

export class RedisServer {
  readonly url: string
  readonly folder: string
  readonly #child: ChildProcess

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.url = `redis://127.0.0.1:${port}`
    this.folder = folder
    this.#child = child
  }

  static async start(binary: string): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-redis-'))
    const port = await freePort()
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    const child = spawn(binary, [...options, '--requirepass', PASSWORD], { stdio: 'ignore' })
    const server = new RedisServer(port, folder, child)
    const client = server.client()
    await client.ping()
    client.disconnect()
    return server
  }

  /** Somebody who can read and write everything on the server, and has no key. */
  client(): Redis {
    const client = new Redis(this.url, { password: PASSWORD, retryStrategy: () => 50, maxRetriesPerRequest: 200 })
    client.on('error', () => undefined)
    return client
  }

  access(silentMs = 1_000): QueueAccess {
    return { url: this.url, name: 'test', key: new Uint8Array(32).fill(7), password: PASSWORD, ca: null, silentMs }
  }

  /** The options of a command for this queue; files in the server's folder. */
  options(): string[] {
    const [key, password] = [join(this.folder, 'workers.key'), join(this.folder, 'password')]
    writeFileSync(key, '07'.repeat(32), { mode: 0o600 })
    writeFileSync(password, PASSWORD, { mode: 0o600 })
    const silent = ['--silent-seconds', '1']
    return ['--queue', this.url, '--queue-name', 'test', '--queue-key', key, '--queue-password', password, ...silent]
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
