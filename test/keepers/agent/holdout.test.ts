// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { AgentContext } from '../../../keepers/agent/context.ts'
import { judge, noteGood } from '../../../keepers/agent/holdout.ts'
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

  const verdictOn = (accuracy: number, loss = 1): boolean => {
    const log = { warn: (fields: (typeof warned)[number]) => warned.push(fields) } as unknown as AgentContext['log']
    const { good, reference } = judge({ store, manifest, log }, { accuracy, loss, testAccuracy: null, testLoss: null })
    if (good) noteGood(store, { round: 1, accuracy, reference })
    return good
  }

  it('refuses a model that is a tolerance worse than the best was, however slowly it came down', () => {
    expect([0.1, 0.9, 0.75, 0.66].map((accuracy) => verdictOn(accuracy))).to.deep.equal([true, true, true, true])
    expect(verdictOn(0.6)).to.equal(false)
    expect(warned.map(({ event }) => event)).to.deep.equal(['model refused'])
    expect(warned[0]!.before).to.be.within(0.89, 0.9)
  })

  it('FINDING: goes on voting after a candidate that the other members refused', () => {
    // A member whose samples are nearly all of class A; an attacker's candidate says A to everything, and is not accepted.
    expect([0.6, 0.62, 1].map((accuracy) => verdictOn(accuracy))).to.deep.equal([true, true, true])
    const honest = Array.from({ length: 1000 }, (_, round) => verdictOn(Math.min(0.74, 0.62 + round / 1000)))
    expect(honest.filter((good) => good).length).to.be.greaterThan(0)
  })

  it('learns nothing from a model that it refuses', () => {
    verdictOn(0.9)
    for (let round = 0; round < 200; round++) expect(verdictOn(0.5)).to.equal(false)
    expect(verdictOn(0.7)).to.equal(true)
  })

  it('refuses a model without a finite loss, whatever it gets right', () => {
    expect(verdictOn(1, Number.NaN)).to.equal(false)
    expect(verdictOn(1, Number.POSITIVE_INFINITY)).to.equal(false)
  })

  it('goes on from what an earlier release noted: the accuracy of the last model', () => {
    store.putRecord('holdout', { round: 3, accuracy: 0.8 })
    expect(verdictOn(0.5)).to.equal(false)
    expect(verdictOn(0.56)).to.equal(true)
    expect(verdictOn(0.5)).to.equal(false)
  })
})
