// SPDX-License-Identifier: GPL-3.0-or-later
// Reads who consumes whom from the chain: the registries of services, the tree, the ensembles, the books of labels, and the questions asked.
import { getAddress, type JsonRpcApiProvider, ZeroAddress } from 'ethers'
import { clients, countOf, type DeploymentFile } from '../../chain/index.ts'
import { NestedError } from '../errors.ts'
import { type GraphEdge, type GraphNode, graphOf, type ServiceGraph } from './graph.ts'

/** Addresses of the tree, the ensembles and the books of labels. Absent ones are not read. */
export type NestedAddresses = {
  readonly tree?: string | undefined
  readonly ensembles?: string | undefined
  readonly 'labels-at'?: string | undefined
}

/** Most entries of one list that are read: more than anybody could look at. */
const MOST = 5_000

type Reading = {
  readonly provider: JsonRpcApiProvider
  readonly deployment: Pick<DeploymentFile, 'contracts' | 'fromBlock'>
  readonly nodes: Map<string, GraphNode>
  readonly edges: GraphEdge[]
  readonly signal: AbortSignal | undefined
}

/** @throws NestedError wrong-contract; ChainError UNREACHABLE */
export async function readGraph(
  provider: JsonRpcApiProvider,
  deployment: Pick<DeploymentFile, 'contracts' | 'fromBlock'>,
  addresses: NestedAddresses,
  signal?: AbortSignal,
): Promise<ServiceGraph> {
  const reading: Reading = { provider, deployment, nodes: new Map(), edges: [], signal }
  for (const [option, address] of Object.entries(addresses)) {
    if (address !== undefined && (await provider.getCode(address)) === '0x') {
      throw new NestedError('wrong-contract', `--${option} ${address} has no code on this chain: correct the address`)
    }
  }
  const services = await readServices(reading)
  if (addresses.tree !== undefined) await readTree(reading, addresses.tree, services)
  if (addresses.ensembles !== undefined) await readEnsembles(reading, addresses.ensembles)
  const labels = addresses['labels-at']
  if (labels !== undefined) await readBooks(reading, labels)
  await readOracle(reading)
  await readRequests(reading, addresses.ensembles)
  return graphOf(reading.nodes.values(), reading.edges)
}

async function listed<T>(
  reading: Reading,
  said: bigint,
  what: string,
  read: (index: number) => Promise<T>,
): Promise<T[]> {
  const count = Math.min(countOf(said, what), MOST)
  const found: T[] = []
  for (let start = 0; start < count; start += 50) {
    reading.signal?.throwIfAborted()
    const page = Array.from({ length: Math.min(50, count - start) }, (_, i) => read(start + i))
    found.push(...(await Promise.all(page)))
  }
  return found
}

async function readServices(reading: Reading): Promise<string[]> {
  const { provider, deployment, nodes } = reading
  const models = clients.models(deployment.contracts.ModelRegistry, provider)
  const factory = clients.factory(deployment.contracts.ServiceFactory, provider)
  const services = await listed(reading, await models.serviceCount(), 'services', (i) => models.serviceAt(i))
  const names = await listed(reading, await factory.serviceCount(), 'services of the factory', async (i) => ({
    address: await factory.serviceAt(i),
    name: await factory.nameOf(i),
  }))
  for (const address of services) {
    const name = names.find((entry) => entry.address === address)?.name ?? 'adopted model'
    nodes.set(address, { id: address, kind: 'service', name })
  }
  return services
}

async function readTree(reading: Reading, address: string, services: readonly string[]): Promise<void> {
  const tree = clients.tree(address, reading.provider)
  for (const upper of services) {
    const level = await tree.levelOf(upper)
    if (level === 0n) continue
    const node = reading.nodes.get(upper)!
    reading.nodes.set(upper, { ...node, name: `${node.name}, level ${level}` })
    const lowers = await listed(reading, await tree.lowerCount(upper), 'lower services', (i) => tree.lowerAt(upper, i))
    for (const lower of lowers) {
      const { invited, keeper } = await tree.membershipOf(upper, lower)
      if (!invited || keeper === ZeroAddress) continue
      reading.edges.push({ consumer: upper, provider: lower, kind: 'member', detail: `keeper ${keeper}` })
    }
  }
}

