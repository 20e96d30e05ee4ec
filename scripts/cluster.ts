// SPDX-License-Identifier: GPL-3.0-or-later
// A local chain, a deployment and keeper processes in one object, for benches that measure it and end-to-end tests that break it.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventLog, Interface, JsonRpcProvider, Log } from 'ethers'
import { clients, contractInterface } from '../keepers/chain/index.ts'
import type { ModelName } from '../keepers/learning/index.ts'
import {
  type ExampleChanges,
  exampleManifest,
  manifestDigest,
  type ServiceManifest,
} from '../keepers/versions/index.ts'
import { accountKey } from './demo/accounts.ts'
import { deployHere } from './demo/deploy-here.ts'
import { ACCOUNT, demoParameters, deployWith, fundRewards } from './demo/deployment.ts'
import { type KeeperLine, type KeeperNode, prepareKeepers, startKeeper } from './demo/keeper-nodes.ts'
import { type ChainOptions, startLocalChain } from './demo/local-chain.ts'
import { Processes } from './demo/processes.ts'

/** The manifest of a named model for keepers with few samples. */
export const clusterManifest = (model: ModelName, changes: ExampleChanges = {}): ServiceManifest =>
  exampleManifest(model, { ...changes, rounds: { minTotalSamples: 400, maxSamples: 1000, ...changes.rounds } })

/** Most blocks that a test may take back while somebody waits for an event. */
const DEEPEST_REORGANISATION = 64

/** Short enough for a test that lets them pass, long enough for a process to restart on a busy machine. */
export const TEST_WINDOWS = {
  registrationWindow: 600,
  keyWindow: 120,
  trainingWindow: 40,
  revealWindow: 30,
  aggregateWindow: 30,
  decryptWindow: 30,
  voteWindow: 30,
}

export type ClusterOptions = {
  readonly keepers: number
  /** Seats and accounts for keepers that {@link Cluster.join} adds. */
  readonly later?: number
  readonly windows?: Partial<typeof TEST_WINDOWS>
  readonly service?: Readonly<Record<string, unknown>>
  readonly registry?: Readonly<Record<string, unknown>>
  readonly governor?: Readonly<Record<string, unknown>>
  /** The members' manifest; by default a service of digits with small sums. */
  readonly manifest?: ServiceManifest
  readonly values?: (index: number) => Readonly<Record<string, unknown>>
  /** Endpoints in place of the chain's own, such as a proxy that a test can break. */
  readonly rpc?: (url: string) => readonly string[] | Promise<readonly string[]>
  /**
   * Hasty by default. With every transaction, a hasty chain gets another second ahead of the clock, and a keeper refuses to start when it is 300 s
   * ahead. Callers that start keepers after round eight or so need a punctual chain.
   */
  readonly pace?: ChainOptions['pace']
  /** Environment of keeper `index`'s process, beside the passphrase. */
  readonly env?: (index: number) => NodeJS.ProcessEnv
  /** What goes before the command of keeper `index`'s process, to run it at another place. */
  readonly before?: (index: number) => readonly string[]
}

/** An event of the service on the chain. */
export type ServiceEvent = { readonly name: string; readonly args: EventLog['args']; readonly block: number }

export type Line = KeeperLine & { readonly node: string }

