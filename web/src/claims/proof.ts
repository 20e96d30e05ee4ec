// SPDX-License-Identifier: GPL-3.0-or-later
// The proofs behind a claim: taken out of the transactions that put them on record, and verified in the page.
import { AbiCoder, type Interface, id, keccak256, type Result, type TransactionResponse, ZeroAddress } from 'ethers'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import type { SolidityProof } from '../../../keepers/zkml/index.ts'
import type { Connection } from '../chain/connection.ts'
import { type ClaimRow, registryOf, SOURCES } from './claims.ts'

/** Of ClaimChallenges.sol. */
const CLAIM_DOMAIN = id('cohort.claim.context.v1')
const REFUTATION_DOMAIN = id('cohort.claim.refutation.v1')
const TERMS =
  'tuple(address service, uint64 version, bytes32 circuitId, uint8 source, address auditor, uint64 poolId, uint32 figure, uint32 guarantee, uint48 expiresAt)'
/** Bytes of a verification key at most. */
const MOST_KEY = 1 << 20

/** A proof with what it says: the public signals of circuits about batches. */
export type OnRecord = {
  readonly circuitId: string
  readonly proof: SolidityProof
  readonly batch: bigint
  /** Figure of a claim, guarantee of a refutation. */
  readonly output: bigint
  readonly context: bigint
}

/** Where a claim is: its proof is for this chain, registry and claimant alone. */
type Place = { readonly chainId: number; readonly registry: string }

/** What a claim's proof is bound to, as IClaimRegistry.contextOf has it. Computed here: an endpoint could name another claimant. */
export function claimContext(
  { chainId, registry }: Place,
  claimant: string,
  terms: Result | readonly unknown[],
): bigint {
  const types = ['bytes32', 'uint256', 'address', 'address', TERMS]
  return hashed(types, [CLAIM_DOMAIN, chainId, registry, claimant, terms])
}

/** The same of a refutation. @param challengeId 0 for a batch that the auditor signed */
export function refutationContext(
  { chainId, registry }: Place,
  {
    challenger,
    claimId,
    challengeId,
  }: { readonly challenger: string; readonly claimId: bigint; readonly challengeId: bigint },
): bigint {
  const types = ['bytes32', 'uint256', 'address', 'address', 'uint256', 'uint256']
  return hashed(types, [REFUTATION_DOMAIN, chainId, registry, challenger, claimId, challengeId])
}

function hashed(types: readonly string[], values: readonly unknown[]): bigint {
  return BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(types, values))) >> 8n
}

/**
 * The proof of a claim, from the transaction that published it.
 * @throws Error for a transaction that went through another contract, or says another thing than the record
 */
export function publishedProof(
  place: Place,
  claim: Pick<
    ClaimRow,
    | 'claimant'
    | 'figure'
    | 'guarantee'
    | 'service'
    | 'version'
    | 'circuitId'
    | 'batch'
    | 'expiresAt'
    | 'source'
    | 'auditor'
    | 'poolId'
  >,
  transaction: Pick<TransactionResponse, 'to' | 'data'>,
  abi: Interface = contractInterface('ClaimRegistry'),
): OnRecord {
  const { args } = callOf(place, transaction, ['publish'], abi)
  const { terms, batch, proof } = args
  const same =
    terms.service === claim.service &&
    Number(terms.version) === claim.version &&
    terms.circuitId === claim.circuitId &&
    Number(terms.figure) === claim.figure &&
    Number(terms.guarantee) === claim.guarantee &&
    Number(terms.expiresAt) === claim.expiresAt &&
    // Who chose the batch, and who can refute it: what a reader trusts the figure for.
    SOURCES[Number(terms.source)] === claim.source &&
    terms.auditor === (claim.auditor ?? ZeroAddress) &&
    terms.poolId === BigInt(claim.poolId ?? 0) &&
    batch === claim.batch
  if (!same) throw new Error('the transaction published another claim than the record says: the endpoint lies')
  const context = claimContext(place, claim.claimant, terms)
  return { circuitId: claim.circuitId, proof: solidityProof(proof), batch, output: terms.figure, context }
}

/** The proof by which a claim fell, from the transaction that brought it. @param refutationId its circuit @throws as publishedProof */
export function refutingProof(
  place: Place,
  claim: Pick<ClaimRow, 'claimId' | 'guarantee' | 'told'>,
  refutationId: string,
  transaction: Pick<TransactionResponse, 'to' | 'data'>,
  abi: Interface = contractInterface('ClaimRegistry'),
): OnRecord {
  const { name, args } = callOf(place, transaction, ['refute', 'refuteSigned'], abi)
  const { challenger } = claim.told!.fell!
  const claimId = BigInt(claim.claimId)
  const challengeId: bigint = name === 'refute' ? args.challengeId : 0n
  const about =
    name === 'refute'
      ? claim.told!.challenges.some((each) => each.challengeId === challengeId)
      : args.claimId === claimId
  if (!about || args.batch !== claim.told!.fell!.batch)
    throw new Error('the transaction refuted another claim than the record says: the endpoint lies')
  return {
    ...{ circuitId: refutationId, proof: solidityProof(args.proof), batch: args.batch },
    ...{ output: BigInt(claim.guarantee), context: refutationContext(place, { challenger, claimId, challengeId }) },
  }
}

