// SPDX-License-Identifier: GPL-3.0-or-later
// Runs rounds of real keeper processes under planned faults, and reports the results.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { median } from '../bench/harness.ts'
import type { ProbeLine } from '../bench/soak/probe.ts'
import { Cluster, clusterManifest, type Line } from '../cluster.ts'
import type { KeeperNode } from '../demo/keeper-nodes.ts'
import { UnrulyEndpoint } from './endpoint.ts'
import { beginFault, type Ground, impossibleFaults } from './faults.ts'
import { type Findings, findingsOf } from './findings.ts'
import { type Fault, type FaultKind, faultsOf } from './plan.ts'
import { Subnet } from './subnet.ts'

/**
 * Seconds, far longer than any fault lasts, so that a lost round or a penalty is the keepers' fault and not the machine's.
 * Every state ends early when all have acted.
 */
const WINDOWS = {
  registrationWindow: 20,
  keyWindow: 600,
  trainingWindow: 400,
  revealWindow: 400,
  aggregateWindow: 400,
  decryptWindow: 400,
  // An epoch whose decryptions are used up waits for this long for the last ballots.
  voteWindow: 45,
}
/** Decryptions of a collective key: an epoch ends, and keys are made anew, several times in a run. */
const ROUNDS_PER_EPOCH = 15
const MINUTE = 60_000
/** A round that takes longer than its windows together ends the run. */
const STALLED = 40 * MINUTE
/** Milliseconds after which a keeper that ended by itself is started again, as systemd does. */
const RESTART = 3_000
const PROBE = pathToFileURL(`${import.meta.dirname}/../bench/soak/probe.ts`).href
const CLOCK = pathToFileURL(`${import.meta.dirname}/shifted-clock.ts`).href