export class Cluster implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'cohort-e2e-'))
  readonly processes = new Processes(this.folder)
  readonly lines: Line[] = []
  nodes: KeeperNode[] = []
  url = ''
  provider!: JsonRpcProvider
  service = ''
  registry = ''
  token = ''
  readonly #children = new Map<string, ChildProcess>()
  readonly #listeners = new Set<(line: Line) => void>()
  readonly #decoded = new Map<string, ServiceEvent | null>()
  #prepare: (first: number, count: number) => Promise<KeeperNode[]> = () => Promise.resolve([])
  #env: NonNullable<ClusterOptions['env']> = () => ({})
  #before: ClusterOptions['before']

  static async create(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster()
    if (options.env !== undefined) cluster.#env = options.env
    cluster.#before = options.before
    try {
      const chain = await startLocalChain(cluster.processes, { pace: options.pace ?? 'hasty' })
      cluster.url = chain.url
      cluster.provider = chain.provider
      const most = options.keepers + (options.later ?? 0)
      const manifest = options.manifest ?? clusterManifest('small-cnn')
      const base = demoParameters(most, { name: 'MNIST digits', manifest: manifestDigest(manifest) }) as {
        service: Record<string, unknown>
        keepers: Record<string, unknown>
        governor: Record<string, unknown>
      }
      const service = { ...base.service, ...TEST_WINDOWS, ...options.windows, ...options.service }
      const governor = { ...base.governor, ...options.governor }
      const parameters = { ...base, service, governor, keepers: { ...base.keepers, ...options.registry } }
      // geth signs for an account of its own alone: there, only the command has the keys of the others.
      const signs = ((await chain.provider.send('eth_accounts', [])) as string[]).length >= ACCOUNT.firstOwner + most
      const deployment = signs
        ? await deployHere(chain.provider, cluster.folder, parameters)
        : await deployWith(chain.url, cluster.folder, parameters, () => undefined)
      cluster.service = deployment.services[0]!.address
      cluster.registry = deployment.contracts.KeeperRegistry
      cluster.token = deployment.contracts.CohortToken
      await fundRewards(chain.provider, deployment)
      const { chainId, fromBlock } = deployment
      const rpc = (await options.rpc?.(chain.url)) ?? [chain.url]
      cluster.#prepare = (first, count) =>
        prepareKeepers({
          folder: cluster.folder,
          rpc,
          chainId,
          fromBlock,
          service: cluster.service,
          first,
          ownerKeys: Array.from({ length: count }, (_, i) => accountKey(ACCOUNT.firstOwner + first + i)),
          stake: '1000',
          manifest,
          values: (index) => ({
            'data.shard': { kind: 'iid', parts: most, index, seed: 1 },
            'data.limit': 150,
            'network.fetchSeconds': 5,
            'chain.pollSeconds': 0.3,
            ...options.values?.(index),
          }),
        })
      cluster.nodes = await cluster.#prepare(0, options.keepers)
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Makes, registers and seats one more keeper, not yet started. */
  async join(): Promise<KeeperNode> {
    const [node] = (await this.#prepare(this.nodes.length, 1)) as [KeeperNode]
    this.nodes.push(node)
    return node
  }

  start(node: KeeperNode): void {
    const index = this.nodes.indexOf(node)
    const child = startKeeper(this.processes, node, {
      onLine: (line) => this.#hear({ ...line, node: node.name }),
      env: this.#env(index),
      before: this.#before?.(index),
    })
    this.#watch(node, child)
  }

  /** Registers a process of the test's own as the keeper of a node. */
  adopt(node: KeeperNode, child: ChildProcess): void {
    this.#watch(node, child)
  }

  /** Keeps a process's standard error, and how it ends, as lines: a caller that waits in vain for another line sees why. */
  #watch(node: KeeperNode, child: ChildProcess): void {
    this.#children.set(node.name, child)
    let complaint = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-1000)
    })
    child.on('close', (code, signal) => {
      this.#hear({
        node: node.name,
        event: 'exit',
        msg: `ended with ${signal ?? `exit code ${code}`}`,
        reason: complaint.trim(),
      })
    })
  }

  hear(node: KeeperNode, line: KeeperLine): void {
    this.#hear({ ...line, node: node.name })
  }

  #hear(line: Line): void {
    this.lines.push(line)
    for (const listener of [...this.#listeners]) listener(line)
  }

  /** Calls `listener` for each line to come, of all keepers. */
  onLine(listener: (line: Line) => void): void {
    this.#listeners.add(listener)
  }

  /** `kill -9`, and waits until the process is gone. */
  async kill(node: KeeperNode): Promise<void> {
    const child = this.#children.get(node.name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  isRunning(node: KeeperNode): boolean {
    const child = this.#children.get(node.name)
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Process id of a keeper that was started. */
  pid(node: KeeperNode): number {
    return this.#children.get(node.name)!.pid!
  }

  /** Sends a signal to a keeper's process, which goes on. */
  signal(node: KeeperNode, signal: NodeJS.Signals): void {
    this.#children.get(node.name)?.kill(signal)
  }

  /** SIGTERM, and the exit code. */
  async stop(node: KeeperNode): Promise<number | null> {
    const child = this.#children.get(node.name)!
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = await gone
    return code as number | null
  }

  /** The first matching line, past (from line `from` on) or future. */
  async line(what: string, fits: (line: Line) => boolean, timeout = 300_000, from = 0): Promise<Line> {
    const known = this.lines.find((line, index) => index >= from && fits(line))
    if (known) return known
    return new Promise((resolve, reject) => {
      const listener = (line: Line): void => {
        if (!fits(line)) return
        clearTimeout(timer)
        this.#listeners.delete(listener)
        resolve(line)
      }
      const timer = setTimeout(() => {
        this.#listeners.delete(listener)
        reject(new Error(`no ${what} within ${timeout / 1000} s; ${this.#lastLines()}`))
      }, timeout)
      this.#listeners.add(listener)
    })
  }

  /** The last lines of all, and every process that ended by itself. */
  #lastLines(): string {
    const text = (line: Line): string => `${line.node} ${line.event} ${line.msg} ${line.reason ?? ''}`
    const ended = this.lines.filter(({ event, msg }) => event === 'exit' && !/SIG|code 0$/.test(String(msg)))
    return `last lines:\n${[...ended, ...this.lines.slice(-25)].map(text).join('\n')}`
  }

  /** Waits until that keeper has taken over the model of that round (or a later one). */
  accepted(node: KeeperNode, round: number, timeout?: number): Promise<Line> {
    const fits = (line: Line): boolean =>
      line.node === node.name && line.event === 'model accepted' && Number(line.round) >= round
    return this.line(`model of round ${round} at ${node.name}`, fits, timeout)
  }

  /** All events of the service from that block on, decoded. */
  async events(fromBlock = 0): Promise<ServiceEvent[]> {
    const logs = await this.provider.getLogs({ address: this.service, fromBlock, toBlock: 'latest' })
    return logs.flatMap((log) => {
      // A log of a block that is reorganised away has another hash, and is never asked for again.
      const place = `${log.blockHash} ${log.index}`
      let known = this.#decoded.get(place)
      if (known === undefined) {
        known = this.#decode(log)
        this.#decoded.set(place, known)
      }
      return known ?? []
    })
  }

  /** Costs more than the query: ethers hashes the signature of every event to find a log's own. */
  #decode(log: Log): ServiceEvent | null {
    const iface: Interface = contractInterface('ILearningService')
    const parsed = iface.parseLog({ topics: [...log.topics], data: log.data })
    return parsed && { name: parsed.name, args: parsed.args as EventLog['args'], block: log.blockNumber }
  }

  /** The first matching event of the service, past or future. */
  async event(what: string, fits: (event: ServiceEvent) => boolean, timeout = 300_000): Promise<ServiceEvent> {
    let from = 0
    for (const until = Date.now() + timeout; Date.now() < until; ) {
      const head = await this.provider.getBlockNumber()
      const found = (await this.events(from)).find(fits)
      if (found !== undefined) return found
      from = Math.max(0, head - DEEPEST_REORGANISATION)
      await new Promise((done) => setTimeout(done, 500))
    }
    throw new Error(`no ${what} within ${timeout / 1000} s; ${this.#lastLines()}`)
  }

  /** Active stake of a keeper, wei. */
  async stakeOf(node: KeeperNode): Promise<bigint> {
    return (await clients.registry(this.registry, this.provider).keeperOf(node.owner)).stake
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.values()) child.kill('SIGKILL')
    await this.processes[Symbol.asyncDispose]()
    this.provider?.destroy()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
