// SPDX-License-Identifier: GPL-3.0-or-later
// A gate on the chain: reads what it requires of an account, and brings proofs to it.
import { AbiCoder, ContractFactory, keccak256, type Provider, type Result, type Signer } from 'ethers'
import type { IIdentityGateTypes } from '../../../types/contracts/identity/IdentityGate.ts'
import type { IdentityGate } from '../../../types/index.ts'
import { clients, contractArtifact, contractInterface, decodeRevert } from '../../chain/index.ts'
import { type Proof, toSolidityProof } from '../../zkml/index.ts'
import { Asking, type Witnesses } from './asking.ts'
import { countriesText } from './countries.ts'
import { dateOfDay } from './dates.ts'
import { IdentityError } from './errors.ts'
import { ListClient, type ListView, type Sent, sending, solidity } from './list-client.ts'
import type { GateQuestion } from './statement.ts'

const DAY_SECONDS = 86_400
/** Seconds by which a holder's clock may be fast. A gate takes a proof of yesterday, but none of tomorrow. */
const CLOCK_SLACK = 600

export type GatePolicy = {
  readonly minAge: number
  readonly passDays: number
  readonly rootSeconds: number
  readonly challengeBlocks: number
  readonly sanctionsList: number
  readonly countries: readonly bigint[]
}

/** IIdentityGate.Statement. */
export type GateStatement = {
  readonly issuerId: number
  readonly keyId: number
  readonly challengeBlock: number
  readonly day: number
  readonly sanctionsRoot: bigint
  readonly revocationsRoot: bigint
  readonly nullifier: bigint
}

export type PassView = {
  readonly account: string
  readonly passed: boolean
  /** Unix seconds; 0 if there never was a pass. */
  readonly until: number
  readonly issuerId: number
}

/** What the holder expects of a gate. Absent fields are not compared. */
export type ExpectedPolicy = {
  /** Id of the chain of the gate. */
  readonly chainId?: bigint
  readonly minAge?: number
  readonly countries?: readonly bigint[]
  /** For how many days the credential must be valid. A gate with another number would learn about when it expires. */
  readonly passDays?: number
}

/**
 * The day of a statement, by the holder's own clock. If an endpoint chose the day, it could find out when the holder was born, and when the
 * credential expires. In the first ten minutes of a day, this is the day before.
 * @param now milliseconds since 1970
 */
export function dayOf(now: number): number {
  return Math.floor((now / 1000 - CLOCK_SLACK) / DAY_SECONDS)
}

/**
 * The application for which nullifiers are computed, as IIdentityGate.application. It is computed here, because an endpoint could name another
 * gate's, and the proof would then contain the holder's nullifier at that gate.
 */
export function applicationOf(chainId: bigint, gate: string): bigint {
  return BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(['uint256', 'address'], [chainId, gate]))) >> 8n
}

/** The context for which a camera signs, as IIdentityGate.contextOf. */
export function contextOf(
  chainId: bigint,
  gate: string,
  account: string,
  challenge: { readonly block: number; readonly hash: string },
): bigint {
  const types = ['uint256', 'address', 'address', 'uint64', 'bytes32']
  const values = [chainId, gate, account, challenge.block, challenge.hash]
  return BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(types, values))) >> 8n
}

/**
 * Compares a gate's policy with the expected one. Nothing is proven for another policy, because whether a proof exists reveals something about the
 * credential.
 * @throws IdentityError not-provable naming what differs
 */
export function requirePolicy(gate: string, found: GatePolicy, expected: ExpectedPolicy): void {
  const fail = (what: string): never => {
    throw new IdentityError('not-provable', `gate ${gate} ${what}; nothing was proven`)
  }
  if (expected.minAge !== undefined && found.minAge !== expected.minAge) {
    fail(`asks for an age of ${found.minAge}, ${expected.minAge} is expected (--min-age)`)
  }
  if (expected.passDays !== undefined && found.passDays !== expected.passDays) {
    fail(
      `asks for a credential that is good for ${found.passDays} more days, ${expected.passDays} are expected (--pass-days)`,
    )
  }
  if (expected.countries?.some((word, i) => word !== found.countries[i])) {
    fail(`asks for other countries than expected (--countries, --except): ${countriesText(found.countries)}`)
  }
}

/** Deploys a gate. @param addresses of the registries that it uses */
export async function deployGate(
  signer: Signer,
  addresses: {
    readonly verifiers: string
    readonly publishers: string
    readonly lists: string
    readonly admin: string
  },
  circuitId: string,
  policy: GatePolicy,
): Promise<string> {
  const { abi, bytecode } = contractArtifact('IdentityGate')
  const { verifiers, publishers, lists, admin } = addresses
  const factory = new ContractFactory(abi as string[], bytecode, signer)
  const call = factory.deploy(verifiers, publishers, lists, circuitId, admin, {
    ...policy,
    countries: [...policy.countries],
  })
  const made = await call
  await made.waitForDeployment()
  return await made.getAddress()
}

export class GateClient {
  readonly address: string
  readonly #provider: Provider
  readonly #asking: Asking
  readonly #gate: IdentityGate

  /** @param witnesses endpoints that must agree on the facts on which a proof depends */
  constructor(address: string, provider: Provider, signer?: Signer, witnesses?: Witnesses) {
    this.address = address
    this.#provider = provider
    this.#asking = new Asking(provider, witnesses)
    this.#gate = clients.identityGate(address, signer ?? provider)
  }

