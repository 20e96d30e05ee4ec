// SPDX-License-Identifier: GPL-3.0-or-later
// Checks everything that a keeper depends on, before it runs or when it fails, and names a fix for each problem.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { type Clock, FailoverProvider, hostOf, isLoopback, systemClock } from '../../chain/index.ts'
import { JobError, pingQueue, readAccess } from '../../jobs/index.ts'
import { type KeeperConfig, loadConfig } from '../config.ts'
import { operatorAddress, remoteOperator, whyNotSigned } from '../operator.ts'
import { Trainer } from '../training/trainer.ts'
import { type Check, fail, ok, reasonOf, warn } from './check.ts'
import { checkService } from './doctor-service.ts'
import { askProcess } from './status.ts'

export type DoctorOptions = { readonly folder: string; readonly clock?: Clock; readonly signal?: AbortSignal }

/** Milliseconds that an endpoint may take. */
const PATIENCE_MS = 5_000
/** Seconds: how far a clock may be behind the chain, and how old the newest block may be. */
const MAX_SKEW = 300
const OLD_BLOCK = 120
/** Blocks that endpoints may differ by. */
const MAX_LAG = 5
/** Bytes of free disk space. Below the first, a keeper will stop soon; below the second, some day. */
const DISK_FULL = 200 * 2 ** 20
const DISK_LOW = 2 * 2 ** 30
/** Blocks of logs that an endpoint should give at once. */
const FEW_BLOCKS = 100
/** With this many endpoints, a single lying one can make the keeper neither state a falsehood nor exit. */
const ENOUGH_ENDPOINTS = 3

/** Looks at everything that a keeper of this folder depends on. It only reads, and works without the passphrase. Never throws. */
export async function examineKeeper({ folder, clock = systemClock, signal }: DoctorOptions): Promise<Check[]> {
  let config: KeeperConfig
  try {
    config = loadConfig(folder)
  } catch (error) {
    return [fail('config', reasonOf(error), 'correct keeper.yaml; the commented example says what each key takes')]
  }
  const checks = [ok('config', `${folder}: service ${config.service.address} on chain ${config.chain.id}`)]
  checks.push(checkSecrets(folder, config), ...(await checkRemoteSigner(config)), checkDisk(folder))
  checks.push(...(await checkPorts(config)), await checkData(config, signal))
  checks.push(
    ...checkWorkers(config.training, availableParallelism(), handsOut(config)),
    ...(await checkQueue(config, signal)),
  )
  const endpoints = await checkEndpoints(config, clock)
  checks.push(...endpoints.checks)
  if (endpoints.reached) checks.push(...(await checkService(config)))
  return checks
}

