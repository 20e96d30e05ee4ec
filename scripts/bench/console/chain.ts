// SPDX-License-Identifier: GPL-3.0-or-later
// An RPC endpoint with the chain that a caller makes up: blocks that follow each other, logs, and an answer to every call of a deployment's
// contracts. For the console in a browser, where a real chain would take days to get there, or would never say such things.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AbiCoder, type Interface, type ParamType, toQuantity, ZeroAddress } from 'ethers'
import { type ContractName, contractInterface, type DeploymentFile } from '../../../keepers/chain/index.ts'
import { blockHash, type MadeLog } from './history.ts'

/** What a call returns: a value for one of its results by the result's name, undefined for the usual one. */
export type Saying = (method: string, result: ParamType, contract: string) => unknown

export type MadeChain = {
  readonly deployment: DeploymentFile
  /** Logs by address, in lower case. */
  readonly logs: ReadonlyMap<string, readonly MadeLog[]>
  readonly says?: Saying
  /** The newest block; it grows by one each time it is read later. */
  readonly head: number
  /** Milliseconds between blocks. */
  readonly blockEvery: number
}

/** Nothing, of any type: zero, an empty text, a tuple of nothings. */
export function nothing(type: ParamType): unknown {
  if (type.isTuple()) return type.components.map(nothing)
  if (type.isArray())
    return type.arrayLength > 0 ? Array.from({ length: type.arrayLength }, () => nothing(type.arrayChildren)) : []
  if (type.baseType === 'address') return ZeroAddress
  if (type.baseType === 'bool') return false
  if (type.baseType === 'string') return ''
  const [, bytes] = /^bytes(\d*)$/.exec(type.baseType) ?? []
  return bytes === undefined ? 0 : `0x${'00'.repeat(Number(bytes))}`
}

/** Serves the chain on loopback. @returns its address, how many requests came, and what stops it */
export async function serveChain(
  chain: MadeChain,
): Promise<{ readonly url: string; readonly requests: () => number; stop(): Promise<void> }> {
  const { deployment, logs, blockEvery, says = () => undefined } = chain
  const start = Date.now()
  const head = (): number => chain.head + Math.floor((Date.now() - start) / blockEvery)
  const contracts = new Map<string, readonly [string, Interface]>(
    Object.entries(deployment.contracts).flatMap(([name, address]) => {
      try {
        return [[address.toLowerCase(), [name, contractInterface(name as ContractName)] as const] as const]
      } catch {
        // Not one that a page talks to.
        return []
      }
    }),
  )
  for (const { address } of deployment.services)
    contracts.set(address.toLowerCase(), ['ILearningService', contractInterface('ILearningService')])
  const block = (of: unknown) => {
    const number = typeof of === 'string' && of.startsWith('0x') ? Number(of) : head()
    const hash = (n: number): string => blockHash(n)
    return {
      ...{
        number: toQuantity(number),
        hash: hash(number),
        parentHash: hash(number - 1),
        timestamp: toQuantity(1_700_000_000 + number),
      },
      ...{
        nonce: '0x0000000000000000',
        difficulty: '0x0',
        gasLimit: '0x1c9c380',
        gasUsed: '0x0',
        miner: ZeroAddress,
        extraData: '0x',
      },
      ...{ transactions: [], baseFeePerGas: '0x7' },
    }
  }
  const call = (to: string, data: string): string => {
    const [name, abi] = contracts.get(to.toLowerCase()) ?? ['none', null]
    const method = abi?.getFunction(data.slice(0, 10)) ?? null
    if (method === null) return '0x'
    const value = (type: ParamType): unknown => {
      const said = says(method.name, type, name)
      if (said !== undefined) return said
      return type.isTuple() ? type.components.map(value) : nothing(type)
    }
    return AbiCoder.defaultAbiCoder().encode(method.outputs, method.outputs.map(value))
  }
  const logsOf = ({ address, fromBlock, toBlock, topics = [] }: Filter): object[] => {
    const [from, to] = [
      Number(fromBlock ?? 0),
      toBlock === 'latest' || toBlock === undefined ? head() : Number(toBlock),
    ]
    const wanted = (Array.isArray(address) ? address : [address ?? '']).map((one) => one.toLowerCase())
    return wanted.flatMap((one) =>
      (logs.get(one) ?? [])
        .filter((log) => log.block >= from && log.block <= to)
        .filter((log) => topics.every((topic, i) => topic === null || [topic].flat().includes(log.topics[i] ?? '')))
        .map(({ block: number, index, transactionHash, topics: own, data }) => ({
          ...{ address: one, topics: own, data, transactionHash, transactionIndex: '0x0', removed: false },
          ...{ blockNumber: toQuantity(number), blockHash: blockHash(number), logIndex: toQuantity(index) },
        })),
    )
  }
  const answer = (method: string, params: readonly unknown[]): unknown => {
    if (method === 'eth_chainId') return toQuantity(deployment.chainId)
    if (method === 'net_version') return String(deployment.chainId)
    if (method === 'eth_blockNumber') return toQuantity(head())
    if (method === 'eth_getBlockByNumber') return block(params[0])
    if (method === 'eth_getLogs') return logsOf(params[0] as Filter)
    if (method === 'eth_getCode') return '0x01'
    if (method === 'eth_getBalance') return '0x0'
    const { to, data } = (params[0] ?? {}) as { to?: string; data?: string }
    if (method === 'eth_call') return call(to ?? '', data ?? '0x')
    return null
  }
  let requests = 0
  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', 'content-type')
    if (request.method === 'OPTIONS') return response.end()
    let body = ''
    for await (const chunk of request) body += chunk
    requests++
    const one = ({ id, method, params = [] }: Asked) => ({ jsonrpc: '2.0', id, result: answer(method, params) })
    const asked = JSON.parse(body) as Asked | Asked[]
    return response.end(JSON.stringify(Array.isArray(asked) ? asked.map(one) : one(asked)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests, stop }
}

type Asked = { readonly id: number; readonly method: string; readonly params?: readonly unknown[] }
type Filter = {
  readonly address?: string | readonly string[]
  readonly fromBlock?: string
  readonly toBlock?: string
  readonly topics?: readonly (string | readonly string[] | null)[]
}