export type SoakOptions = {
  readonly keepers: number
  /** Whether keepers add up together, slice by slice: from six on. */
  readonly slices: boolean
  readonly rounds: number
  readonly seed: number
  /** None for a run in which nothing goes wrong. */
  readonly kinds: readonly FaultKind[]
  /** No round begins after so many minutes. */
  readonly minutes: number
  /** Once it is aborted, no round begins. */
  readonly enough: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Resident size and heap in bytes after a collection, and lasting handles. */
type Size = { readonly resident: number; readonly heap: number; readonly handles: number }

export type SoakReport = Findings & {
  readonly seed: number
  readonly keepers: number
  readonly secondsPerRound: number
  readonly faults: readonly (Fault & { readonly what: string })[]
  /** Kinds of faults that this machine cannot do, and why. */
  readonly skipped: Readonly<Record<string, string>>
  /** Keepers that ended by themselves, each with its reason; they were started again. */
  readonly ended: readonly string[]
  /** Wei of all keepers together. */
  readonly stakeLost: string
  readonly start: readonly Size[]
  readonly end: readonly Size[]
}

/** @throws Error when no round ends any more, or a keeper does not recover. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  using files = temporaryFolder()
  const subnet = openSubnet(options)
  using _network = typeof subnet === 'string' ? undefined : subnet
  const impossible = impossibleFaults(subnet)
  const kinds = options.kinds.filter((kind) => !impossible.has(kind))
  const network = typeof subnet === 'string' ? null : subnet
  const clockOf = (keeper: number): string => join(files.folder, `clock-${keeper}`)
  await using endpoints = new AsyncDisposableStack()
  const pairs: [UnrulyEndpoint, UnrulyEndpoint][] = []
  await using cluster = await Cluster.create({
    keepers: options.keepers,
    windows: WINDOWS,
    pace: 'punctual',
    service: { decryptionsPerEpoch: ROUNDS_PER_EPOCH },
    manifest: clusterManifest('logistic'),
    rpc: async (url) => {
      const [one, other] = network?.gateways ?? ['127.0.0.1', '127.0.0.1']
      const open = async (host: string) => endpoints.use(await UnrulyEndpoint.start(url, host))
      for (let i = 0; i < options.keepers; i++) pairs.push([await open(one), await open(other)])
      return [url]
    },
    values: (index) => ({
      'data.limit': 60,
      'network.fetchSeconds': 30,
      'network.slices': options.slices,
      'chain.pollSeconds': 0.5,
      'chain.rpc': pairs[index]!.map(({ url }) => url),
      ...(network === null ? {} : { 'network.listen': [`/ip4/${network.addressOf(index)}/tcp/4001`] }),
    }),
    env: (index) => ({
      NODE_OPTIONS: `--import ${PROBE} --import ${CLOCK}`,
      COHORT_SOAK_COLLECT: '1',
      COHORT_SOAK_CLOCK: clockOf(index),
    }),
    ...(network === null ? {} : { before: (index: number) => network.enter(index) }),
  })
  // A keeper that is paused hears no signal but this one.
  process.on('exit', () => {
    for (const node of cluster.nodes) cluster.signal(node, 'SIGKILL')
  })
  const ground = { cluster, endpoints: pairs, clockOf, subnet: network }
  const report = await new Soak(ground, { ...options, kinds }).run()
  return { ...report, skipped: Object.fromEntries([...impossible].filter(([kind]) => options.kinds.includes(kind))) }
}

class Soak {
  readonly #ground: Ground
  readonly #options: SoakOptions
  /** The faults of a keeper come one after the other. */
  readonly #lanes: Promise<void>[]
  readonly #done: (Fault & { what: string })[] = []
  readonly #ended: string[] = []
  readonly #stopping = new AbortController()

  constructor(ground: Ground, options: SoakOptions) {
    this.#ground = ground
    this.#options = options
    this.#lanes = ground.cluster.nodes.map(() => Promise.resolve())
  }

  async run(): Promise<Omit<SoakReport, 'skipped'>> {
    const { cluster } = this.#ground
    const { seed, keepers, onProgress } = this.#options
    const stakes = await this.#stakes()
    for (const node of cluster.nodes) cluster.start(node)
    await this.#allAccept(1)
    const start = await this.#sizes()
    const watching = this.#watch()
    const times = await this.#rounds()
    await Promise.all(this.#lanes)
    onProgress('no more faults: all keepers have to take over one more model')
    await this.#allAccept(this.#latest() + 1)
    this.#stopping.abort()
    await watching
    const end = await this.#sizes()
    const lost = (await this.#stakes()).map((stake, i) => stakes[i]! - stake).filter((wei) => wei > 0n)
    return {
      ...findingsOf(await cluster.events(), cluster.lines),
      ...{ seed, keepers, start, end, faults: this.#done, ended: this.#ended },
      secondsPerRound: times.length === 0 ? 0 : median(times),
      stakeLost: String(lost.reduce((sum, wei) => sum + wei, 0n)),
    }
  }

  /** Goes through the rounds, and begins the faults of each. Returns how many seconds each took. */
  async #rounds(): Promise<number[]> {
    const { rounds, seed, keepers, kinds, minutes, enough, onProgress } = this.#options
    const times: number[] = []
    const begun = performance.now()
    for (let round = this.#latest() + 1, at = begun; times.length < rounds; round++) {
      if (performance.now() - begun > minutes * MINUTE || enough.aborted) break
      const faults = kinds.length === 0 ? [] : faultsOf(seed, round, { keepers, kinds })
      for (const fault of faults) this.#later(fault)
      await this.#over(round)
      times.push((performance.now() - at) / 1000)
      at = performance.now()
      const list = faults.map(({ kind, keeper }) => `${kind} ${keeper}`).join(', ')
      onProgress(`round ${round}: ${times.at(-1)!.toFixed(1)} s; ${list}`)
    }
    return times
  }

  #later(fault: Fault): void {
    const due = sleep(fault.after * 1000)
    this.#lanes[fault.keeper] = this.#lanes[fault.keeper]!.then(async () => {
      await due
      const { what, end } = await beginFault(fault, this.#ground)
      this.#done.push({ ...fault, what })
      await sleep(fault.lasts * 1000)
      await end()
      this.#revive(fault.keeper)
    })
  }

  #revive(keeper: number): void {
    const { cluster } = this.#ground
    const node = cluster.nodes[keeper]!
    if (!cluster.isRunning(node)) cluster.start(node)
  }

  /** Starts keepers that ended by themselves again, and takes down why they did. */
  async #watch(): Promise<void> {
    const { cluster } = this.#ground
    const { signal } = this.#stopping
    for (let seen = 0; !signal.aborted; await sleep(RESTART, undefined, { signal }).catch(() => undefined)) {
      const fresh = cluster.lines.slice(seen)
      seen += fresh.length
      for (const { node, event, msg, reason } of fresh) {
        if (event !== 'exit' || msg === 'ended with SIGKILL') continue
        this.#ended.push(`${node} ${msg}: ${reason}`)
        const keeper = cluster.nodes.findIndex(({ name }) => name === node)
        this.#lanes[keeper] = this.#lanes[keeper]!.then(() => this.#revive(keeper))
      }
    }
  }

  /** Resolves when a round has given a model, or is lost. */
  async #over(round: number): Promise<void> {
    const over = ({ event, ...line }: Line): boolean =>
      (event === 'model accepted' || event === 'incomplete' || event === 'state') &&
      Number(line.round) >= (event === 'state' ? round + 1 : round)
    await this.#ground.cluster.line(`end of round ${round}`, over, STALLED)
  }

  #latest(): number {
    const of = (line: Line): number => (line.event === 'model accepted' ? Number(line.round) : 0)
    return this.#ground.cluster.lines.reduce((latest, line) => Math.max(latest, of(line)), 0)
  }

  async #allAccept(round: number): Promise<void> {
    const { cluster } = this.#ground
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, STALLED)))
  }

  #stakes(): Promise<bigint[]> {
    const { cluster } = this.#ground
    return Promise.all(cluster.nodes.map((node) => cluster.stakeOf(node)))
  }

  #sizes(): Promise<Size[]> {
    return Promise.all(this.#ground.cluster.nodes.map((node) => this.#sizeOf(node)))
  }

  async #sizeOf(node: KeeperNode): Promise<Size> {
    const { cluster } = this.#ground
    const asked = cluster.lines.length
    const answer = (line: Line): boolean => line.event === 'probe' && line.node === node.name
    cluster.signal(node, 'SIGUSR2')
    const line = (await cluster.line(`answer of ${node.name}`, answer, MINUTE, asked)) as unknown as ProbeLine
    return { resident: line.rss, heap: line.heapUsed, handles: line.handles }
  }
}

function openSubnet({ keepers, kinds }: SoakOptions): Subnet | string {
  if (kinds.length === 0) return 'nothing goes wrong'
  try {
    return Subnet.open(keepers)
  } catch (error) {
    return (error as Error).message
  }
}

function temporaryFolder(): Disposable & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'cohort-soak-'))
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}
