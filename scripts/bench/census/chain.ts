// SPDX-License-Identifier: GPL-3.0-or-later
// A ledger of private tables on an in-process chain with the circuits' own verifiers, and the gas of each step of a release.
import type { ContractTransactionResponse } from 'ethers'
import {
  type AdditiveModel,
  CENSUS,
  CENSUS_CIRCUITS,
  censusQueries,
  commitModel,
  commitTable,
  deltaOf,
  packModel,
  type planCounting,
  type Row,
  readCensusKey,
  seedCommitmentOf,
  type TableSecret,
  UNIT_EPSILON,
} from '../../../keepers/apps/census/index.ts'
import { chunksHashOf } from '../../../keepers/chain/index.ts'
import { deployKeyVerifier } from '../../../keepers/serving/index.ts'
import { type ProofWithSignals, toSolidityProof } from '../../../keepers/zkml/index.ts'
import type { PrivateTables } from '../../../types/index.ts'

/** Gas by step. */
export type Costs = Readonly<Record<'request' | 'accept' | 'beacon' | 'advance' | 'deliver', number>>

type Proofs = Parameters<PrivateTables['deliver']>[2]

/** One series with one version of the table. */
export async function createBenchLedger(folder: string, rows: readonly Row[], secret: TableSecret) {
  const { network } = await import('hardhat')
  const { ethers, networkHelpers } = await network.create()
  const [admin] = await ethers.getSigners()
  const verifiers = await ethers.deployContract('VerifierRegistry', [admin])
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), admin!)
  const tables = await ethers.deployContract('PrivateTables', [verifiers, admin, admin])
  for (const name of CENSUS_CIRCUITS) {
    const { circuitId, key } = await readCensusKey(folder, CENSUS, name)
    const { address, vkHash } = await deployKeyVerifier(key, { setupKind: 'local', subject: `census, ${name}` }, admin!)
    await verifiers.register(circuitId, address, vkHash, 1, '0x')
  }
  const queries = await censusQueries(CENSUS)
  await tables.describeNoise(queries.marginals.noiseCircuit, UNIT_EPSILON, deltaOf(UNIT_EPSILON))
  for (const query of Object.values(queries)) await tables.describeQuery(query)
  const chunks = commitTable(CENSUS, rows, secret)
  await tables.openSeries({
    ...{ maxEpsilon: 10n ** 6n, maxDelta: 10n ** 12n, versionEpsilon: 10n ** 6n, interval: 0 },
    ...{ deliverySeconds: 86_400, fee: 1n, bond: 1n },
  })
  await tables.commitVersion(1, chunksHashOf(chunks), chunks.length, seedCommitmentOf(secret.seed))

  /** An accepted request with its beacon. */
  const open = async (model: AdditiveModel | null) => {
    const queryId = await tables.queryIdOf(model === null ? queries.marginals : queries.outcomes)
    const [commitment, elements] = model === null ? [0n, []] : [commitModel(CENSUS, model), packModel(model)]
    const request = await gasOf(tables.request(1, 1, queryId, commitment, elements, { value: 1n }))
    const id = Number(await tables.requestCount())
    const accept = await gasOf(tables.accept(id, { value: 1n }))
    await networkHelpers.mine(3)
    const beacon = await gasOf(tables.fixBeacon(id))
    const finish = async (
      { states }: ReturnType<typeof planCounting>,
      counted: readonly ProofWithSignals[],
      noisy: readonly ProofWithSignals[],
    ): Promise<{ readonly outputs: readonly bigint[]; readonly gas: Costs }> => {
      const outputs = noisy.map(({ publicSignals }) => publicSignals[2]!)
      const advance = await gasOf(tables.advance(id, chunks, states.slice(1), given(counted)))
      const deliver = await gasOf(tables.deliver(id, outputs, given(noisy)))
      return { outputs, gas: { request, accept, beacon, advance, deliver } }
    }
    return { id, contextOf: (slice: number) => tables.contextOf(id, slice), finish }
  }
  return { open }
}

function given(proofs: readonly ProofWithSignals[]): Proofs {
  return proofs.map(({ proof }) => toSolidityProof(proof)) as unknown as Proofs
}

async function gasOf(sent: Promise<ContractTransactionResponse>): Promise<number> {
  return Number((await (await sent).wait())!.gasUsed)
}
