// SPDX-License-Identifier: GPL-3.0-or-later
// Actions on a claim registry: describe circuits, commit to pools, draw, publish, challenge.
import { setTimeout as wait } from 'node:timers/promises'
import {
  ContractFactory,
  getAddress,
  type JsonRpcApiProvider,
  type Signer,
  toBeHex,
  ZeroAddress,
  zeroPadValue,
} from 'ethers'
import type { ClaimRegistry } from '../../../types/index.ts'
import { contractArtifact } from '../artifacts.ts'
import { clients } from '../contracts.ts'
import { Sender } from '../dao/sender.ts'
import type { Sent } from '../dao/terms.ts'
import { CLAIM_KINDS, CLAIM_STATUSES, ClaimError, SOURCES, type Source, type Statement } from './terms.ts'

export type ClaimTerms = {
  readonly service: string
  readonly version: number
  readonly circuitId: string
  readonly source: Source
  readonly auditor?: string
  readonly poolId?: number
  /** Right answers, or permille. */
  readonly figure: number
  readonly guarantee: number
  /** Unix seconds. */
  readonly expiresAt: number
}

export type ClaimView = {
  readonly claimId: number
  readonly kind: (typeof CLAIM_KINDS)[number]
  readonly status: (typeof CLAIM_STATUSES)[number]
  readonly source: (typeof SOURCES)[number]
  readonly claimant: string
  readonly service: string
  readonly version: number
  readonly figure: number
  readonly guarantee: number
  /** Samples of a batch. */
  readonly count: number
  readonly expiresAt: number
  /** Wei. */
  readonly bond: bigint
  readonly batch: bigint
  readonly circuitId: string
  readonly auditor: string
  readonly poolId: number
  /** Whether consumers may rely on it now: as `hasBadge`, on its own terms. */
  readonly counts: boolean
}

/** `fell`: whether this refutation felled the claim, which gives the bond to the sender. False when another refutation came first. */
type Refuted = Sent & { readonly fell: boolean }

/** A proof as contracts take it. */
type SolidityProof = {
  readonly a: readonly [bigint, bigint]
  readonly b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]]
  readonly c: readonly [bigint, bigint]
}

/** Milliseconds between looks at the chain's head. */
const POLL_MS = 500

export class ClaimClient {
  readonly sender: Sender
  readonly #provider: JsonRpcApiProvider
  readonly #registry: ClaimRegistry

  private constructor(registry: ClaimRegistry, provider: JsonRpcApiProvider, signer: Signer | undefined) {
    this.#registry = registry
    this.#provider = provider
    this.sender = new Sender(signer, ['ClaimRegistry', 'VerifierRegistry', 'ModelRegistry'])
  }

  /**
   * @param expected the registries on which claims are to be judged
   * @throws ClaimError wrong-contract, also for a registry that judges on others
   */
  static async open(
    address: string,
    expected: Record<'models' | 'verifiers', string>,
    provider: JsonRpcApiProvider,
    signer?: Signer,
  ): Promise<ClaimClient> {
    const registry = clients.claims(address, signer ?? provider)
    const found: Record<'models' | 'verifiers', string> = await Promise.all([
      registry.MODELS(),
      registry.VERIFIERS(),
    ]).then(
      ([models, verifiers]) => ({ models, verifiers }),
      (cause) => {
        throw new ClaimError('wrong-contract', `there is no claim registry at ${address}: correct --registry`, {
          cause,
        })
      },
    )
    for (const name of ['models', 'verifiers'] as const) {
      if (getAddress(found[name]) !== getAddress(expected[name]))
        throw new ClaimError(
          'wrong-contract',
          `${address} judges claims by the registry of ${name} at ${found[name]}, the deployment’s is ${expected[name]}: correct --registry or --deployment`,
        )
    }
    return new ClaimClient(registry, provider, signer)
  }