function checkSecrets(folder: string, { keys, workers }: KeeperConfig): Check {
  const name = 'keys'
  try {
    const operator = operatorAddress(keys)
    const own =
      keys.remote === undefined ? keys.operator : [keys.remote.tokenFile ?? [], keys.remote.keyFile ?? []].flat()
    const shared = [workers?.keyFile ?? [], workers?.passwordFile ?? []].flat()
    const open = [own, join(folder, 'journal.sqlite'), keys.passphraseFile ?? [], shared]
      .flat()
      .filter((file) => (statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077)
      .join(' ')
    if (open === '') return ok(name, `operator ${operator}`)
    return warn(name, `others may read ${open}`, `chmod 600 ${open}`)
  } catch (error) {
    return fail(name, reasonOf(error), `run \`cohort keeper init --data ${folder}\`, or correct keys.operator`)
  }
}

async function checkRemoteSigner({ keys }: KeeperConfig): Promise<Check[]> {
  const name = 'signer'
  try {
    const signer = remoteOperator(keys)
    if (signer === null || keys.remote === undefined) return []
    const reason = await whyNotSigned(signer)
    if (reason !== null) return [fail(name, reason, 'load the key there, or correct keys.remote')]
    const found = `${signer.endpoint} (${keys.remote.api}) answers for ${signer.address}`
    if (keys.remote.url.startsWith('https:') || isLoopback(keys.remote.url)) return [ok(name, found)]
    return [warn(name, `${found}, without TLS`, 'put TLS before it: whoever reaches it there can have things signed')]
  } catch (error) {
    return [fail(name, reasonOf(error), 'start it, or correct keys.remote: without it this keeper does no step')]
  }
}

function checkDisk(folder: string): Check {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const found = `${(free / 2 ** 30).toFixed(1)} GiB free at ${folder}`
  if (free < DISK_FULL) return fail('disk', found, 'free some: a keeper that cannot write does no step')
  if (free < DISK_LOW) return warn('disk', found, 'free some, or move the folder: models stay, at some MB a round')
  return ok('disk', found)
}

/** Whether each port is free, or in use by this very keeper. */
async function checkPorts(config: KeeperConfig): Promise<Check[]> {
  const { network, monitoring, chain } = config
  const operator = await Promise.resolve()
    .then(() => operatorAddress(config.keys))
    .catch(() => null)
  const running = await askProcess(config)
  if (running !== null && running.operator === operator) {
    const { healthy, lastError } = running
    if (healthy === true) return [ok('process', 'this keeper runs and takes part')]
    return [warn('process', `this keeper runs, unhealthy: ${lastError ?? 'see notMember'}`, 'look at its log')]
  }
  const checks: Check[] = []
  const wanted = network.listen.map((address) => {
    const parts = multiaddr(address).getComponents()
    return {
      key: 'network.listen',
      host: parts[0]?.value ?? '',
      port: Number(parts[1]?.value),
      local: parts[0]?.name.startsWith('ip'),
      udp: parts[1]?.name === 'udp',
    }
  })
  wanted.push({ key: 'monitoring.port', host: monitoring.host, port: monitoring.port, local: true, udp: false })
  for (const { key, host, port, local, udp } of wanted) {
    if (!local || port === 0) continue
    const taken = await (udp ? udpPortTaken(host, port) : portTaken(host, port))
    const other =
      key === 'monitoring.port' && running !== null ? `another keeper, ${running.operator}` : 'another program'
    checks.push(
      taken === null
        ? ok('port', `${key} ${host}:${port} is free`)
        : fail(
            'port',
            `${key} ${host}:${port}: ${taken}, ${other} has it`,
            `give ${key} another port, or stop the process that uses it`,
          ),
    )
  }
  const loopback = network.listen.every((address) => /^\/(ip4\/127\.|ip6\/::1\/)/.test(address))
  if (loopback && network.announce.length + (network.nat?.relays.length ?? 0) === 0 && chain.confirmations > 1) {
    checks.push(
      warn('address', 'others cannot reach this keeper: it listens on loopback', 'set network.listen and announce'),
    )
  }
  return checks
}

/** Null when the port is free, else the system's code. */
function portTaken(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => resolve(null)))
  })
}

function udpPortTaken(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.bind({ port, address: host }, () => socket.close(() => resolve(null)))
  })
}

async function checkData(config: KeeperConfig, signal?: AbortSignal): Promise<Check> {
  try {
    const trainer = await Trainer.start(config, signal)
    const { samples, heldOut, announcement } = trainer.shard
    await trainer.stop()
    const found = `${samples} samples to train on, ${heldOut} held out; ${announcement}`
    if (config.data.source === 'digits' && config.data.path === undefined) {
      return warn('data', found, 'these are drawn digits, for trying things out: set data.source and data.path')
    }
    return ok('data', found)
  } catch (error) {
    return fail('data', reasonOf(error), 'correct data.source and data.path')
  }
}

/** Whether each thread of `training.workers` has a core of its own. A single thread needs no check. */
export function checkWorkers(
  { workers, batchSize }: Pick<KeeperConfig['training'], 'workers' | 'batchSize'>,
  cores = availableParallelism(),
  elsewhere = false,
): Check[] {
  if (workers === 1) {
    if (!elsewhere) return []
    const found = 'training.workers 1 with workers.kinds gradients: no batch has a slice for them'
    return [warn('training', found, 'set training.workers to one more than there are workers, or leave gradients out')]
  }
  if (elsewhere) {
    const found = `training.workers ${workers}: batches of ${batchSize}, ${workers - 1} of ${workers} slices for workers on other machines`
    return [ok('training', found)]
  }
  const found = `training.workers ${workers}: batches of ${batchSize} in slices of ${Math.ceil(batchSize / workers)}, on ${cores} cores`
  if (workers <= cores) return [ok('training', found)]
  return [
    warn('training', found, `set training.workers to ${cores} or less: threads without a core make the others wait`),
  ]
}

