// SPDX-License-Identifier: GPL-3.0-or-later
import { formatEther, getBytes, type JsonRpcApiProvider, type Signer, toBeHex } from 'ethers'
import type { InferenceHub, ModelRegistry } from '../../types/index.ts'
import { clients, decodeRevert } from '../chain/index.ts'
import type { DataPlane } from '../network/index.ts'
import {
  agreedDigests,
  fetchManifest,
  fetchVersion,
  openManifest,
  type PlannedModel,
  provableModel,
} from '../versions/index.ts'
import { type CircuitFolder, InferenceProver, openFolder, toSolidityProof, withWeights } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { decodePayload, integersOf } from './payload.ts'
import { REQUEST_OPEN, RequestBook } from './request-book.ts'

export type ServerOptions = {
  readonly provider: JsonRpcApiProvider
  /** Sends the fulfilments and is credited their price. */
  readonly signer: Signer
  readonly hub: string
  readonly models: string
  /** Block from which the deployment's events are in the log. */
  readonly fromBlock: number
  /** Compiled and set-up circuit of the model (`cohort zkml compile`, `setup`). */
  readonly circuit: string
  /** Wei by which a price may fall short of the fulfilment's gas at the present fee. Default 0: nothing is proven at a loss. */
  readonly maxLoss?: bigint
  /**
   * Where weights come from; needed in committed mode, where one circuit serves every version. Without a model, the service's manifest is fetched
   * from its keepers by the digest on the chain.
   */
  readonly weights?: { readonly model?: PlannedModel; readonly plane: DataPlane }
}

/** The result of one request. Times in milliseconds. */
export type Answer = {
  readonly requestId: string
  readonly version: bigint
  readonly output: bigint
  readonly proveMs: number
  readonly gasUsed: bigint
  readonly transaction: string
}

/** One prover: a circuit with its key, the weights of the version in force, a signer. */
export class InferenceServer implements AsyncDisposable {
  readonly #options: ServerOptions
  readonly #hub: InferenceHub
  readonly #models: ModelRegistry
  readonly #circuitId: string
  readonly #requests: RequestBook
  #loaded: { readonly service: string; readonly version: bigint; readonly prover: InferenceProver } | null = null

  private constructor(options: ServerOptions, circuitId: string) {
    this.#options = options
    this.#hub = clients.hub(options.hub, options.signer)
    this.#models = clients.models(options.models, options.provider)
    this.#circuitId = circuitId
    const { provider, fromBlock } = options
    this.#requests = new RequestBook({ provider, fromBlock, hub: clients.hub(options.hub, provider), circuitId })
  }

  /** @throws InferenceError for a folder without circuit or key; ServingError when the weights cannot be fetched. */
  static async open(options: ServerOptions): Promise<InferenceServer> {
    const { manifest } = await openFolder(options.circuit)
    if (manifest.mode === 'committed' && options.weights === undefined) {
      throw new ServingError('bad-version', `${options.circuit} holds no weights: give a data plane to fetch them`)
    }
    return new InferenceServer(options, manifest.circuitId)
  }

  /** Open requests for models of this circuit, oldest first. Reads only the blocks since the last call. */
  openRequests(): Promise<string[]> {
    return this.#requests.open()
  }