async function readEnsembles(reading: Reading, address: string): Promise<void> {
  const { provider, nodes, edges, deployment } = reading
  const contract = clients.serviceEnsembles(address, provider)
  await listed(reading, await contract.ensembleCount(), 'ensembles', async (i) => {
    const id = ensembleId(address, BigInt(i + 1))
    nodes.set(id, { id, kind: 'ensemble', name: `ensemble ${i + 1}` })
    const [seats] = await contract.rosterOf(i + 1)
    for (const { service, weight } of seats) {
      edges.push({ consumer: id, provider: service, kind: 'voice', detail: `weight ${weight}` })
    }
  })
  const asked = await contract.queryFilter(contract.filters.QuestionAsked(), deployment.fromBlock)
  const askers = tally(asked.map(({ args }) => [args.asker, ensembleId(address, args.ensembleId)]))
  await addAskers(reading, askers, 'questions')
}

async function readBooks(reading: Reading, address: string): Promise<void> {
  const contract = clients.pseudoLabels(address, reading.provider)
  const ensembles = await contract.ENSEMBLES()
  await listed(reading, await contract.bookCount(), 'books', async (i) => {
    const { student, labelled, terms } = await contract.bookOf(i + 1)
    const provider = ensembleId(ensembles, terms.ensembleId)
    const detail = `book ${i + 1}, ${labelled} of ${terms.maxLabels} labels`
    reading.edges.push({ consumer: student, provider, kind: 'distils', detail })
  })
  // Books ask on behalf of their students, so the students are the consumers.
  const own = reading.edges.filter(({ consumer, kind }) => kind === 'asks' && consumer === getAddress(address))
  for (const edge of own) reading.edges.splice(reading.edges.indexOf(edge), 1)
  reading.nodes.delete(getAddress(address))
}

async function readOracle(reading: Reading): Promise<void> {
  const { provider, deployment, nodes, edges } = reading
  const { EnsembleOracle, InferenceHub } = deployment.contracts
  const oracle = clients.ensembles(EnsembleOracle, provider)
  const hub = clients.hub(InferenceHub, provider)
  await listed(reading, await oracle.ensembleCount(), 'ensembles of the oracle', async (i) => {
    const id = ensembleId(EnsembleOracle, BigInt(i + 1))
    nodes.set(id, { id, kind: 'ensemble', name: `oracle ensemble ${i + 1}` })
    const [, members] = await oracle.getEnsemble(i + 1)
    for (const { id: member, decoding, weight } of members) {
      const nested = Number(decoding) === ENSEMBLE
      const of = nested ? ensembleId(EnsembleOracle, member) : (await hub.modelOf(member)).service
      edges.push({
        consumer: id,
        provider: of,
        kind: 'voice',
        detail: nested ? `weight ${weight}` : `model ${member}, weight ${weight}`,
      })
    }
  })
  const asked = await oracle.queryFilter(oracle.filters.QuestionAsked(), deployment.fromBlock)
  const askers = tally(
    asked
      .filter(({ args }) => args.parent === 0n)
      .map(({ args }) => [args.asker, ensembleId(EnsembleOracle, args.ensembleId)]),
  )
  await addAskers(reading, askers, 'questions')
}

/** Position of Ensemble in IEnsembleOracle.Decoding. */
const ENSEMBLE = 3

async function readRequests(reading: Reading, ensembles: string | undefined): Promise<void> {
  const { provider, deployment } = reading
  const hub = clients.hub(deployment.contracts.InferenceHub, provider)
  const requests = await hub.queryFilter(hub.filters.InferenceRequested(), deployment.fromBlock)
  const services = new Map<bigint, string>()
  const pairs: [string, string][] = []
  for (const { args } of requests) {
    // The ensembles' own requests are drawn as voices.
    if (ensembles !== undefined && args.requester === getAddress(ensembles)) continue
    const known = services.get(args.modelId) ?? (await hub.modelOf(args.modelId)).service
    services.set(args.modelId, known)
    pairs.push([args.requester, known])
  }
  await addAskers(reading, tally(pairs), 'requests')
}

const ensembleId = (contract: string, id: bigint): string => `${getAddress(contract)}#${id}`

function tally(pairs: readonly (readonly [string, string])[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const pair of pairs) counts.set(pair.join(' '), (counts.get(pair.join(' ')) ?? 0) + 1)
  return counts
}

async function addAskers(reading: Reading, counts: ReadonlyMap<string, number>, what: string): Promise<void> {
  for (const [pair, count] of counts) {
    reading.signal?.throwIfAborted()
    const [asker, provider] = pair.split(' ') as [string, string]
    reading.edges.push({ consumer: asker, provider, kind: 'asks', detail: `${count} ${what}` })
    if (reading.nodes.has(asker)) continue
    const contract = (await reading.provider.getCode(asker)) !== '0x'
    reading.nodes.set(asker, { id: asker, kind: contract ? 'contract' : 'account', name: asker })
  }
}
