// SPDX-License-Identifier: GPL-3.0-or-later
// A proof made in the page, for the hub: bound to the visitor's account, checked by the verifier on the chain, and recorded there if wanted.
import type { Remote } from 'comlink'
import { AbiCoder, hexlify, id, keccak256, toBeHex } from 'ethers'
import { clients, decodeRevert } from '../../../keepers/chain/index.ts'
import { downloadKey, parseKeyMetadata } from '../../../keepers/zkml/index.ts'
import type { Connection } from '../chain/connection.ts'
import { signerOn, WalletError } from '../chain/wallet.ts'
import type { HubModel } from './hub-models.ts'
import type { OpenedModel, ProvenAnswer } from './worker.ts'

/** Seconds for which the hub accepts the proof. */
const VALID_SECONDS = 3600
/** Bytes of circuit.json and of the key's metadata at most. */
const MOST_TEXT = 1 << 20
/** Bytes of a witness generator at most. */
const MOST_WASM = 256 << 20
/** Memory that proving takes, in bytes for each byte of the key: the key, its copies in the workers, the witness. */
const MEMORY_PER_KEY_BYTE = 4
/** Share of the device's memory that a page may hope for. */
const SHARE_OF_DEVICE = 0.25

/** Of InferenceVerification.sol. */
const CONTEXT_DOMAIN = id('cohort.inference.context.v1')
const DIRECT_DOMAIN = id('cohort.inference.direct.v1')

export type BoundProof = ProvenAnswer & {
  readonly caller: string
  readonly nonce: string
  readonly version: number
  readonly deadline: number
}

export type LoadProgress = (loaded: number, total: number | null) => void

/** Fetches a circuit's files and loads them into the opened model; the browser keeps the key. @throws with the file's address */
export async function loadCircuit(
  model: Remote<OpenedModel>,
  { circuit, circuitId, vkHash }: HubModel,
  onProgress: LoadProgress,
  signal: AbortSignal,
): Promise<void> {
  if (circuit === null) throw new Error('this copy of the console has no files of the circuit: ask a keeper instead')
  const base = circuit.endsWith('/') ? circuit : `${circuit}/`
  const at = (name: string): URL => new URL(name, base)
  const manifest = JSON.parse(new TextDecoder().decode(await read(at('circuit.json'), MOST_TEXT, signal)))
  if (manifest.circuitId !== circuitId) {
    throw new Error(`${base} holds circuit ${String(manifest.circuitId)}, the hub's model uses ${circuitId}`)
  }
  const text = new TextDecoder().decode(await read(at('circuit.zkey.json'), MOST_TEXT, signal))
  await requireMemory(at('circuit.zkey'), signal)
  const { zkeySha256 } = parseKeyMetadata(JSON.parse(text), at('circuit.zkey.json').href)
  const { bytes: zkey } = await downloadKey(at('circuit.zkey'), {
    sha256: zkeySha256,
    signal,
    onProgress: ({ loaded, total }) => onProgress(loaded, total),
  })
  const wasm =
    manifest.system === 'groth16' || manifest.system === undefined
      ? await read(at('circuit.wasm'), MOST_WASM, signal)
      : null
  await model.load({ manifest, zkey, wasm, vkHash })
}

/** Browsers end a page that takes too much without a word. @throws where the device says that it has too little */
async function requireMemory(key: URL, signal: AbortSignal): Promise<void> {
  // Chromium says how many GiB there are, in steps up to 8; others say nothing, and are not stopped.
  const { deviceMemory } = navigator as { readonly deviceMemory?: number }
  if (deviceMemory === undefined) return
  const response = await fetch(key, { method: 'HEAD', signal })
  const needed = Number(response.headers.get('content-length') ?? 0) * MEMORY_PER_KEY_BYTE
  if (needed <= deviceMemory * 2 ** 30 * SHARE_OF_DEVICE) return
  const gigabytes = (needed / 2 ** 30).toFixed(1)
  throw new Error(`proving here takes some ${gigabytes} GiB, this device has ${deviceMemory}: ask a keeper instead`)
}

