// SPDX-License-Identifier: GPL-3.0-or-later
// A user asks the released model about a sample; a keeper answers with a proof that the deployed verifier checks.
import { join } from 'node:path'
import { type JsonRpcProvider, parseEther } from 'ethers'
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import { clients } from '../../keepers/chain/index.ts'
import { DataPlane } from '../../keepers/network/index.ts'
import { InferenceServer, outputSchemaOf, readScore, requestInference } from '../../keepers/serving/index.ts'
import { openFolder } from '../../keepers/zkml/index.ts'
import { accountSigner } from './accounts.ts'
import { ACCOUNT } from './deployment.ts'

const PRICE = parseEther('0.01')
const SECONDS = 600

export type ProvenInference = {
  readonly requestId: string
  readonly modelId: string
  /** Index of the class, or the amount. */
  readonly trueLabel: number
  /** As recorded by the hub, from the proof's public signals. */
  readonly provenLabel: number
  readonly proveSeconds: number
  readonly requestGas: number
  readonly fulfilGas: number
  readonly earnedWei: string
}

export type InferenceOptions = {
  readonly provider: JsonRpcProvider
  readonly deployment: DeploymentFile
  /** Folder for the prover's own blocks. */
  readonly folder: string
  readonly circuit: string
  readonly vkHash: string
  /** The subject of the question, and the index of its class. */
  readonly asked: { readonly input: readonly number[]; readonly label: number }
  readonly signal: AbortSignal
}

/** Registers the model with the hub, asks, answers, and reads the result back from the chain. */
export async function proveOneInference(options: InferenceOptions): Promise<ProvenInference> {
  const { provider, deployment, circuit } = options
  const { contracts, services, fromBlock } = deployment
  const { manifest, program } = await openFolder(circuit)
  const user = accountSigner(provider, ACCOUNT.user)
  const keeper = accountSigner(provider, ACCOUNT.firstOwner)
  const hub = clients.hub(contracts.InferenceHub, user)

  const commitment = {
    modelHash: `0x${'00'.repeat(32)}`,
    circuitHash: manifest.circuitId,
    vkHash: options.vkHash,
    proofSystemId: await hub.GROTH16_BN254(),
    uri: '',
  }
  const schema = outputSchemaOf(program)
  await (await hub.registerModel(commitment, services[0]!.address, 0, schema)).wait()
  const modelId = await hub.modelCount()

  const { requestId, gasUsed: requestGas } = await requestInference({
    signer: user,
    hub: contracts.InferenceHub,
    modelId,
    program,
    input: options.asked.input,
    price: PRICE,
    seconds: SECONDS,
  })

  // The answering side knows the request only from the chain, manifest and weights only from the keepers.
  const plane = await DataPlane.start({
    folder: join(options.folder, 'prover-ipfs'),
    identitySeed: crypto.getRandomValues(new Uint8Array(32)),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
  })
  try {
    await using server = await InferenceServer.open({
      provider,
      signer: keeper,
      hub: contracts.InferenceHub,
      models: contracts.ModelRegistry,
      fromBlock,
      circuit,
      weights: { plane },
    })
    const [open] = await server.openRequests()
    if (open !== requestId) throw new Error(`the hub lists ${open ?? 'no request'}, ${requestId} was posted`)
    const answer = await server.answer(requestId, options.signal)
    const { output } = await hub.resultOf(requestId)
    return {
      requestId,
      modelId: String(modelId),
      trueLabel: options.asked.label,
      provenLabel: schema.scale > 0n ? readScore(BigInt(output), schema.scale) : Number(BigInt(output)),
      proveSeconds: answer.proveMs / 1000,
      requestGas: Number(requestGas),
      fulfilGas: Number(answer.gasUsed),
      earnedWei: String(await hub.balanceOf(await keeper.getAddress())),
    }
  } finally {
    await plane.stop()
  }
}