function handsOut({ workers }: KeeperConfig): boolean {
  return workers?.kinds.includes('gradients') === true
}

/** The queue of workers on other machines: its files, and whether its server answers. */
async function checkQueue({ workers }: KeeperConfig, signal?: AbortSignal): Promise<Check[]> {
  if (workers === undefined) return []
  const name = 'workers'
  try {
    await pingQueue(readAccess(workers), signal)
    const found = `${workers.queue} answers; ${workers.kinds.join(', ')} go to workers`
    if (!workers.allowPlaintext) return [ok(name, found)]
    return [warn(name, `${found}, without TLS`, 'use rediss:// unless nobody else is on that network')]
  } catch (error) {
    const fix = 'correct workers, or start the server: rounds go on without it, on this machine'
    return [
      error instanceof JobError && error.code === 'UNAVAILABLE'
        ? warn(name, reasonOf(error), fix)
        : fail(name, reasonOf(error), fix),
    ]
  }
}

type Endpoint = {
  readonly name: string
  readonly head: number
  readonly time: number
  readonly milliseconds: number
  readonly blocks: number
}

async function checkEndpoints(config: KeeperConfig, clock: Clock): Promise<{ checks: Check[]; reached: boolean }> {
  const { rpc } = config.chain
  const checks: Check[] = []
  const reached: Endpoint[] = []
  for (const url of new Set(rpc)) {
    try {
      const found = await tryEndpoint(config, url)
      reached.push(found)
      const text = `${found.name}: block ${found.head}, ${found.milliseconds} ms, logs of ${found.blocks} blocks at once`
      checks.push(
        found.blocks < FEW_BLOCKS
          ? warn('rpc', text, 'so few blocks make a start slow: another plan or provider, or your own node')
          : ok('rpc', text),
      )
    } catch (error) {
      checks.push(fail('rpc', reasonOf(error), 'correct chain.rpc, or ask whoever runs that endpoint'))
    }
  }
  if (reached.length === 0) return { checks, reached: false }
  checks.push(...(await countWitnesses(config)))
  const head = Math.max(...reached.map((one) => one.head))
  for (const { name, head: own } of reached) {
    if (head - own > MAX_LAG)
      checks.push(warn('rpc', `${name} is ${head - own} blocks behind`, 'put it last in chain.rpc'))
  }
  checks.push(...(await compareEndpoints(config, Math.min(...reached.map((one) => one.head)))))
  checks.push(...(await checkFinality(config)))
  checks.push(checkTime(Math.max(...reached.map(({ time }) => time)), clock.now() / 1000))
  return { checks, reached: true }
}

/** Counts the hosts to ask. Several URLs of one host are one endpoint. Two names of one machine are warned about: the keeper takes them for two. */
export async function countWitnesses({
  chain,
}: {
  readonly chain: Pick<KeeperConfig['chain'], 'rpc' | 'own' | 'confirmations'>
}): Promise<Check[]> {
  const hosts = [...new Set(chain.rpc.map(hostOf))]
  if (chain.confirmations <= 1 || chain.own !== undefined) return []
  const checks: Check[] = []
  if (hosts.length < ENOUGH_ENDPOINTS) {
    const found = new Set(chain.rpc).size
    const told = found === hosts.length ? `${found} endpoints` : `${found} endpoints of ${hosts.length} hosts`
    const two = hosts.length === 2 ? ': two that contradict each other silence it' : ''
    const fix = `give ${ENOUGH_ENDPOINTS} of different operators, or your own node as chain.own: then none alone can invent a draft, or end or silence this keeper`
    checks.push(warn('rpc', `chain.rpc has ${told}${two}`, fix))
  }
  const leads = new Map<string, string>()
  for (const host of hosts) {
    // The hosts of this machine come with a port, which the lookup must not get.
    const found = await lookup(new URL(`http://${host}`).hostname, { all: true }).catch(() => [])
    const shared = found.find(({ address }) => leads.has(address))
    for (const { address } of found) if (!leads.has(address)) leads.set(address, host)
    if (shared === undefined) continue
    const fix = 'take others out, and add one that somebody else runs: the two count as two witnesses'
    checks.push(warn('rpc', `${leads.get(shared.address)} and ${host} are both at ${shared.address}`, fix))
  }
  return checks
}