async function read(url: URL, most: number, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal })
  if (!response.ok) throw new Error(`${url.href}: HTTP ${response.status}`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (bytes.length > most) throw new Error(`${url.href} has ${bytes.length} bytes, at most ${most} are read`)
  return bytes
}

/** Proves an input for `caller`: nobody else can hand the proof in. */
export async function proveFor(
  { site, head }: Pick<Connection, 'site' | 'head'>,
  { modelId, version }: Pick<HubModel, 'modelId' | 'version'>,
  model: Pick<Remote<OpenedModel>, 'prove'>,
  input: readonly number[],
  caller: string,
): Promise<BoundProof> {
  if (version === null) throw new Error('no version of the model is released')
  const nonce = hexlify(crypto.getRandomValues(new Uint8Array(32)))
  const deadline = head.value.timestamp + VALID_SECONDS
  const { chainId, contracts } = site.deployment
  const requestId = directRequestId(caller, nonce)
  const context = contextOf({ chainId, hub: contracts.InferenceHub, requestId, caller, modelId, version, deadline })
  return { ...(await model.prove(input, context)), caller, nonce, version, deadline }
}

/** The id of a verification without a request, as IInferenceHub defines it. */
export function directRequestId(caller: string, nonce: string): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(['bytes32', 'address', 'bytes32'], [DIRECT_DOMAIN, caller, nonce]))
}

/** What a proof is bound to, as IInferenceHub defines it. Computed here: an endpoint could name its owner in the visitor's place. */
export function contextOf(bound: {
  readonly chainId: number
  readonly hub: string
  readonly requestId: string
  /** Whoever may hand it in. */
  readonly caller: string
  readonly modelId: bigint
  readonly version: number
  readonly deadline: number
}): bigint {
  const { chainId, hub, caller, requestId, modelId, version, deadline } = bound
  const types = ['bytes32', 'uint256', 'address', 'bytes32', 'address', 'uint256', 'uint64', 'uint64']
  const values = [CONTEXT_DOMAIN, chainId, hub, requestId, caller, modelId, version, deadline]
  return BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(types, values))) >> 8n
}

function callOf({ proof, publicSignals, nonce, version, deadline }: BoundProof, modelId: bigint) {
  const coder = AbiCoder.defaultAbiCoder()
  const types = [
    'tuple(uint256[2] a, uint256[2][2] b, uint256[2] c)',
    'tuple(bytes32 nonce, uint64 version, uint64 deadline)',
  ]
  const output = coder.encode(['uint256'], [publicSignals[2]])
  const encoded = coder.encode(types, [proof, { nonce, version, deadline }])
  return [modelId, toBeHex(publicSignals[1]!, 32), output, encoded] as const
}

/** Whether the verifier on the chain accepts the proof: asked without a transaction. @throws with the hub's own words when not */
export async function checkOnChain(
  { provider, site }: Connection,
  { modelId }: HubModel,
  proof: BoundProof,
): Promise<void> {
  const hub = clients.hub(site.deployment.contracts.InferenceHub, provider)
  try {
    await hub.verifyInference.staticCall(...callOf(proof, modelId), { from: proof.caller })
  } catch (cause) {
    throw new Error(decodeRevert(cause, [hub.interface], 'verifyInference')?.message ?? (cause as Error).message, {
      cause,
    })
  }
}

/** Records the proven answer at the hub, from the visitor's wallet. @returns the transaction's hash */
export async function recordOnChain({ site }: Connection, { modelId }: HubModel, proof: BoundProof): Promise<string> {
  const { contracts, chainId } = site.deployment
  const signer = await signerOn(chainId)
  const address = await signer.getAddress()
  if (address !== proof.caller) {
    throw new WalletError(
      `this proof is bound to ${proof.caller}, your wallet is on ${address}: change its account, or prove again`,
    )
  }
  const hub = clients.hub(contracts.InferenceHub, signer)
  try {
    const receipt = await (await hub.verifyInference(...callOf(proof, modelId))).wait()
    return receipt!.hash
  } catch (cause) {
    throw new Error(decodeRevert(cause, [hub.interface], 'verifyInference')?.message ?? (cause as Error).message, {
      cause,
    })
  }
}