  /**
   * Proves one request and sends the fulfilment. The proof is bound to this prover's address, so nobody else can use it after seeing it in the
   * mempool.
   * @throws ServingError naming the fault in request, version or answer
   */
  async answer(requestId: string, signal?: AbortSignal): Promise<Answer> {
    const posted = await this.#requests.find(requestId)
    const { modelId, version, deadline, inputCommitment, payload } = posted
    const model = await this.#hub.modelOf(modelId)
    if (model.circuitId !== this.#circuitId) {
      throw new ServingError(
        'wrong-circuit',
        `model ${modelId} uses circuit ${model.circuitId}, this prover has ${this.#circuitId}`,
      )
    }
    await this.#requireWorth(requestId)
    const prover = await this.#prover(model.service, version, signal)
    const { program } = prover.circuit.folder
    const input = decodePayload(getBytes(payload), program, BigInt(inputCommitment))
    const caller = await this.#options.signer.getAddress()
    const context = await this.#hub.contextOf(requestId, caller, modelId, version, deadline)
    const start = performance.now()
    const { proof, publicSignals } = await prover.prove(
      { input: integersOf(input, program.input.min), integers: true, context, salts: { input: input.salt } },
      signal === undefined ? {} : { signal },
    )
    const proveMs = performance.now() - start
    const output = publicSignals[2]!
    const { a, b, c } = toSolidityProof(proof)
    try {
      const sent = await this.#hub.fulfil(requestId, output, { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] })
      const receipt = await sent.wait()
      return { requestId, version, output, proveMs, gasUsed: receipt!.gasUsed, transaction: receipt!.hash }
    } catch (cause) {
      const reason = decodeRevert(cause, [this.#hub.interface], 'fulfil')
      throw new ServingError(
        'refused',
        `the hub refused the answer to ${requestId}: ${(reason ?? (cause as Error)).message}`,
        { cause },
      )
    }
  }

  /** Checks, before any work, that the request is open and that its price pays for the gas of the answer. */
  async #requireWorth(requestId: string): Promise<void> {
    const { provider, maxLoss = 0n } = this.#options
    const [status, { price, callbackGas }, fees] = await Promise.all([
      this.#hub.statusOf(requestId),
      this.#hub.getRequest(requestId),
      provider.getFeeData(),
    ])
    if (status !== REQUEST_OPEN) throw new ServingError('refused', `request ${requestId} is not open any more`)
    const cost = (FULFIL_GAS + callbackGas) * (fees.gasPrice ?? 0n)
    if (price + maxLoss >= cost) return
    throw new ServingError(
      'unprofitable',
      `request ${requestId} pays ${formatEther(price)} ether, its answer costs ${formatEther(cost)} in gas: ` +
        'wait for a lower fee, or allow the loss',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loaded?.prover.close()
    this.#loaded = null
  }

  /** The prover with the weights of that version, kept until another version is needed. */
  async #prover(service: string, version: bigint, signal?: AbortSignal): Promise<InferenceProver> {
    if (this.#loaded?.service === service && this.#loaded.version === version) return this.#loaded.prover
    const prover = await InferenceProver.open(await this.#folder(service, version, signal))
    const commitment = toBeHex(prover.circuit.folder.manifest.modelCommitment, 32)
    const { weightsCommitment } = await this.#models.getVersion(service, version)
    if (commitment !== weightsCommitment) {
      await prover.close()
      throw new ServingError(
        'bad-version',
        `version ${version}: the circuit commits to ${commitment}, the chain to ${weightsCommitment}`,
      )
    }
    await this.#loaded?.prover.close()
    this.#loaded = { service, version, prover }
    return prover
  }

  /** The model that the service's manifest describes. @throws ServingError bad-version when the chain names none */
  async #modelOf(service: string, plane: DataPlane): Promise<PlannedModel> {
    const { provider } = this.#options
    const { current } = await agreedDigests(clients.service(service, provider))
    if (current === null) {
      throw new ServingError('bad-version', `${service} has no manifest on the chain: give its members'`)
    }
    return await openManifest(await fetchManifest({ provider, service, plane }, current), `manifest of ${service}`)
  }

  /** The circuit's folder with the weights of that version. */
  async #folder(service: string, version: bigint, signal?: AbortSignal): Promise<CircuitFolder> {
    const { provider, weights, fromBlock, circuit } = this.#options
    const folder = await openFolder(circuit)
    if (weights === undefined) return folder
    const { plane } = weights
    const model = weights.model ?? (await this.#modelOf(service, plane))
    const held = await fetchVersion({ provider, service, fromBlock, model, plane }, version, signal)
    const { program } = provableModel(model, held.weights, folder.program.output)
    return await withWeights(folder, program, held.salt)
  }
}

/** Gas of `fulfil` without its callback, with a margin (snapshots/inference.json). */
const FULFIL_GAS = 400_000n