/** Whether the endpoints have the same chain, at a block that is final to the keeper. */
async function compareEndpoints({ chain }: KeeperConfig, head: number): Promise<Check[]> {
  const provider = new FailoverProvider({ urls: chain.rpc, chainId: BigInt(chain.id), timeout: PATIENCE_MS })
  try {
    const at = Math.max(0, head - chain.confirmations + 1)
    const answers = await provider.everywhere('eth_getBlockByNumber', [`0x${at.toString(16)}`, false])
    const told = answers.flatMap(({ endpoint, result }) => {
      const hash: unknown = (result as { hash?: unknown } | null | undefined)?.hash
      return typeof hash === 'string' ? [`${endpoint} ${hash.slice(0, 18)}…`] : []
    })
    const hashes = new Set(told.map((one) => one.split(' ')[1]))
    if (hashes.size < 2) return []
    const fix =
      'compare with an explorer, and remove the one that is wrong: while they differ, this keeper may have to stay silent'
    return [fail('rpc', `different blocks ${at}: ${told.join(', ')}`, fix)]
  } finally {
    provider.destroy()
  }
}

/** Whether each endpoint knows a block by the tag of `chain.finality`: without such a block, a keeper deals no secret and gives no share. */
async function checkFinality({ chain }: KeeperConfig): Promise<Check[]> {
  const { finality, rpc, id } = chain
  if (finality === undefined) return []
  const provider = new FailoverProvider({ urls: rpc, chainId: BigInt(id), timeout: PATIENCE_MS })
  try {
    const answers = await provider.everywhere('eth_getBlockByNumber', [finality, false])
    return answers.map(({ endpoint, result, reason }) => {
      const number = Number((result as { number?: unknown } | null | undefined)?.number ?? Number.NaN)
      if (Number.isInteger(number)) return ok('rpc', `${endpoint}: block ${number} is ${finality}`)
      const fix = 'leave chain.finality out on a chain without it, or use an endpoint that has it'
      return fail('rpc', `${endpoint} does not say which block is ${finality} (${reason ?? 'no such block'})`, fix)
    })
  } finally {
    provider.destroy()
  }
}

async function tryEndpoint({ chain, service }: KeeperConfig, url: string): Promise<Endpoint> {
  let blocks = chain.logBlocks ?? 2_000
  const provider = new FailoverProvider({
    urls: [url],
    chainId: BigInt(chain.id),
    patience: PATIENCE_MS,
    timeout: PATIENCE_MS,
    logSpan: blocks,
    onLogSpan: (event) => {
      blocks = event.blocks
    },
  })
  try {
    const start = performance.now()
    const block = await provider.getBlock('latest')
    if (block === null) throw new Error(`${provider.endpoint} has no latest block`)
    const milliseconds = Math.round(performance.now() - start)
    const fromBlock = Math.max(0, block.number - blocks + 1)
    await provider.getLogs({ address: service.address, fromBlock, toBlock: block.number })
    return { name: provider.endpoint, head: block.number, time: block.timestamp, milliseconds, blocks }
  } finally {
    provider.destroy()
  }
}

function checkTime(block: number, now: number): Check {
  const ahead = Math.round(block - now)
  if (ahead > MAX_SKEW) {
    return fail('clock', `this machine is ${ahead} s behind the chain`, 'synchronise its clock (NTP), then start')
  }
  if (-ahead > OLD_BLOCK) {
    const fix = 'if other endpoints agree, the chain stands still; else replace this one, or set this clock (NTP)'
    return warn('clock', `the newest block is ${-ahead} s old`, fix)
  }
  return ok('clock', `within ${Math.abs(ahead)} s of the newest block`)
}
