// SPDX-License-Identifier: GPL-3.0-or-later
// Describes a census's circuits to a ledger, before anybody can ask: verifiers, the cost of noise, and both kinds of release.
import type { Signer } from 'ethers'
import { clients, type PrivateTablesClient, type ReleaseQuery, releaseQueryIdOf } from '../../chain/index.ts'
import { deployKeyVerifier } from '../../serving/index.ts'
import { CENSUS_CIRCUITS, type CensusCircuit, circuitIdOf, readCensusKey } from './circuits.ts'
import { emptyState } from './counting.ts'
import { CensusError } from './errors.ts'
import { deltaOf, UNIT_EPSILON } from './noise.ts'
import { pairsOf, slicesOf, type TableShape } from './schema.ts'

/** As IVerifierRegistry.SetupKind numbers it. */
const LOCAL = 1

type CensusQueries = Readonly<Record<'marginals' | 'outcomes', ReleaseQuery>>

const queriesOf = new WeakMap<TableShape, Promise<CensusQueries>>()

/**
 * Both kinds of release. One person changes one cell of each marginal by one, and one cell of a model's outcomes: that many units a release
 * costs. (Replacing a person by another counts as two changes.)
 */
export function censusQueries(shape: TableShape): Promise<CensusQueries> {
  // Kept, because the circuits' names are hashes of sources that are read from files.
  const known = queriesOf.get(shape) ?? queriesFor(shape)
  queriesOf.set(shape, known)
  return known
}

async function queriesFor(shape: TableShape): Promise<CensusQueries> {
  const shared = {
    noiseCircuit: await circuitIdOf(shape, 'noise'),
    emptyState: emptyState(shape),
    rowsPerChunk: shape.chunkRows,
  }
  return {
    marginals: {
      ...{ chunkCircuit: await circuitIdOf(shape, 'marginals'), ...shared },
      ...{ slices: slicesOf(shape), units: pairsOf(shape).length, modelled: false },
    },
    outcomes: {
      ...{ chunkCircuit: await circuitIdOf(shape, 'outcomes'), ...shared },
      ...{ slices: 1, units: 1, modelled: true },
    },
  }
}

let unitDelta: bigint | undefined

/** The cost of releasing a query, by this program's own arithmetic: epsilon in millionths, delta in 10^-18. */
export function costOf({ units }: Pick<ReleaseQuery, 'units'>): { readonly epsilon: bigint; readonly delta: bigint } {
  unitDelta ??= deltaOf(UNIT_EPSILON)
  return { epsilon: BigInt(units * UNIT_EPSILON), delta: BigInt(units) * unitDelta }
}

export type Described = {
  readonly marginals: string
  readonly outcomes: string
  /** Epsilon of one unit in millionths; below, delta in 10^-18. */
  readonly epsilon: bigint
  readonly delta: bigint
}

/**
 * Deploys and registers the verifiers that the registry lacks, and describes what the ledger lacks. A repeated call goes on where the last one
 * stopped. The signer needs the registrar's role at both.
 * @throws CensusError mismatch when another noise cost was described; bad-data for a folder without keys
 */
export async function describeCensus(
  ledger: PrivateTablesClient,
  registry: string,
  folder: string,
  shape: TableShape,
  signer: Signer,
  onProgress: (message: string) => void = () => undefined,
): Promise<Described> {
  const verifiers = clients.verifiers(registry, signer)
  for (const name of CENSUS_CIRCUITS) {
    const { circuitId, key } = await readCensusKey(folder, shape, name)
    if (await isRegistered(verifiers, circuitId)) continue
    onProgress(`deploying the verifier of ${name}`)
    const made = await deployKeyVerifier(key, { setupKind: 'local', subject: `census, ${name}` }, signer)
    await ledger.sender.send('register', () => verifiers.register(circuitId, made.address, made.vkHash, LOCAL, '0x'))
  }
  onProgress('describing')
  const noise = await circuitIdOf(shape, 'noise')
  const cost = { epsilon: BigInt(UNIT_EPSILON), delta: deltaOf(UNIT_EPSILON) }
  const found = await ledger.noiseOf(noise)
  if (found.epsilon === 0n) await ledger.describeNoise(noise, cost.epsilon, cost.delta)
  else if (found.epsilon !== cost.epsilon || found.delta !== cost.delta)
    throw new CensusError(
      'mismatch',
      `the ledger says that noise costs epsilon ${found.epsilon}·10^-6 and delta ${found.delta}·10^-18, this release ${cost.epsilon} and ${cost.delta}`,
    )
  const queries = await censusQueries(shape)
  const ids: Partial<Record<CensusCircuit, string>> = {}
  for (const name of ['marginals', 'outcomes'] as const) {
    const queryId = releaseQueryIdOf(queries[name])
    if (!(await ledger.knowsQuery(queryId))) await ledger.describeQuery(queries[name])
    ids[name] = queryId
  }
  return { marginals: ids.marginals!, outcomes: ids.outcomes!, ...cost }
}

async function isRegistered(verifiers: ReturnType<typeof clients.verifiers>, circuitId: string): Promise<boolean> {
  return await verifiers.getVerifier(circuitId).then(
    () => true,
    () => false,
  )
}