  /** The context that a camera signs for an account, with the last block as challenge. */
  async challenge(account: string): Promise<{ readonly context: bigint; readonly challengeBlock: number }> {
    // A simulated call cannot read the hash of its own block, but can read that of the block before.
    const challengeBlock = (await this.#provider.getBlockNumber()) - 1
    return { context: await this.contextAt(account, challengeBlock), challengeBlock }
  }

  /**
   * The context of an earlier challenge, computed here. The gate is asked whether it still accepts the challenge.
   * @throws RevertError when its block is too long ago, IdentityError wrong-contract when the gate names another context
   */
  async contextAt(account: string, challengeBlock: number): Promise<bigint> {
    const [named, block, { chainId }] = await this.#read(
      'contextOf',
      Promise.all([
        this.#gate.contextOf(account, challengeBlock),
        this.#provider.getBlock(challengeBlock),
        this.#provider.getNetwork(),
      ]),
    )
    const hash = block?.hash
    if (typeof hash !== 'string') return this.#lies('context')
    const context = contextOf(chainId, this.address, account, { block: challengeBlock, hash })
    if (named !== context) this.#lies('context')
    return context
  }

  /**
   * What the gate requires of a proof made now, for an earlier challenge.
   * @param now the holder's own time, milliseconds since 1970
   * @throws IdentityError not-provable when its policy is not the expected one, or the chain is on another day; wrong-contract when it names
   * another application; unheard
   */
  async question(
    context: bigint,
    expected: ExpectedPolicy,
    now: number = Date.now(),
  ): Promise<GateQuestion & { readonly day: number; readonly policy: GatePolicy; readonly chainId: bigint }> {
    const [named, found, block, { chainId }] = await this.#read(
      'policy',
      Promise.all([
        this.#gate.application(),
        this.#ask('policy'),
        this.#provider.getBlock('latest'),
        this.#provider.getNetwork(),
      ]),
    )
    // Gates may have the same address on several chains, and the holder's nullifiers at them must be unrelated.
    if (expected.chainId !== undefined && chainId !== expected.chainId) {
      throw new IdentityError(
        'not-provable',
        `the endpoint is on chain ${chainId}, ${expected.chainId} is expected (--chain); nothing was proven`,
      )
    }
    const application = applicationOf(chainId, this.address)
    if (named !== application) this.#lies('application')
    const policy = policyOf(found)
    requirePolicy(this.address, policy, expected)
    const day = dayOf(now)
    const today = Math.floor(block!.timestamp / DAY_SECONDS)
    if (day > today || day + 1 < today) {
      throw new IdentityError(
        'not-provable',
        `the endpoint's newest block is of ${dateOfDay(today)}, the clock here says ${dateOfDay(day)}; nothing was proven: correct the clock, ` +
          'or try another --rpc',
      )
    }
    const bornBy = dateOfDay(day) - policy.minAge * 10_000
    const through = dateOfDay(day + policy.passDays)
    return { application, context, bornBy, through, countries: policy.countries, day, policy, chainId }
  }

  /** The lists against which the gate checks an issuer's credentials. @throws IdentityError wrong-contract, unheard */
  async lists(issuerId: number): Promise<{ readonly sanctions: ListView; readonly revocations: ListView }> {
    const [[address], policy, [issuer]] = await this.#read(
      'lists',
      Promise.all([this.#ask('LISTS'), this.#ask('policy'), this.#ask('issuerOf', issuerId)]),
    )
    if (!issuer.accepted)
      throw new IdentityError('not-provable', `gate ${this.address} does not accept issuer ${issuerId}`)
    const lists = new ListClient(address, this.#provider)
    const at = await this.#provider.getBlockNumber()
    const read = async (listId: number): Promise<ListView> => {
      const view = await lists.read(listId, at)
      await lists.requireRoot(listId, view, this.#asking)
      return view
    }
    return {
      sanctions: await read(policyOf(policy).sanctionsList),
      revocations: await read(Number(issuer.revocationsList)),
    }
  }

  /** Brings a proof. @throws RevertError with the gate's reason */
  async pass(account: string, statement: GateStatement, proof: Proof): Promise<Sent> {
    const call = this.#gate.pass(
      account,
      statement as IIdentityGateTypes.StatementStruct,
      solidity(toSolidityProof(proof)),
    )
    return await sending('pass', call)
  }

  async setIssuer(issuerId: number, accepted: boolean, revocationsList: number): Promise<Sent> {
    return await sending('setIssuer', this.#gate.setIssuer(issuerId, accepted, revocationsList))
  }

  async passOf(account: string): Promise<PassView> {
    const [passed, { until, issuerId }] = await this.#read(
      'passOf',
      Promise.all([this.#gate.isPassed(account), this.#gate.passOf(account)]),
    )
    return { account, passed, until: Number(until), issuerId: Number(issuerId) }
  }

  #ask(method: string, ...args: readonly unknown[]) {
    return this.#asking.ask(contractInterface('IdentityGate'), this.address, method, args)
  }

  #lies(what: string): never {
    throw new IdentityError(
      'wrong-contract',
      `${this.address} names another ${what} than that of this chain and gate; nothing was proven, try another --rpc`,
    )
  }

  async #read<T>(what: string, call: Promise<T>): Promise<T> {
    return await call.catch((cause) => {
      if (cause instanceof IdentityError) throw cause
      const refused = decodeRevert(cause, [contractInterface('IdentityGate')], what)
      if (refused !== null && refused.error !== 'unknown') throw refused
      throw new IdentityError('wrong-contract', `${this.address} does not answer ${what} as a gate does`, { cause })
    })
  }
}

function policyOf([found]: Result): GatePolicy {
  return {
    minAge: Number(found.minAge),
    passDays: Number(found.passDays),
    rootSeconds: Number(found.rootSeconds),
    challengeBlocks: Number(found.challengeBlocks),
    sanctionsList: Number(found.sanctionsList),
    countries: [...found.countries],
  }
}