function callOf(
  { registry }: Place,
  { to, data }: Pick<TransactionResponse, 'to' | 'data'>,
  names: readonly string[],
  abi: Interface,
) {
  if (to !== registry)
    throw new Error(
      `it was put on record through ${to ?? 'a new contract'}: the proof is inside that call, which this page does not read`,
    )
  const call = abi.parseTransaction({ data })
  if (call === null || !names.includes(call.name))
    throw new Error('the transaction is not such a call: the endpoint lies')
  return call
}

function solidityProof({ a, b, c }: Result): SolidityProof {
  return {
    a: [a[0], a[1]],
    b: [
      [b[0][0], b[0][1]],
      [b[1][0], b[1][1]],
    ],
    c: [c[0], c[1]],
  }
}

/**
 * Verifies a proof in the page, under a verification key that is the one the DAO registered.
 * @param key content of verification_key.json @param expected what must be its hash
 * @throws Error for another key, or a proof that does not hold
 */
export async function verifyOnRecord(
  { proof, batch, output, context }: OnRecord,
  commitment: bigint,
  key: unknown,
  expected: string,
): Promise<void> {
  const { fromSolidityProof, isTwoRoundKey, parseVerificationKey, verificationKeyHash, verifyProof } = await import(
    '../../../keepers/zkml/index.ts'
  )
  const parsed = parseVerificationKey(key)
  const found = verificationKeyHash(parsed)
  if (found !== expected) throw new Error(`the key has hash ${found}, the DAO registered ${expected}`)
  const given = fromSolidityProof(proof, isTwoRoundKey(parsed))
  if (!(await verifyProof(parsed, given, [commitment, batch, output, context])))
    throw new Error('THE PROOF DOES NOT HOLD for what the record says')
}

export type Verdict = {
  readonly how: 'in this page' | 'by the verifier on the chain'
  /** Of the version, as the endpoint says: one that lies could name another model, which has such a proof. */
  readonly commitment: bigint
}

/**
 * Checks the proof of a claim, or the one by which it fell. With the circuit's verification key, from this copy or from the visitor, in the
 * page; without one, by asking the verifier on the chain.
 */
export async function checkClaim(
  connection: Connection,
  registry: string,
  claim: ClaimRow,
  what: 'claim' | 'refutation',
  own: string | null,
): Promise<Verdict> {
  const { provider, site } = connection
  const { contracts, chainId } = site.deployment
  const hash = what === 'claim' ? claim.told?.transactionHash : claim.told?.fell?.transactionHash
  if (hash === undefined) throw new Error('the log that this page has read does not mention it')
  const transaction = await provider.getTransaction(hash)
  if (transaction === null) throw new Error(`the endpoint has no transaction ${hash}`)
  const place = { chainId, registry }
  const { refutationId } = await registryOf(connection, registry).circuitOf(claim.circuitId)
  const record =
    what === 'claim'
      ? publishedProof(place, claim, transaction)
      : refutingProof(place, claim, refutationId, transaction)
  const verifiers = clients.verifiers(contracts.VerifierRegistry, provider)
  const [{ verifier, vkHash }, version] = await Promise.all([
    verifiers.getVerifier(record.circuitId),
    clients.models(contracts.ModelRegistry, provider).lookUp(claim.service, claim.version),
  ])
  const commitment = BigInt(version.weightsCommitment)
  const key = own ?? (await keyOfCopy(site.circuits[record.circuitId]))
  if (key !== null) {
    const { parseJson } = await import('../../../keepers/zkml/json.ts')
    await verifyOnRecord(record, commitment, parseJson(key), vkHash)
    return { how: 'in this page', commitment }
  }
  const { Contract } = await import('ethers')
  const abi = ['function verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[4]) view returns (bool)']
  const { proof, batch, output, context } = record
  const holds: boolean = await new Contract(verifier, abi, provider).getFunction('verifyProof')(
    ...[proof.a, proof.b, proof.c],
    [commitment, batch, output, context],
  )
  if (!holds) throw new Error('THE PROOF DOES NOT HOLD, says the verifier on the chain')
  return { how: 'by the verifier on the chain', commitment }
}

/** The verification key that this copy came with; null for a circuit that it does not have. */
async function keyOfCopy(circuit: string | undefined): Promise<string | null> {
  if (circuit === undefined) return null
  const url = new URL('verification_key.json', circuit.endsWith('/') ? circuit : `${circuit}/`)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url.href}: HTTP ${response.status}`)
  const text = await response.text()
  if (text.length > MOST_KEY) throw new Error(`${url.href} has ${text.length} characters, at most ${MOST_KEY} are read`)
  return text
}
