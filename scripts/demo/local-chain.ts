// SPDX-License-Identifier: GPL-3.0-or-later
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { HDNodeWallet, Mnemonic } from 'ethers'

/** Hardhat's well-known test mnemonic. Its keys are public: never fund them on a real network. */
const MNEMONIC = 'test test test test test test test test test test test junk'

export type LocalChain = {
  readonly url: string
  readonly port: number
  readonly chainId: bigint
  /** Private key of account `index`; the first 20 hold 10,000 test ether each. */
  key(index: number): string
  rpc(method: string, params?: unknown[]): Promise<unknown>
  stop(): Promise<void>
}

/** A TCP port that was free a moment ago, on loopback. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Starts `hardhat node` in a process of its own, on loopback. With `blockSeconds` it mines at that interval, as a real
 * chain does; without, a block for each transaction.
 */
export async function startLocalChain(
  options: { blockSeconds?: number; port?: number; signal?: AbortSignal } = {},
): Promise<LocalChain> {
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const cli = join(dirname(fileURLToPath(import.meta.resolve('hardhat'))), 'cli.js')
  const child = spawn(process.execPath, [cli, 'node', '--hostname', '127.0.0.1', '--port', String(port)], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
  })
  let complaints = ''
  child.stderr?.on('data', (data: Buffer) => {
    complaints = (complaints + data.toString()).slice(-2_000)
  })
  const rpc = async (method: string, params: unknown[] = []): Promise<unknown> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const body = (await response.json()) as { result?: unknown; error?: { message: string } }
    if (body.error) throw new Error(`${method}: ${body.error.message}`)
    return body.result
  }
  const stop = async (): Promise<void> => stopChild(child)
  try {
    for (let tries = 0; ; tries++) {
      options.signal?.throwIfAborted()
      if (child.exitCode !== null) throw new Error(`the local chain ended with ${child.exitCode}: ${complaints}`)
      const id = await rpc('eth_chainId').catch(() => null)
      if (typeof id === 'string') {
        if (options.blockSeconds !== undefined) {
          await rpc('evm_setAutomine', [false])
          await rpc('evm_setIntervalMining', [options.blockSeconds * 1000])
        }
        const wallet = Mnemonic.fromPhrase(MNEMONIC)
        return {
          url,
          port,
          chainId: BigInt(id),
          key: (index) => HDNodeWallet.fromMnemonic(wallet, `m/44'/60'/0'/0/${index}`).privateKey,
          rpc,
          stop,
        }
      }
      if (tries > 600) throw new Error(`the local chain did not answer within 60 s: ${complaints}`)
      await wait(100)
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Asks a child to end, and ends it after five seconds. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}
