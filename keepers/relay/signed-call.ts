// SPDX-License-Identifier: GPL-3.0-or-later
// A call of the service that its operator signs and somebody else sends, as LearningService.relay reads it.
import { concat, dataLength, dataSlice, recoverAddress, Signature, TypedDataEncoder, toBeHex } from 'ethers'
import { contractInterface, type OperatorSigner } from '../chain/index.ts'

/** Where a signature counts. */
export type SigningDomain = { readonly chainId: bigint; readonly service: string }

export type SignedCall = {
  /** Calldata with its selector. */
  readonly call: string
  /** For an attestation: whether the round's dispute is over. Otherwise false. */
  readonly disputed: boolean
  /** r ‖ vs, 64 bytes (ERC-2098). */
  readonly signature: string
}

/** A member's steps that the contract accepts signed. */
const STEPS: ReadonlySet<string> = new Set([
  'commitUpdate',
  'commitStaleUpdate',
  'revealUpdate',
  'attest',
  'submitShare',
  'vote',
  'dispute',
  'submitCheck',
  'commitKey',
  'revealKey',
  'confirmKey',
  'complain',
  'judge',
])

/** Steps that anybody may take. The signature only shows the relayer who asks, and never reaches the contract. */
const FREE: ReadonlySet<string> = new Set(['draft', 'poke'])

/** How a call is sent. `step`: with others in one `relay`. `free`: by itself to the service. `key`: by itself to the registry. */
export type Route = 'step' | 'free' | 'key'

const TYPES = {
  Step: [
    { name: 'call', type: 'bytes' },
    { name: 'disputed', type: 'bool' },
  ],
}

/** Bytes before a call in `relay`: signature and length. */
const HEADER = 66

/** The method of a call and its route; null for a call that nobody relays. */
export function routeOf(call: string): { readonly method: string; readonly route: Route } | null {
  if (dataLength(call) < 4) return null
  const selector = dataSlice(call, 0, 4)
  const method = contractInterface('ILearningService').getFunction(selector)?.name
  if (method !== undefined && STEPS.has(method)) return { method, route: 'step' }
  if (method !== undefined && FREE.has(method)) return { method, route: 'free' }
  const key = contractInterface('KeeperRegistry').getFunction('setEncryptionKeyFor')!
  return selector === key.selector ? { method: key.name, route: 'key' } : null
}

/**
 * Whether calldata that `routeOf` knows is nothing but the encoding of its arguments. Contracts ignore bytes behind or between the
 * arguments, up to 64 KiB, and the sender would pay for each.
 */
export function isPlain(call: string): boolean {
  const selector = dataSlice(call, 0, 4)
  for (const abi of (['ILearningService', 'KeeperRegistry'] as const).map(contractInterface)) {
    const method = abi.getFunction(selector)
    if (method === null) continue
    try {
      return abi.encodeFunctionData(method, abi.decodeFunctionData(method, call)) === call
    } catch {
      return false
    }
  }
  return false
}

/** The round or the epoch that a step names; null for a call that names neither. */
export function namedIn(call: string): { readonly what: 'round' | 'epoch'; readonly number: number } | null {
  const abi = contractInterface('ILearningService')
  const method = abi.getFunction(dataSlice(call, 0, 4))
  const what = method?.inputs[0]?.name
  if (method === null || (what !== 'round' && what !== 'epoch')) return null
  return { what, number: Number(abi.decodeFunctionData(method, call)[0]) }
}

/** The arguments of a call of `setEncryptionKeyFor`. */
export function keyChangeIn(call: string): {
  readonly owner: string
  readonly encryptionKey: string
  readonly signature: string
} {
  const [owner, encryptionKey, signature] = contractInterface('KeeperRegistry').decodeFunctionData(
    'setEncryptionKeyFor',
    call,
  )
  return { owner, encryptionKey, signature }
}

const domainOf = ({ chainId, service }: SigningDomain) => ({
  name: 'Cohort LearningService',
  version: '1',
  chainId,
  verifyingContract: service,
})

/** @throws SignerError of a remote signer */
export async function signCall(
  signer: OperatorSigner,
  domain: SigningDomain,
  call: string,
  disputed: boolean,
): Promise<SignedCall> {
  const signature = Signature.from(await signer.signTypedData(domainOf(domain), TYPES, { call, disputed }))
  return { call, disputed, signature: signature.compactSerialized }
}

/** The signer of exactly this call in this domain; null for an invalid signature. */
export function signerOf(domain: SigningDomain, { call, disputed, signature }: SignedCall): string | null {
  try {
    // ethers refuses the mirror image (EIP-2), as the contract does.
    const digest = TypedDataEncoder.hash(domainOf(domain), TYPES, { call, disputed })
    return recoverAddress(digest, Signature.from(signature))
  } catch {
    return null
  }
}

/** The argument of `relay`: the steps, concatenated. */
export function packSteps(steps: readonly SignedCall[]): string {
  return concat(steps.flatMap(({ signature, call }) => [signature, toBeHex(dataLength(call), 2), call]))
}

/** Calldata of `relay` with these steps. */
export function encodeRelay(steps: readonly SignedCall[]): string {
  return contractInterface('ILearningService').encodeFunctionData('relay', [packSteps(steps)])
}

/** The packed steps in calldata of `relay`; empty for other calldata, which an endpoint may have made up. */
function relayedIn(calldata: string): string {
  const abi = contractInterface('ILearningService')
  if (!calldata.startsWith(abi.getFunction('relay')!.selector)) return '0x'
  try {
    return String(abi.decodeFunctionData('relay', calldata)[0])
  } catch {
    return '0x'
  }
}

/** The offsets of the step in calldata of `relay`; none for other calldata. */
export function placesOf(calldata: string, { signature, call }: SignedCall): number[] {
  const steps = relayedIn(calldata)
  const places: number[] = []
  for (let at = 0, index = 0; at + HEADER <= dataLength(steps); index++) {
    const length = Number(dataSlice(steps, at + HEADER - 2, at + HEADER))
    const end = at + HEADER + length
    if (end > dataLength(steps)) break
    const isIt = dataSlice(steps, at + HEADER, end) === call && dataSlice(steps, at, at + HEADER - 2) === signature
    if (isIt) places.push(index)
    at = end
  }
  return places
}
