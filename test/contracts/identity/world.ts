// SPDX-License-Identifier: GPL-3.0-or-later
// Registries, lists, a gate and a token on a chain, with real proofs of the tiny circuits.
import { network } from 'hardhat'
import { countrySet } from '../../../keepers/apps/identity/countries.ts'
import { nullifierOf } from '../../../keepers/apps/identity/credential.ts'
import { dateOfDay } from '../../../keepers/apps/identity/dates.ts'
import { IntervalList, type ListChange } from '../../../keepers/apps/identity/interval-list.ts'
import { solidity } from '../../../keepers/apps/identity/list-client.ts'
import { type GateQuestion, identityInputs } from '../../../keepers/apps/identity/statement.ts'
import { deployVerifier } from '../../../keepers/serving/index.ts'
import { eddsaMaterial, eddsaPublicKey, type SourceProver, toSolidityProof } from '../../../keepers/zkml/index.ts'
import {
  DEPTH,
  NEARNESS,
  person,
  SEEDS,
  tinyListProver,
  tinyProgram,
  tinyProver,
} from '../../keepers/apps/identity/tiny.ts'

export const DAY = 86_400
export const POLICY = {
  ...{ minAge: 18, passDays: 30, rootSeconds: 600, challengeBlocks: 100, sanctionsList: 1 },
  countries: [...countrySet([408, 364], true)] as [bigint, bigint, bigint, bigint],
}
const EDDSA = 4

const program = await tinyProgram()
let provers: Promise<{ identity: SourceProver; list: SourceProver }> | undefined
const openProvers = () =>
  (provers ??= Promise.all([tinyProver(program), tinyListProver()]).then(([identity, list]) => ({ identity, list })))

after(async () => {
  const opened = await provers
  await Promise.all([opened?.identity.close(), opened?.list.close()])
})

type Proven = Awaited<ReturnType<SourceProver['prove']>>
const proven = new Map<string, Promise<Proven>>()

/** Half of these tests begin with the proof of one person on the same chain: it takes a second of the processor, once. */
function proveOnce(prover: SourceProver, inputs: Parameters<SourceProver['prove']>[0]): Promise<Proven> {
  const key = JSON.stringify([prover.circuit.circuitId, inputs], (_, value) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
  const made = proven.get(key) ?? prover.prove(inputs)
  proven.set(key, made)
  return made
}

export type Changes = Parameters<typeof person>[2]

export async function createWorld() {
  const { identity, list } = await openProvers()
  const { ethers, networkHelpers } = await network.create()
  const [owner, holder, other, keeper, issuer] = await ethers.getSigners()
  const verifiers = await ethers.deployContract('VerifierRegistry', [owner!])
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), owner!)
  for (const { circuit } of [identity, list]) {
    const { address, vkHash } = await deployVerifier(circuit.folder, owner!)
    await verifiers.register(circuit.circuitId, address, vkHash, 1, '0x')
  }
  const publishers = await ethers.deployContract('PublisherRegistry')
  await publishers.connect(issuer!).registerPublisher('Office of documents')
  const validUntil = (await networkHelpers.time.latest()) + 1000 * DAY
  await publishers.connect(issuer!).addKey(1, EDDSA, 0, validUntil, eddsaMaterial(eddsaPublicKey(SEEDS.issuer)))
  const lists = await ethers.deployContract('ValueLists', [
    verifiers,
    list.circuit.circuitId,
    new IntervalList(DEPTH).root,
  ])
  await lists.connect(keeper!).openList('sanctions')
  await lists.connect(issuer!).openList('revoked')
  const gateOf = async (policy = POLICY) => {
    const gate = await ethers.deployContract('IdentityGate', [
      ...[verifiers, publishers, lists, identity.circuit.circuitId, owner!, policy],
    ])
    await gate.setIssuer(1, true, 2)
    return gate
  }
  const gate = await gateOf()
  const token = await ethers.deployContract('PassedToken', [gate, 1000n])

  /** A change of a list as its keeper brings it. */
  const change = async (inputs: ListChange) => {
    const { proof } = await proveOnce(list, inputs)
    return solidity(toSolidityProof(proof))
  }
  const add = async (listId: number, values: IntervalList, value: bigint) => {
    const made = values.add(value)
    const signer = listId === 1 ? keeper! : issuer!
    await lists.connect(signer).add(listId, value, made.index, made.after, await change(made))
  }

  /** What the gate asks now, of an account. */
  const ask = async (account: string, at = gate): Promise<{ question: GateQuestion; block: number; day: number }> => {
    const block = (await ethers.provider.getBlockNumber()) - 1
    const day = Math.floor((await networkHelpers.time.latest()) / DAY)
    const { minAge, passDays, countries } = await at.policy()
    const question = {
      application: await at.application(),
      context: await at.contextOf(account, block),
      bornBy: dateOfDay(day) - Number(minAge) * 10_000,
      through: dateOfDay(day + Number(passDays)),
      countries: [...countries],
    }
    return { question, block, day }
  }

  /** Proves for an account, and gives the arguments of `pass`. */
  const prove = async (account: string, changes: Changes = {}, at = gate, asked?: Awaited<ReturnType<typeof ask>>) => {
    const { question, block, day } = asked ?? (await ask(account, at))
    const who = person(program, question, changes)
    const { proof } = await proveOnce(identity, identityInputs({ program, ...who }, { nearness: NEARNESS }))
    const roots = { sanctionsRoot: who.sanctions.root, revocationsRoot: who.revocations.root }
    const nullifier = nullifierOf(who.secret, question.application)
    const statement = { issuerId: 1, keyId: 1, challengeBlock: block, day, ...roots, nullifier }
    return { statement, proof: solidity(toSolidityProof(proof)), who }
  }
  return {
    ...{ ethers, networkHelpers, owner: owner!, holder: holder!, other: other!, keeper: keeper!, issuer: issuer! },
    ...{ verifiers, publishers, lists, gate, gateOf, token, change, add, ask, prove, program },
  }
}
