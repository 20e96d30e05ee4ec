// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers' senders and a relayer on a test's chain, with real HTTP between them.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Provider, TransactionReceipt } from 'ethers'
import type { Sender, ServiceContracts, TransactionRequest } from '../../../keepers/chain/index.ts'
import { RelayedSender } from '../../../keepers/relay/index.ts'
import type { RelayedEvent } from '../../../keepers/relay/relayed-sender.ts'
import { Relayer, type RelayerEvent, type RelayerOptions } from '../../../keepers/relay/relayer.ts'
import { RelayServer } from '../../../keepers/relay/server.ts'
import { operatorWallet, type Player, type World } from './fixture.ts'

const LIMITS = { most: 64, mostOfOne: 4, batch: 32 }

export type TestRelayer = AsyncDisposable & {
  readonly url: string
  readonly relayer: Relayer
  readonly events: RelayerEvent[]
}

function contractsOf({ service, registry, models }: World): ServiceContracts {
  return { service, registry, models }
}

function headsOf({ ethers }: World): RelayerOptions['heads'] {
  return {
    latest: async () => {
      const { number, hash, parentHash, timestamp, baseFeePerGas } = (await ethers.provider.getBlock('latest'))!
      return { number, hash: hash!, parentHash, timestamp, baseFeePerGas }
    },
  }
}

/** A relayer of the world's service that listens on a free port; the stranger pays. */
export async function startRelayer(
  world: World,
  options: {
    wait?: number
    limits?: Partial<typeof LIMITS>
    send?: Sender['send']
    running?: boolean
    service?: ServiceContracts['service']
  } = {},
): Promise<TestRelayer> {
  const { ethers, service, stranger } = world
  const events: RelayerEvent[] = []
  const stop = new AbortController()
  const { chainId } = await ethers.provider.getNetwork()
  const send = async ({ key, to, data }: TransactionRequest): Promise<TransactionReceipt> => {
    const sent = await stranger.sendTransaction({ to, data })
    relayer.sent(key, sent.hash)
    return (await sent.wait())!
  }
  const relayer = new Relayer({
    provider: ethers.provider as unknown as Provider,
    contracts: options.service ? { ...contractsOf(world), service: options.service } : contractsOf(world),
    domain: { chainId, service: await service.getAddress() },
    heads: headsOf(world),
    queue: { send: options.send ?? send },
    limits: { ...LIMITS, ...options.limits },
    wait: options.wait ?? 0,
    pollInterval: 5,
    onEvent: (event) => events.push(event),
  })
  const server = await RelayServer.start(relayer, { host: '127.0.0.1', port: 0, most: 64, status: {} })
  const running = options.running === false ? Promise.resolve() : relayer.run(stop.signal)
  return {
    url: `http://127.0.0.1:${server.port}`,
    relayer,
    events,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await server.stop()
    },
  }
}

/** A relayer that answers as it likes. */
export async function startLiar(
  answer: (request: unknown, response: ServerResponse) => void | Promise<void>,
): Promise<AsyncDisposable & { readonly url: string; readonly requests: unknown[] }> {
  const requests: unknown[] = []
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
    requests.push(body)
    await answer(body, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

export const json = (response: ServerResponse, body: object): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export type TestSender = {
  readonly sender: RelayedSender
  readonly events: RelayedEvent[]
  /** Keys of the calls that the keeper sent by itself. */
  readonly own: string[]
}

/** The sender of a player's keeper; its own transactions go out as its operator's. */
export async function senderOf(
  world: World,
  player: Player,
  urls: readonly string[],
  options: { patience?: number; confirmations?: number; ownFails?: Error } = {},
): Promise<TestSender> {
  const { ethers, service } = world
  const { chainId } = await ethers.provider.getNetwork()
  const events: RelayedEvent[] = []
  const own: string[] = []
  const sender = new RelayedSender({
    urls,
    patience: options.patience ?? 10_000,
    provider: ethers.provider as unknown as Provider,
    heads: headsOf(world),
    contracts: contractsOf(world),
    chainId,
    service: await service.getAddress(),
    wallet: operatorWallet(world.players.indexOf(player)),
    queue: {
      has: () => false,
      send: async ({ key, to, data }) => {
        own.push(key)
        if (options.ownFails !== undefined) throw options.ownFails
        return (await (await player.operator.sendTransaction({ to, data })).wait())!
      },
    },
    confirmations: options.confirmations ?? 1,
    pollInterval: 5,
    onEvent: (event) => events.push(event),
  })
  return { sender, events, own }
}

/** The request of a call, with as much time as a test needs. */
export async function requestOf(world: World, call: string, left = 60): Promise<TransactionRequest> {
  const { timestamp } = (await world.ethers.provider.getBlock('latest'))!
  return {
    key: call.slice(0, 74),
    to: await world.service.getAddress(),
    data: call,
    window: { end: timestamp + 600, left },
  }
}

/** Takes all coins from a player's operator. */
export async function ruin({ networkHelpers }: World, { operator }: Player): Promise<void> {
  await networkHelpers.setBalance(operator.address, 0n)
}
