// SPDX-License-Identifier: GPL-3.0-or-later
// A ledger of private tables over a real registry and real proofs: what its tests share. The circuit binds the four signals and lets the test
// choose what they say, as in ../consumers/reading-circuit.ts; test/slow/census.test.ts has the real circuits.
import { network } from 'hardhat'
import { chunksHashOf } from '../../../keepers/chain/index.ts'
import { readingCircuit } from '../consumers/reading-circuit.ts'
import { accountsOf } from '../governance/accounts.ts'
import { FIELD_ORDER } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'
import { type Change, compiled, deployedCode } from '../rounds/without.ts'

export const STATUS = { none: 0n, open: 1n, accepted: 2n, delivered: 3n, failed: 4n, cancelled: 5n }
export const DAY = 86_400
export const DELIVERY = 3600
export const FEE = 10n ** 16n
export const BOND = 10n ** 18n
/** A unit of noise: epsilon 0.1, delta 10^-11. */
export const UNIT = { epsilon: 100_000n, delta: 10_000_000n }
/** Units of the two kinds of release. */
export const UNITS = { marginals: 7, outcomes: 1 }
export const SLICES = { marginals: 2, outcomes: 1 }
export const SEED_COMMITMENT = 1234567n

/** What whoever knows the root can state of the first signal. */
export const square = (root: bigint) => (root * root) % FIELD_ORDER
/** Roots of the chunks' commitments. */
export const CHUNKS = [101n, 102n, 103n]
const EMPTY = 2n
/** Roots of the states after each chunk. */
export const STATES = [11n, 12n, 13n]

export const TERMS = {
  ...{ maxEpsilon: 2_000_000n, maxDelta: 10n ** 12n, versionEpsilon: 1_000_000n },
  ...{ interval: DAY, deliverySeconds: DELIVERY, fee: FEE, bond: BOND },
}

async function deployTables() {
  const { ethers, networkHelpers } = await network.create()
  const [dao, server, user, stranger, treasury] = await accountsOf(ethers)
  const verifiers = await ethers.deployContract('VerifierRegistry', [dao])
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), dao)
  const circuit = await readingCircuit()
  const verifier = await (await circuit.deployVerifier(dao)).getAddress()
  const ids = { marginals: ethers.id('marginals'), outcomes: ethers.id('outcomes'), noise: ethers.id('noise') }
  for (const id of Object.values(ids)) await verifiers.register(id, verifier, circuit.vkHash, 1, '0x')
  const tables = await ethers.deployContract('PrivateTables', [verifiers, treasury, dao])
  await tables.describeNoise(ids.noise, UNIT.epsilon, UNIT.delta)
  const query = (name: 'marginals' | 'outcomes') => ({
    ...{ chunkCircuit: ids[name], noiseCircuit: ids.noise, emptyState: square(EMPTY), rowsPerChunk: 1000 },
    ...{ slices: SLICES[name], units: UNITS[name], modelled: name === 'outcomes' },
  })
  const queries = { marginals: query('marginals'), outcomes: query('outcomes') }
  await tables.describeQuery(queries.marginals)
  await tables.describeQuery(queries.outcomes)
  const queryIds = {
    marginals: await tables.queryIdOf(queries.marginals),
    outcomes: await tables.queryIdOf(queries.outcomes),
  }
  const chunks = CHUNKS.map(square)
  await tables.connect(server).openSeries(TERMS)
  await tables.connect(server).commitVersion(1, chunksHashOf(chunks), chunks.length, SEED_COMMITMENT)

  /** A request; its number. */
  const ask = async (name: 'marginals' | 'outcomes' = 'marginals', { by = user, version = 1 } = {}) => {
    const [model, elements] = name === 'outcomes' ? [77n, [1n, 2n]] : [0n, []]
    await tables.connect(by).request(1, version, queryIds[name], model, elements, { value: FEE })
    return Number(await tables.requestCount())
  }
  const accept = (id: number) => tables.connect(server).accept(id, { value: BOND })
  /** An accepted request with its beacon. */
  const accepted = async (name: 'marginals' | 'outcomes' = 'marginals', by = user) => {
    const id = await ask(name, { by })
    await accept(id)
    await networkHelpers.mine(3)
    await tables.fixBeacon(id)
    return id
  }
  const prove = (root: bigint, second: bigint, third: bigint, fourth: bigint) =>
    circuit.prove({ weight: root, inputCommitment: second, output: third, context: fourth })
  /** Proofs of chunks from..to, along the states. */
  const chunkProofs = (from: number, to: number, model = 0n, states: readonly bigint[] = [EMPTY, ...STATES]) =>
    Promise.all(
      CHUNKS.slice(from, to).map((root, i) =>
        prove(root, square(states[from + i]!), square(states[from + i + 1]!), model),
      ),
    )
  const statesAfter = (from: number, to: number) => STATES.slice(from, to).map(square)
  const advance = async (id: number, from: number, to: number, model = 0n) =>
    tables.connect(server).advance(id, chunks, statesAfter(from, to), await chunkProofs(from, to, model))
  const outputs = (slices: number) => Array.from({ length: slices }, (_, s) => 5000n + BigInt(s))
  const noiseProofs = async (id: number, given: readonly bigint[], seedCommitment = SEED_COMMITMENT) =>
    Promise.all(
      given.map(async (output, s) => prove(STATES.at(-1)!, seedCommitment, output, await tables.contextOf(id, s))),
    )
  const deliver = async (id: number, slices = SLICES.marginals) =>
    tables.connect(server).deliver(id, outputs(slices), await noiseProofs(id, outputs(slices)))
  /** A delivered request. */
  const delivered = async (name: 'marginals' | 'outcomes' = 'marginals') => {
    const id = await accepted(name)
    await advance(id, 0, 3, name === 'outcomes' ? 77n : 0n)
    await deliver(id, SLICES[name])
    return id
  }
  const late = async () => networkHelpers.time.increase(DELIVERY + 1)
  /** Puts changed code in the ledger's place. @param changes of files below contracts/privacy */
  const change = async (...changes: Change[]) => {
    const placed = changes.map(({ file, ...rest }) => ({ file: `contracts/privacy/${file}`, ...rest }))
    const changed = compiled('contracts/privacy/PrivateTables.sol', 'PrivateTables', null, placed)
    const code = await deployedCode({ ethers, networkHelpers }, changed, verifiers, treasury, dao)
    await networkHelpers.setCode(await tables.getAddress(), code)
  }
  const chain = { ethers, networkHelpers, dao, server, user, stranger, treasury, verifiers, tables }
  const fixed = { ids, queries, queryIds, chunks }
  const steps = { ask, accept, accepted, advance, deliver, delivered, late, change }
  return { ...chain, ...fixed, ...steps, prove, chunkProofs, statesAfter, outputs, noiseProofs }
}

export const createTables = restored(deployTables)
