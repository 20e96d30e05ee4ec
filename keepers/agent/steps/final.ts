// SPDX-License-Identifier: GPL-3.0-or-later
// Decides when an event on the chain can no longer be undone: by depth, and, if the operator asks for that, by the block that the chain
// itself calls final.
import { z } from 'zod'
import { type EndpointAnswer, hasWitnesses, settles } from '../../chain/index.ts'
import type { Step } from '../context.ts'

const answerSchema = z.object({
  number: z
    .string()
    .regex(/^0x[0-9a-f]{1,12}$/)
    .transform(Number),
})

/**
 * Whether the block is `chain.confirmations` deep and, with `chain.finality`, not above the block of that tag (Ethereum's execution API):
 * `finalized` by the validators, or `safe`, which on a rollup means that its data is on the chain below. The tagged block counts as far as two
 * endpoints have reached it, or the operator's own endpoint, or the only one.
 */
export async function isFinal(step: Step, block: number): Promise<boolean> {
  const { confirmations, finality } = step.context.config.chain
  if (step.snapshot.block - block + 1 < confirmations) return false
  return finality === undefined || (await finalBlock(step, finality, block)) >= block
}

/** The number of the tagged block. Asks at most once per block, and only when the known number is too low. */
async function finalBlock(step: Step, tag: 'safe' | 'finalized', needed: number): Promise<number> {
  const { endpoints, remembered, log } = step.context
  const known = remembered.final
  if (known !== null && (known.block >= needed || known.askedAt === step.snapshot.block)) return known.block
  const answers = await endpoints.everywhere('eth_getBlockByNumber', [tag, false], step.signal)
  const heard = answers.filter((answer) => numberOf(answer) !== null)
  const reached = (least: number) => heard.filter((answer) => numberOf(answer)! >= least)
  const block = heard
    .map((answer) => numberOf(answer)!)
    .sort((a, b) => b - a)
    .find((least) => !hasWitnesses(endpoints) || settles(reached(least), heard))
  if (block === undefined) {
    const others = answers.map(({ endpoint, reason }) => ({ endpoint, reason: reason ?? 'no such block' }))
    log.warn({ event: 'nothing final', tag, others }, `the endpoints do not say which block is ${tag}`)
  }
  remembered.final = { block: Math.max(block ?? -1, known?.block ?? -1), askedAt: step.snapshot.block }
  return remembered.final.block
}

function numberOf({ result }: EndpointAnswer): number | null {
  return answerSchema.safeParse(result).data?.number ?? null
}
