// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { AgentContext } from '../../../keepers/agent/context.ts'
import { isGood, noteAccepted } from '../../../keepers/agent/holdout.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'

describe('a keeper’s judgement of candidates', () => {
  const manifest = exampleManifest('logistic')
  let folder: string
  let store: KeeperStore
  let warned: { readonly event: string; readonly before: number | null }[]
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-holdout-'))
    const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
    store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
    warned = []
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const context = (changes: Partial<Parameters<typeof isGood>[0]> = {}): Parameters<typeof isGood>[0] => {
    const log = { warn: (fields: (typeof warned)[number]) => warned.push(fields) } as unknown as AgentContext['log']
    return { store, manifest, log, trainer: { shard: { samples: 100, heldOut: 10 } }, ...changes }
  }
  const verdictOn = (accuracy: number, loss = 1, of = context()): boolean =>
    isGood(of, { accuracy, loss, testAccuracy: null, testLoss: null, figures: {} })
  /** What this keeper thinks of a model that all the others accept. */
  const accepted = (accuracy: number): boolean => {
    const good = verdictOn(accuracy)
    noteAccepted(context(), { round: 1, accuracy, loss: 1 })
    return good
  }

  it('refuses a model that is a tolerance worse than the best accepted was, however slowly it came down', () => {
    expect([0.1, 0.9, 0.75, 0.66].map(accepted)).to.deep.equal([true, true, true, true])
    expect(verdictOn(0.6)).to.equal(false)
    expect(warned.map(({ event }) => event)).to.deep.equal(['model refused'])
    expect(warned[0]!.before).to.be.within(0.89, 0.9)
  })

  it('goes on voting after a candidate that the other members refused', () => {
    // A member whose samples are nearly all of class A; an attacker's candidate says A to everything, and is not accepted.
    expect([0.6, 0.62].map(accepted)).to.deep.equal([true, true])
    expect(verdictOn(1)).to.equal(true)
    expect([0.5, 0.6, 0.74].map(accepted)).to.deep.equal([true, true, true])
  })

  it('learns nothing from models that it refuses and nobody accepts', () => {
    accepted(0.9)
    for (let round = 0; round < 200; round++) expect(verdictOn(0.5)).to.equal(false)
    expect(verdictOn(0.7)).to.equal(true)
  })

  it('comes round when the others go on accepting what it finds worse', () => {
    accepted(0.9)
    const verdicts = Array.from({ length: 100 }, () => accepted(0.6))
    expect(verdicts.slice(0, 10)).to.not.include(true)
    expect(verdicts.slice(-10)).to.not.include(false)
  })

  it('begins anew on other samples, and on other terms', () => {
    accepted(0.9)
    expect(verdictOn(0.5)).to.equal(false)
    expect(verdictOn(0.5, 1, context({ trainer: { shard: { samples: 101, heldOut: 10 } } }))).to.equal(true)
    const other = exampleManifest('logistic', { rounds: { clipBound: 2 } })
    expect(verdictOn(0.5, 1, context({ manifest: other }))).to.equal(true)
  })

  it('refuses a model without a finite loss, whatever it gets right', () => {
    expect(verdictOn(1, Number.NaN)).to.equal(false)
    expect(verdictOn(1, Number.POSITIVE_INFINITY)).to.equal(false)
  })

  it('goes on from what an earlier release noted: the accuracy of the last model', () => {
    store.putRecord('holdout', { round: 3, accuracy: 0.8 })
    expect(verdictOn(0.5)).to.equal(false)
    expect(accepted(0.56)).to.equal(true)
    expect(verdictOn(0.5)).to.equal(false)
  })

  it('judges amounts by their loss: a model worse by more than a tolerance than the best is refused, a negative R² is not', () => {
    const vote = { metric: 'loss', tolerance: 0.25, holdOut: 0.1 } as const
    const judging = context({ manifest: { ...manifest, vote } })
    const verdict = (loss: number, accuracy = -3): boolean =>
      isGood(judging, { accuracy, loss, testAccuracy: null, testLoss: null, figures: {} })
    expect(verdict(9)).to.equal(true)
    noteAccepted(judging, { round: 1, accuracy: -3, loss: 9 })
    noteAccepted(judging, { round: 2, accuracy: 0.4, loss: 0.8 })
    noteAccepted(judging, { round: 3, accuracy: 0.3, loss: 0.9 })
    expect([verdict(0.95), verdict(1.01), verdict(Number.NaN), verdict(Number.POSITIVE_INFINITY)]).to.deep.equal([
      true,
      false,
      false,
      false,
    ])
    expect(warned[0]).to.deep.include({ event: 'model refused', loss: 1.01 })
    expect(warned[0]!.before).to.be.within(0.8, 0.81)
    // By accuracy the same model would be refused from the start.
    expect(verdictOn(-3)).to.equal(false)
  })
})
