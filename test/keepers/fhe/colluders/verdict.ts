// SPDX-License-Identifier: GPL-3.0-or-later
// The criteria for a successful attack, and for a failed one.
import { expect } from 'chai'
import { openedKnowing } from './attack.ts'
import type { Stage } from './stage.ts'

/** From one ciphertext and the known plaintext of a round: every coefficient of Σ s_i without masks, none with them. */
export async function expectKnownPlaintextVerdicts(stage: Stage): Promise<void> {
  const { kernel } = stage.core
  const truth = stage.secret(stage.honest)
  const message = stage.message(stage.honest)
  const [unmasked] = await stage.observe('unmasked')
  expectFound(openedKnowing(kernel, unmasked!, message), truth)
  const [masked] = await stage.observe('masked')
  expectFar(openedKnowing(kernel, masked!, message), truth)
}

/** Of the coefficients that the attack takes for certain, it expects 0.02 to be wrong: it may fail once in fifty times. */
const ATTEMPTS = 3

/** From two rounds of unknown plaintexts: the victim's secret and its update without masks, neither with them. */
export async function expectUnknownPlaintextVerdicts(open: () => Promise<Stage>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await using stage = await open()
    const truth = stage.secret([stage.victim])
    const shut = await stage.victimByAttack('masked')
    expectFar(shut, truth)
    // Values lie within ±8.
    expect(stage.errorUnder(shut)).to.be.above(1000)
    const opened = await stage.victimByAttack('unmasked')
    if (attempt < ATTEMPTS && opened.some((value, k) => value !== truth[k])) continue
    expectFound(opened, truth)
    expect(stage.errorUnder(opened)).to.be.below(1e-13)
    return
  }
}

function expectFound(found: readonly bigint[], truth: readonly bigint[]): void {
  expect(found.filter((value, k) => value !== truth[k]).length, 'coefficients not found').to.equal(0)
}

/** Coefficients of a secret are below 20; these are as good as uniform modulo Q, some 2^120. */
function expectFar(found: readonly bigint[], truth: readonly bigint[]): void {
  expect(found.filter((value, k) => value === truth[k]).length, 'coefficients found').to.equal(0)
  const sizes = found.map((value, k) => Math.log2(Math.abs(Number(value - truth[k]!)))).sort((a, b) => a - b)
  expect(sizes[Math.floor(sizes.length / 2)], 'median distance, bits').to.be.above(115)
  // The nearest of 8,192 uniform values is off by 2^-14 of the range, more or less.
  expect(sizes[0], 'least distance, bits').to.be.above(90)
}
