// SPDX-License-Identifier: GPL-3.0-or-later
// A Safe under the guard, and the guard under the released fraud model with its real circuit.
import { createServer } from 'node:http'
import { ContractFactory, toBeHex, ZeroAddress } from 'ethers'
import { askGuard, type GuardedSpend, proveSpend } from '../../../keepers/apps/spending/index.ts'
import type { Reading } from '../../../keepers/serving/index.ts'
import {
  exportVerifier,
  type InferenceProof,
  type InferenceProver,
  toSolidityProof,
} from '../../../keepers/zkml/index.ts'
import { compile } from '../../../scripts/solc.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { APPROVED, createGuard, DAY, LIMIT, MINUTE } from './guard.ts'
import { deploySafe } from './safe.ts'

const CID = `0x0155${'58'.repeat(34)}`
/** Of the native asset and the token, at first. */
export const FUNDS = 10n ** 6n

/** What a proof becomes in calldata, with the moment and the version that it is about. */
export type Verdict = {
  readonly at: number
  readonly version: bigint
  readonly output: bigint
  readonly proof: InferenceProof['proof']
  readonly reading: Reading
}

/** The guard of the other tests; model 4 of the hub is the fraud model, and a Safe with limits asks it. */
export async function createModelGuard(prover: InferenceProver) {
  const world = await createGuard()
  const { ethers, guard, dao, owner, user, hub, service, models, keepers, verifiers, described, asset, token } = world
  const { circuitId, modelCommitment } = prover.circuit.folder.manifest
  const { vkHash } = prover.metadata
  const commitment = toBeHex(modelCommitment, 32)
  const { Spends } = compile(exportVerifier(prover.key, { name: 'Spends', setupKind: 'local' }))
  const verifier = await new ContractFactory(Spends!.abi, Spends!.bytecode, dao).deploy()
  await verifiers.register(circuitId, await verifier.getAddress(), vkHash, 1, '0x')
  await keepers.publish(1, 20, commitment, CID, 7)
  const version = await models.versionCount(service)
  await hub
    .connect(owner)
    .registerModel(described(commitment, { circuitHash: circuitId, vkHash }), service, version, OUTPUT.labelAndMargin)
  const modelId = Number(await hub.modelCount())

  const safe = await deploySafe([dao, owner])
  const { address } = safe
  await dao.sendTransaction({ to: address, value: FUNDS })
  await token.connect(user).transfer(address, FUNDS)
  const to = await guard.getAddress()
  const tell = (name: string, args: readonly unknown[]) =>
    safe.execute({ to, data: guard.interface.encodeFunctionData(name as 'announce', args as never) })
  const policy = { modelId, approvedLabel: APPROVED, margins: true, minMargin: 0n }
  const times = { window: DAY, verdictSeconds: 10 * MINUTE, delay: 2 * DAY }
  await tell('setLimit', [ZeroAddress, LIMIT])
  await tell('setLimit', [asset, LIMIT])
  await tell('setPolicy', [{ ...policy, ...times }])
  await safe.execute({ to: address, data: safe.interface.encodeFunctionData('setGuard', [to]) })

  const ask = (spend: GuardedSpend, account = address) => askGuard(to, ethers.provider, account, spend)
  /** What the model says of a spend of the Safe now, proven. */
  const judge = async (spend: GuardedSpend): Promise<Verdict> => {
    const question = await ask(spend)
    const { reading, proof } = await proveSpend(prover, question.bytes, question.context)
    return { at: question.at, version: question.version, output: proof.publicSignals[2]!, proof: proof.proof, reading }
  }
  const submit = (spend: GuardedSpend, { at, version: of, output, proof }: Verdict, account = address) => {
    const { a, b, c } = toSolidityProof(proof)
    const calldata = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as never
    return guard.connect(world.prover).submitVerdict(account, spend, at, of, output, calldata)
  }
  return { ...world, safe, address, guardAddress: to, tell, modelId, ask, judge, submit }
}

export type ModelGuard = Awaited<ReturnType<typeof createModelGuard>>

/** A chain in this process, as an endpoint that other processes can ask. */
export async function serveChain(provider: { send(method: string, params: unknown[]): Promise<unknown> }) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString())
    const calls = Array.isArray(body) ? body : [body]
    const answers = []
    for (const { id, method, params = [] } of calls) {
      const answer = await provider.send(method, params).then(
        (result) => ({ result }),
        (error) => ({ error: { code: error.code ?? -32_000, message: error.message, data: error.data } }),
      )
      answers.push({ jsonrpc: '2.0', id, ...answer })
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((done) => server.close(done)) }
}
