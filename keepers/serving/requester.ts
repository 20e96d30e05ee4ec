// SPDX-License-Identifier: GPL-3.0-or-later
import { hexlify, type Signer, toBeHex } from 'ethers'
import { clients } from '../chain/index.ts'
import { encodeInput, type IntegerProgram, randomSalt } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { commitmentOf, encodePayload } from './payload.ts'

export type InferenceOrder = {
  readonly signer: Signer
  readonly hub: string
  readonly modelId: bigint
  /** Of the model's circuit; decides how the input is rounded. */
  readonly program: IntegerProgram
  /** Real values, row-major. */
  readonly input: ArrayLike<number>
  /** Wei for the first valid proof. */
  readonly price: bigint
  /** Seconds from now, by the chain's clock. */
  readonly seconds: number
}

/**
 * Posts a request with a public input and its price in escrow. Returns the request's id.
 * @throws ServingError wrong-circuit when an input does not fit a byte
 */
export async function requestInference(order: InferenceOrder): Promise<{ requestId: string; gasUsed: bigint }> {
  const { signer, program, modelId } = order
  if (program.input.bits > 8) {
    throw new ServingError('wrong-circuit', `the circuit's inputs have ${program.input.bits} bits, a payload carries 8`)
  }
  const hub = clients.hub(order.hub, signer)
  const values = Uint8Array.from(encodeInput(program, order.input), (value) => value - program.input.min)
  const payload = { values, salt: randomSalt() }
  const latest = await signer.provider!.getBlock('latest')
  const sent = await hub.request(
    modelId,
    toBeHex(commitmentOf(payload, program), 32),
    BigInt(latest!.timestamp + order.seconds),
    0,
    hexlify(encodePayload(payload)),
    { value: order.price },
  )
  const receipt = await sent.wait()
  const posted = receipt!.logs
    .map((log) => hub.interface.parseLog(log))
    .find((log) => log?.name === 'InferenceRequested')
  return { requestId: posted!.args.requestId, gasUsed: receipt!.gasUsed }
}