  /** Deploys a registry. @param admin describes circuits, and hands that right on */
  static async deploy(
    signer: Signer,
    { models, verifiers, treasury, admin }: Record<'models' | 'verifiers' | 'treasury' | 'admin', string>,
  ): Promise<string> {
    const { abi, bytecode } = contractArtifact('ClaimRegistry')
    const factory = new ContractFactory(abi as string[], bytecode, signer)
    const contract = await factory.deploy(models, verifiers, treasury, admin)
    await contract.waitForDeployment()
    return await contract.getAddress()
  }

  async describe(circuitId: string, refutationId: string, statement: Statement): Promise<Sent> {
    return await this.sender.send('describe', () => this.#registry.describe(circuitId, refutationId, statement))
  }

  /** @throws ClaimError unknown for a circuit that the registrar has not described */
  async meaningOf(circuitId: string): Promise<{ readonly statementId: string; readonly refutationId: string }> {
    const { statementId, refutationId } = await this.#registry.circuitOf(circuitId)
    if (BigInt(statementId) === 0n)
      throw new ClaimError('unknown', `nobody has described circuit ${circuitId}: cohort claim describe`)
    return { statementId, refutationId }
  }

  async commitPool(root: string, size: number, uri: string): Promise<Sent & { readonly poolId: number }> {
    const sent = await this.sender.send('commitPool', () => this.#registry.commitPool(root, size, uri))
    return { ...sent, poolId: Number(await this.#valueOf(sent, 'PoolCommitted', 'poolId')) }
  }

  /**
   * Draws a pool's batch for a claim and waits for the block that decides; once fixed, the same answer for good.
   * @param claimant The only account that can claim on it (default: the signer's).
   * @throws ClaimError other-claimant if the pool has drawn for another account
   */
  async draw(
    poolId: number,
    service: string,
    version: number,
    statementId: string,
    claimant?: string,
  ): Promise<number> {
    const account = claimant ?? (await this.sender.address())
    const drawId = await this.#registry.drawIdOf(poolId, service, version, statementId)
    if ((await this.#registry.drawingOf(drawId)).decidedBy === 0n)
      await this.sender.send('draw', () => this.#registry.draw(poolId, service, version, statementId, account))
    const { decidedBy, indexPlusOne, claimant: drawnFor } = await this.#registry.drawingOf(drawId)
    requireClaimant(poolId, drawnFor, account)
    if (indexPlusOne === 0n) {
      await this.#waitFor(Number(decidedBy))
      await this.sender.send('fixDraw', () => this.#registry.fixDraw(drawId))
    }
    return Number((await this.#registry.drawingOf(drawId)).indexPlusOne) - 1
  }

  /** Index of the batch that was drawn for a claim of the signer's. @throws ClaimError unknown; other-claimant */
  async drawn(poolId: number, service: string, version: number, statementId: string): Promise<number> {
    const drawId = await this.#registry.drawIdOf(poolId, service, version, statementId)
    const { indexPlusOne, claimant } = await this.#registry.drawingOf(drawId)
    if (indexPlusOne === 0n)
      throw new ClaimError('unknown', `pool ${poolId} has drawn nothing for it: cohort claim draw`)
    requireClaimant(poolId, claimant, await this.sender.address())
    return Number(indexPlusOne) - 1
  }

  /** The fourth signal of a claim's proof. */
  async contextOf(terms: ClaimTerms): Promise<bigint> {
    return await this.#registry.contextOf(await this.sender.address(), onChain(terms))
  }

  async publish(
    terms: ClaimTerms,
    batch: bigint,
    evidence: { readonly signature: string; readonly path: readonly string[] },
    proof: SolidityProof,
    bond: bigint,
  ): Promise<Sent & { readonly claimId: number }> {
    const given = { signature: evidence.signature, path: [...evidence.path] }
    const sent = await this.sender.send('publish', () =>
      this.#registry.publish(onChain(terms), batch, given, encoded(proof), { value: bond }),
    )
    return { ...sent, claimId: Number(await this.#valueOf(sent, 'ClaimPublished', 'claimId')) }
  }

  /** The auditor's signature for a claim's batch. */
  async signBatch(
    signer: Signer,
    purpose: { claimant: string; service: string; version: number; statementId: string; batch: bigint },
  ): Promise<string> {
    return await signer.signTypedData(await this.#domain(), { ClaimBatch: CLAIM_BATCH }, purpose)
  }

  /** The auditor's signature for a counter-batch. */
  async signCounter(signer: Signer, purpose: { challenger: string; claimId: number; batch: bigint }): Promise<string> {
    return await signer.signTypedData(await this.#domain(), { CounterBatch: COUNTER_BATCH }, purpose)
  }

  /** Pays the challenge's bond; its number. @throws ClaimError unknown */
  async openChallenge(claimId: number): Promise<number> {
    const value = await this.#registry.challengeBond(claimId)
    const sent = await this.sender.send('openChallenge', () => this.#registry.openChallenge(claimId, { value }))
    return Number(await this.#valueOf(sent, 'ChallengeOpened', 'challengeId'))
  }

  /** Waits for the batch that a challenge draws. @throws ClaimError lapsed; unknown for a challenge of another claim */
  async challengeDrawn(challengeId: number, claimId: number): Promise<number> {
    const { claimId: challenged, decidedBy, indexPlusOne } = await this.#registry.challengeOf(challengeId)
    if (Number(challenged) !== claimId)
      throw new ClaimError('unknown', `challenge ${challengeId} is of claim ${challenged}, not of ${claimId}`)
    if (indexPlusOne !== 0n) return Number(indexPlusOne) - 1
    await this.#waitFor(Number(decidedBy))
    await this.sender.send('fixChallenge', () => this.#registry.fixChallenge(challengeId))
    return Number((await this.#registry.challengeOf(challengeId)).indexPlusOne) - 1
  }

  /** @throws ClaimError other-pool unless these are the pool's batches, in its order */
  async requirePool(poolId: number, { root, size }: { readonly root: string; readonly size: number }): Promise<void> {
    const pool = await this.#registry.poolOf(poolId)
    if (pool.root !== root || Number(pool.size) !== size)
      throw new ClaimError(
        'other-pool',
        `the ${size} batches given are not the ${pool.size} of pool ${poolId}: give all of them, in its order`,
      )
  }

  /** The fourth signal of a refutation's proof. @param challengeId 0 with an auditor's signature */
  async refutationContextOf(claimId: number, challengeId: number): Promise<bigint> {
    return await this.#registry.refutationContextOf(await this.sender.address(), claimId, challengeId)
  }

  async refute(challengeId: number, batch: bigint, path: readonly string[], proof: SolidityProof): Promise<Refuted> {
    return await this.#refuted(
      await this.sender.send('refute', () => this.#registry.refute(challengeId, batch, [...path], encoded(proof))),
    )
  }

  async refuteSigned(claimId: number, batch: bigint, signature: string, proof: SolidityProof): Promise<Refuted> {
    return await this.#refuted(
      await this.sender.send('refuteSigned', () =>
        this.#registry.refuteSigned(claimId, batch, signature, encoded(proof)),
      ),
    )
  }

  async settle(challengeId: number): Promise<Sent> {
    return await this.sender.send('settleChallenge', () => this.#registry.settleChallenge(challengeId))
  }

  async release(claimId: number): Promise<Sent> {
    return await this.sender.send('releaseBond', () => this.#registry.releaseBond(claimId))
  }

  /** Sends the signer what the registry owes it. */
  async withdraw(): Promise<Sent> {
    const account = await this.sender.address()
    return await this.sender.send('withdraw', () => this.#registry.withdraw(account, account))
  }

  async count(): Promise<number> {
    return Number(await this.#registry.claimCount())
  }

  /** @throws ClaimError unknown */
  async view(claimId: number): Promise<ClaimView> {
    const count = await this.count()
    if (claimId < 1 || claimId > count)
      throw new ClaimError('unknown', `there is no claim ${claimId}: the registry has ${count}`)
    const claim = await this.#registry.claimOf(claimId)
    const [{ statementId }, statement] = await Promise.all([
      this.#registry.circuitOf(claim.circuitId),
      this.#registry.statementOf(claim.circuitId),
    ])
    const source = SOURCES[Number(claim.source)]!
    const counts = await this.#registry.meets(claimId, {
      ...{ service: claim.service, version: claim.version, statementId, source: claim.source },
      by: source === 'draw' ? word(claim.poolId) : word(source === 'auditor' ? claim.auditor : claim.claimant),
      ...{ bound: claim.guarantee, minBond: 0n, ceremony: false },
    })
    return {
      ...{ claimId, counts, source, kind: CLAIM_KINDS[Number(claim.kind)]! },
      ...{ status: CLAIM_STATUSES[Number(claim.status)]!, claimant: claim.claimant, service: claim.service },
      ...{ version: Number(claim.version), figure: Number(claim.figure), guarantee: Number(claim.guarantee) },
      ...{ count: Number(statement.count), expiresAt: Number(claim.expiresAt), bond: claim.bond, batch: claim.batch },
      ...{ circuitId: claim.circuitId, auditor: claim.auditor, poolId: Number(claim.poolId) },
    }
  }

  async #domain() {
    const { chainId } = await this.#provider.getNetwork()
    return { name: 'Cohort claims', version: '1', chainId, verifyingContract: await this.#registry.getAddress() }
  }

  async #refuted(sent: Sent): Promise<Refuted> {
    return { ...sent, fell: (await this.#eventOf(sent, 'ClaimFell')) !== null }
  }

  async #eventOf(sent: Sent, event: string) {
    const receipt = await this.#provider.getTransactionReceipt(sent.hash)
    const parsed = (receipt?.logs ?? []).map((log) => this.#registry.interface.parseLog(log))
    return parsed.find((each) => each?.name === event) ?? null
  }

  /** A field of the event that a transaction left. */
  async #valueOf(sent: Sent, event: string, field: string): Promise<bigint> {
    const found = await this.#eventOf(sent, event)
    if (found === null) throw new ClaimError('wrong-contract', `${sent.hash} left no ${event}: correct --registry`)
    return found.args[field] as bigint
  }

  /** Waits for block `decidedBy`, after which transactions can read its hash. @throws ClaimError lapsed */
  async #waitFor(decidedBy: number): Promise<void> {
    let head = await this.#provider.getBlockNumber()
    while (head < decidedBy) {
      await wait(POLL_MS)
      head = await this.#provider.getBlockNumber()
    }
    if (head >= decidedBy + READABLE_BLOCKS)
      throw new ClaimError('lapsed', `block ${decidedBy} decided the draw, and its hash can no longer be read`)
  }
}

/** The EVM can read the hashes of this many latest blocks. */
const READABLE_BLOCKS = 256

const CLAIM_BATCH = [
  { name: 'claimant', type: 'address' },
  { name: 'service', type: 'address' },
  { name: 'version', type: 'uint64' },
  { name: 'statementId', type: 'bytes32' },
  { name: 'batch', type: 'uint256' },
]
const COUNTER_BATCH = [
  { name: 'challenger', type: 'address' },
  { name: 'claimId', type: 'uint256' },
  { name: 'batch', type: 'uint256' },
]

function requireClaimant(poolId: number, found: string, expected: string): void {
  if (getAddress(found) !== getAddress(expected))
    throw new ClaimError(
      'other-claimant',
      `pool ${poolId} drew its batch for a claim of ${found}, not of ${expected}: a pool draws once for a version and statement`,
    )
}

function onChain({ auditor = ZeroAddress, poolId = 0, source, ...rest }: ClaimTerms) {
  return { ...rest, auditor, poolId, source: SOURCES.indexOf(source) }
}

function encoded({ a, b, c }: SolidityProof): Parameters<ClaimRegistry['publish']>[3] {
  return { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] }
}

function word(value: string | bigint): string {
  return zeroPadValue(typeof value === 'bigint' ? toBeHex(value) : value, 32)
}
